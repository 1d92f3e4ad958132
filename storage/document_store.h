#ifndef FAREBOX_STORAGE_DOCUMENT_STORE_H_
#define FAREBOX_STORAGE_DOCUMENT_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "storage/document.h"
#include "storage/journal.h"
#include "storage/ledger.h"
#include "storage/mutex.h"

namespace farebox {

// The documents of a ledger, for threads that may wait for a disk. Writes of many threads at once
// share a commit, as those of the journal do. catalog.h says what each call does.
//
// Thread-safe. The ledger and the journal outlive it.
class DocumentStore {
 public:
  DocumentStore(Ledger* ledger, Journal* journal) : ledger_(ledger), journal_(journal) {}
  DocumentStore(const DocumentStore&) = delete;
  DocumentStore& operator=(const DocumentStore&) = delete;

  // Returns when the group is durable, or is not going to be.
  absl::Status Put(DocumentGroup group);

  // Removes a document as it was read.
  absl::Status Remove(const Document& document);

  // What had been put when the call began is seen.
  absl::StatusOr<std::optional<Document>> Find(DocumentKind kind, absl::string_view key);
  absl::StatusOr<std::optional<Document>> FindInSlot(DocumentKind kind, absl::string_view slot);
  absl::StatusOr<std::vector<Document>> List(DocumentKind kind, AccountNumber account,
                                             int64_t before, size_t count_max);
  absl::StatusOr<std::vector<Document>> ListDue(DocumentKind kind, absl::Time end,
                                                size_t count_max);

 private:
  // The groups of all that came before the writer did.
  struct Batch {
    std::vector<DocumentGroup> groups;
    // One a group, once the batch is over.
    std::vector<absl::Status> outcomes;
  };

  void Submit(const std::shared_ptr<Batch>& batch);
  // Nothing is added to the batch any more.
  void Close(const Batch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  template <typename Result>
  Result Read(absl::FunctionRef<Result(CatalogReader&)> query);

  Ledger* const ledger_;
  Journal* const journal_;

  Mutex mu_;
  CondVar ended_;  // Signalled when a batch has its outcomes.
  // What the writer has not taken yet; null where nothing waits.
  std::shared_ptr<Batch> gathering_ ABSL_GUARDED_BY(mu_);
  // Readers that nobody uses at the moment.
  std::vector<std::unique_ptr<JournalReader>> idle_readers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_DOCUMENT_STORE_H_
