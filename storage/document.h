#ifndef FAREBOX_STORAGE_DOCUMENT_H_
#define FAREBOX_STORAGE_DOCUMENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "storage/entry.h"

namespace farebox {

// Which kind of document it is: the layer above's own numbers, 1 to 255, never given out again.
using DocumentKind = uint8_t;

// Documents of these kinds are written once: a change or a removal fails with Aborted.
inline constexpr DocumentKind kAppendOnlyKindMin = 192;

// Something beside the journal that changes rarely and must not be lost: a card on file, an attempt
// to charge it, a rented number, a mail to send. What it says is the layer above's own.
//
// Those that a worker is to look at carry a time; those of which there may be one at most of a sort
// (an open attempt of an account) share a slot.
struct Document {
  DocumentKind kind = 0;
  // Unique within its kind, never empty.
  std::string key;
  // Assigned by the catalog: growing with each new document.
  int64_t id = 0;
  // 1 when it is new, one more with each change.
  int64_t revision = 0;
  // The account that it belongs to; 0 for none. Never changes.
  AccountNumber account = 0;
  // Empty, or taken by no other document of its kind.
  std::string slot;
  // When a worker is to look at it; InfiniteFuture for never.
  absl::Time due = absl::InfiniteFuture();
  std::string content;

  friend bool operator==(const Document&, const Document&) = default;
};

// Documents that are written together or not at all.
using DocumentGroup = std::vector<Document>;

}  // namespace farebox

#endif  // FAREBOX_STORAGE_DOCUMENT_H_
