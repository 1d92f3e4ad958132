#ifndef FAREBOX_SERVER_SECURITY_LAST_USE_H_
#define FAREBOX_SERVER_SECURITY_LAST_USE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "storage/document.h"
#include "storage/document_store.h"
#include "storage/status_macros.h"

namespace farebox::server {

// When something that is kept in a document was used last.
struct LastUse {
  // The document's.
  std::string key;
  int64_t micros = 0;
};

// Notes it in the documents, which are `Stored`, in one commit for all of them; those that are gone
// are left out. Waits for a disk.
template <typename Stored>
absl::Status WriteLastUse(DocumentStore* documents, DocumentKind kind,
                          absl::Span<const LastUse> uses) {
  while (true) {
    DocumentGroup group;
    for (const LastUse& use : uses) {
      FAREBOX_ASSIGN_OR_RETURN(std::optional<Document> document, documents->Find(kind, use.key));
      if (!document.has_value()) continue;
      Stored stored;
      if (!stored.ParseFromString(document->content)) {
        return absl::DataLossError(absl::StrCat(use.key, " cannot be read"));
      }
      stored.set_last_used_micros(use.micros);
      document->content = stored.SerializeAsString();
      group.push_back(*std::move(document));
    }
    if (group.empty()) return absl::OkStatus();
    const absl::Status written = documents->Put(std::move(group));
    // Where somebody has changed one meanwhile, none was written.
    if (!absl::IsAborted(written)) return written;
  }
}

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SECURITY_LAST_USE_H_
