#ifndef FAREBOX_STORAGE_SQLITE_JOURNAL_READER_H_
#define FAREBOX_STORAGE_SQLITE_JOURNAL_READER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/entry.h"
#include "storage/journal.h"
#include "storage/sqlite/account_walker.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/sqlite_catalog.h"

namespace farebox::sqlite {

// Reads journal.db through a connection of its own. Each step is one short read transaction of a
// bounded number of rows, and no caller's function runs inside one (but for ScanRequestIds): a slow
// caller never keeps the writer from beginning its log anew.
class SqliteJournalReader : public JournalReader {
 public:
  // `index` may be null: then an account's entries are found by their links alone.
  static absl::StatusOr<std::unique_ptr<SqliteJournalReader>> Open(
      const std::string& path, std::unique_ptr<AccountIndex> index);

  absl::StatusOr<Entry> Read(EntryId id) override;
  absl::Status Scan(EntryId first, EntryId last,
                    absl::FunctionRef<bool(const Entry&)> visit) override;
  absl::Status ScanRequestIds(EntryId first, EntryId last, VisitRequestId visit) override;
  absl::Status ScanBatches(int64_t first, absl::FunctionRef<bool(const BatchHead&)> visit) override;
  absl::StatusOr<EntryId> ScanAccount(const AccountScan& scan,
                                      absl::FunctionRef<bool(const Entry&)> visit) override {
    return accounts_->Scan(scan, visit);
  }
  absl::StatusOr<std::vector<AccountTotals>> ReadTotals(
      AccountNumber account, EntryId newest, absl::Span<const EntryId> positions) override {
    return accounts_->ReadTotals(account, newest, positions);
  }
  absl::StatusOr<EntryId> LastEntryBefore(absl::Time time) override;
  CatalogReader& catalog() override { return catalog_; }

  // The batch that an entry belongs to, or the newest one where the entry is above it; number 0
  // where there is no batch.
  absl::StatusOr<BatchHead> FindBatchOf(EntryId entry);
  // Number 0 where there is no such batch.
  absl::StatusOr<BatchHead> ReadBatchHead(int64_t number);

 private:
  explicit SqliteJournalReader(Connection connection);

  absl::Status Prepare(std::unique_ptr<AccountIndex> index);
  // Reads the next entries of a scan; fewer than there is room for only at the end.
  absl::Status FillEntries(EntryId first, EntryId last, std::vector<Entry>* page, size_t* count);
  // The last batch for which `is_below` holds; it holds for all before that one and none after.
  absl::StatusOr<BatchHead> BisectBatches(absl::FunctionRef<bool(const BatchHead&)> is_below);

  Connection connection_;
  std::unique_ptr<AccountWalker> accounts_;
  SqliteCatalogReader catalog_;

  Snapshots snapshots_;
  Statement entry_by_id_;
  Statement entries_;
  Statement request_ids_;
  Statement batch_by_number_;
  Statement batches_;
  Statement newest_batch_;
};

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_JOURNAL_READER_H_
