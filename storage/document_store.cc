#include "storage/document_store.h"

#include <utility>

#include "storage/status_macros.h"

namespace farebox {

absl::Status DocumentStore::Put(DocumentGroup group) {
  std::shared_ptr<Batch> batch;
  size_t index = 0;
  {
    MutexLock lock(&mu_);
    if (gathering_ == nullptr) gathering_ = std::make_shared<Batch>();
    batch = gathering_;
    index = batch->groups.size();
    batch->groups.push_back(std::move(group));
  }
  // Whoever comes before the writer does is taken along.
  if (index == 0) Submit(batch);
  MutexLock lock(&mu_);
  while (batch->outcomes.empty()) ended_.Wait(&mu_);
  return batch->outcomes[index];
}

absl::Status DocumentStore::Remove(const Document& document) {
  std::optional<absl::Status> outcome;
  ledger_->SubmitCatalogChange([&](Catalog& catalog) { return catalog.RemoveDocument(document); },
                               [&](const absl::Status& status) {
                                 MutexLock lock(&mu_);
                                 outcome = status;
                                 ended_.SignalAll();
                               });
  MutexLock lock(&mu_);
  while (!outcome.has_value()) ended_.Wait(&mu_);
  return *std::move(outcome);
}

void DocumentStore::Submit(const std::shared_ptr<Batch>& batch) {
  const auto outcomes = std::make_shared<std::vector<absl::Status>>();
  const auto put = [this, batch, outcomes](Catalog& catalog) {
    {
      MutexLock lock(&mu_);
      Close(*batch);
    }
    FAREBOX_ASSIGN_OR_RETURN(*outcomes, catalog.PutDocuments(batch->groups));
    return absl::OkStatus();
  };
  ledger_->SubmitCatalogChange(put, [this, batch, outcomes](const absl::Status& status) {
    MutexLock lock(&mu_);
    Close(*batch);  // It may have been refused before it was looked at.
    if (!status.ok()) outcomes->assign(batch->groups.size(), status);
    batch->outcomes = std::move(*outcomes);
    ended_.SignalAll();
  });
}

void DocumentStore::Close(const Batch& batch) {
  if (gathering_.get() == &batch) gathering_.reset();
}

// ---- Reading

template <typename Result>
Result DocumentStore::Read(absl::FunctionRef<Result(CatalogReader&)> query) {
  std::unique_ptr<JournalReader> reader;
  {
    MutexLock lock(&mu_);
    if (!idle_readers_.empty()) {
      reader = std::move(idle_readers_.back());
      idle_readers_.pop_back();
    }
  }
  if (reader == nullptr) {
    FAREBOX_ASSIGN_OR_RETURN(reader, journal_->NewReader());
  }
  Result result = query(reader->catalog());
  MutexLock lock(&mu_);
  idle_readers_.push_back(std::move(reader));
  return result;
}

absl::StatusOr<std::optional<Document>> DocumentStore::Find(DocumentKind kind,
                                                            absl::string_view key) {
  return Read<absl::StatusOr<std::optional<Document>>>(
      [&](CatalogReader& catalog) { return catalog.FindDocument(kind, key); });
}

absl::StatusOr<std::optional<Document>> DocumentStore::FindInSlot(DocumentKind kind,
                                                                  absl::string_view slot) {
  return Read<absl::StatusOr<std::optional<Document>>>(
      [&](CatalogReader& catalog) { return catalog.FindDocumentInSlot(kind, slot); });
}

absl::StatusOr<std::vector<Document>> DocumentStore::List(DocumentKind kind, AccountNumber account,
                                                          int64_t before, size_t count_max) {
  return Read<absl::StatusOr<std::vector<Document>>>([&](CatalogReader& catalog) {
    return catalog.ListDocuments(kind, account, before, count_max);
  });
}

absl::StatusOr<std::vector<Document>> DocumentStore::ListDue(DocumentKind kind, absl::Time end,
                                                             size_t count_max) {
  return Read<absl::StatusOr<std::vector<Document>>>(
      [&](CatalogReader& catalog) { return catalog.ListDueDocuments(kind, end, count_max); });
}

}  // namespace farebox
