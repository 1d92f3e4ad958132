#ifndef FAREBOX_STORAGE_REQUEST_IDS_H_
#define FAREBOX_STORAGE_REQUEST_IDS_H_

#include <cstdint>
#include <deque>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "storage/entry.h"

namespace farebox {

// 128-bit hash of an account's request id. Stable across versions: journals keep it.
absl::uint128 HashRequestId(AccountNumber account, absl::string_view request_id);

// 64-bit hash of a request's content, for Entry::fingerprint. Stable across versions.
uint64_t ContentFingerprint(absl::string_view content);

// The creation time that a UUIDv7 request id carries; nothing for any other id.
std::optional<absl::Time> TimeOfRequestId(absl::string_view request_id);

// The entries that carried the request ids of the recent past, in memory.
//
// Ids are kept in generations of a fraction of the window each, so that what is too old leaves as
// a whole and costs nothing to forget. Used only on the writer thread.
class RequestIdWindow {
 public:
  // Keeps ids for at least `window`.
  explicit RequestIdWindow(absl::Duration window);

  // The entry that carried this request id; nothing where it is unknown or forgotten.
  std::optional<EntryId> Find(absl::uint128 hash) const;

  // Entries are inserted in journal order.
  void Insert(absl::uint128 hash, EntryId entry, absl::Time time);

  // Forgets what is older than the window, as far as `forgettable_through` allows.
  void Forget(absl::Time now, EntryId forgettable_through);

  size_t size() const;

 private:
  struct Generation {
    absl::Time begin;
    EntryId last = 0;
    absl::flat_hash_map<absl::uint128, EntryId> entries;
  };

  const absl::Duration window_;
  std::deque<Generation> generations_;  // oldest first
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_REQUEST_IDS_H_
