#include "storage/sqlite/journal_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/errors.h"
#include "storage/sqlite/entry_row.h"
#include "storage/sqlite/journal_schema.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

// Rows read in one transaction.
constexpr size_t kPageEntries = 256;
// Request ids are handed over as they are read, so that one read transaction goes over more.
constexpr EntryId kPageRequestIds = 4'096;

}  // namespace

SqliteJournalReader::SqliteJournalReader(Connection connection)
    : connection_(std::move(connection)), catalog_(&connection_) {}

absl::StatusOr<std::unique_ptr<SqliteJournalReader>> SqliteJournalReader::Open(
    const std::string& path, std::unique_ptr<AccountIndex> index) {
  FAREBOX_ASSIGN_OR_RETURN(Connection connection, OpenJournalForReading(path));
  auto reader =
      std::unique_ptr<SqliteJournalReader>(new SqliteJournalReader(std::move(connection)));
  FAREBOX_RETURN_IF_ERROR(reader->Prepare(std::move(index)));
  return reader;
}

absl::Status SqliteJournalReader::Prepare(std::unique_ptr<AccountIndex> index) {
  FAREBOX_ASSIGN_OR_RETURN(accounts_, AccountWalker::Make(&connection_, std::move(index)));
  const std::string entry = absl::StrCat("SELECT ", kEntryColumns, " FROM entry WHERE id ");
  const std::string batch = absl::StrCat("SELECT ", kBatchColumns, " FROM batch WHERE number ");
  FAREBOX_ASSIGN_OR_RETURN(snapshots_, Snapshots::Prepare(&connection_));
  FAREBOX_ASSIGN_OR_RETURN(entry_by_id_, connection_.Prepare(absl::StrCat(entry, "= ?")));
  FAREBOX_ASSIGN_OR_RETURN(
      entries_, connection_.Prepare(absl::StrCat(entry, "BETWEEN ? AND ? ORDER BY id LIMIT ?")));
  FAREBOX_ASSIGN_OR_RETURN(
      request_ids_, connection_.Prepare("SELECT id, account, request_id FROM entry "
                                        "WHERE id BETWEEN ? AND ? AND request_id IS NOT NULL"));
  FAREBOX_ASSIGN_OR_RETURN(batch_by_number_, connection_.Prepare(absl::StrCat(batch, "= ?")));
  FAREBOX_ASSIGN_OR_RETURN(
      batches_, connection_.Prepare(absl::StrCat(batch, ">= ? ORDER BY number LIMIT ?")));
  FAREBOX_ASSIGN_OR_RETURN(newest_batch_, connection_.Prepare("SELECT max(number) FROM batch"));
  return absl::OkStatus();
}

absl::StatusOr<Entry> SqliteJournalReader::Read(EntryId id) {
  const ResetOnExit reset(&entry_by_id_);
  entry_by_id_.BindInt64(1, id);
  const int result = entry_by_id_.Step();
  if (result == SQLITE_DONE) {
    return absl::NotFoundError(absl::StrCat("the journal has no entry ", id));
  }
  if (result != SQLITE_ROW) return AsJournalDamage(id, connection_.LastError());
  Entry entry;
  if (!ReadEntry(entry_by_id_, &entry)) return error::JournalDamaged(id, "it cannot be read");
  return entry;
}

absl::Status SqliteJournalReader::Scan(EntryId first, EntryId last,
                                       absl::FunctionRef<bool(const Entry&)> visit) {
  std::vector<Entry> page(kPageEntries);
  size_t count = page.size();
  while (count == page.size() && first <= last) {
    FAREBOX_RETURN_IF_ERROR(FillEntries(first, last, &page, &count));
    for (size_t i = 0; i < count; ++i) {
      if (!visit(page[i])) return absl::OkStatus();
      first = page[i].id + 1;
    }
  }
  return absl::OkStatus();
}

absl::Status SqliteJournalReader::FillEntries(EntryId first, EntryId last, std::vector<Entry>* page,
                                              size_t* count) {
  const ResetOnExit reset(&entries_);
  entries_.BindInt64(1, first);
  entries_.BindInt64(2, last);
  entries_.BindInt64(3, static_cast<int64_t>(page->size()));
  *count = 0;
  int result = entries_.Step();
  for (; result == SQLITE_ROW; result = entries_.Step()) {
    Entry& entry = (*page)[*count];
    if (!ReadEntry(entries_, &entry)) {
      return error::JournalDamaged(entries_.Int64(kIdColumn), "it cannot be read");
    }
    ++*count;
  }
  if (result == SQLITE_DONE) return absl::OkStatus();
  absl::Status failure = connection_.LastError();
  if (!absl::IsDataLoss(failure)) return failure;
  return error::JournalDamaged(*count == 0 ? first : (*page)[*count - 1].id + 1, failure.message());
}

absl::Status SqliteJournalReader::ScanRequestIds(EntryId first, EntryId last,
                                                 VisitRequestId visit) {
  std::string request_id;
  for (; first <= last; first += kPageRequestIds) {
    const ResetOnExit reset(&request_ids_);
    request_ids_.BindInt64(1, first);
    request_ids_.BindInt64(2, std::min(last, first + kPageRequestIds - 1));
    int result = request_ids_.Step();
    for (; result == SQLITE_ROW; result = request_ids_.Step()) {
      const EntryId entry = request_ids_.Int64(0);
      if (!ReadRequestId(request_ids_, 2, &request_id)) {
        return error::JournalDamaged(entry, "its request id cannot be read");
      }
      if (!visit(entry, request_ids_.Int64(1), request_id)) return absl::OkStatus();
    }
    if (result != SQLITE_DONE) return AsJournalDamage(first, connection_.LastError());
  }
  return absl::OkStatus();
}

absl::Status SqliteJournalReader::ScanBatches(int64_t first,
                                              absl::FunctionRef<bool(const BatchHead&)> visit) {
  std::vector<BatchHead> page;
  do {
    page.clear();
    batches_.BindInt64(1, first);
    batches_.BindInt64(2, kPageEntries);
    const ResetOnExit reset(&batches_);
    int result = batches_.Step();
    for (; result == SQLITE_ROW; result = batches_.Step()) {
      BatchHead& head = page.emplace_back();
      if (!ReadBatch(batches_, &head)) {
        return error::JournalDamaged(head.first, "its batch cannot be read");
      }
    }
    if (result != SQLITE_DONE) return AsJournalDamage(0, connection_.LastError());
    batches_.Reset();
    for (const BatchHead& head : page) {
      if (!visit(head)) return absl::OkStatus();
      first = head.number + 1;
    }
  } while (page.size() == kPageEntries);
  return absl::OkStatus();
}

absl::StatusOr<EntryId> SqliteJournalReader::LastEntryBefore(absl::Time time) {
  FAREBOX_ASSIGN_OR_RETURN(const BatchHead batch, BisectBatches([time](const BatchHead& head) {
                             return head.time < time;
                           }));
  return batch.last;
}

absl::StatusOr<BatchHead> SqliteJournalReader::FindBatchOf(EntryId entry) {
  return BisectBatches([entry](const BatchHead& head) { return head.first <= entry; });
}

absl::StatusOr<bool> SqliteJournalReader::HasBatch(const BatchHead& batch) {
  if (batch.number == 0) return true;
  FAREBOX_ASSIGN_OR_RETURN(const BatchHead here, ReadBatchHead(batch.number));
  return here.last == batch.last && here.hash == batch.hash;
}

absl::StatusOr<BatchHead> SqliteJournalReader::ReadBatchHead(int64_t number) {
  const ResetOnExit reset(&batch_by_number_);
  BatchHead head;
  batch_by_number_.BindInt64(1, number);
  const int result = batch_by_number_.Step();
  if (result == SQLITE_DONE) return head;
  if (result != SQLITE_ROW) return AsJournalDamage(0, connection_.LastError());
  if (!ReadBatch(batch_by_number_, &head)) {
    return error::JournalDamaged(head.first, "its batch cannot be read");
  }
  return head;
}

absl::StatusOr<BatchHead> SqliteJournalReader::BisectBatches(
    absl::FunctionRef<bool(const BatchHead&)> is_below) {
  BatchHead found;
  const absl::Status status = snapshots_.Run([&]() -> absl::Status {
    const ResetOnExit reset(&newest_batch_);
    if (newest_batch_.Step() != SQLITE_ROW) return AsJournalDamage(0, connection_.LastError());
    // Holds for the batch `below`, if there is one, and not for `above`, if there is one.
    int64_t below = 0;
    int64_t above = newest_batch_.Int64(0) + 1;
    while (above - below > 1) {
      const int64_t middle = below + (above - below) / 2;
      FAREBOX_ASSIGN_OR_RETURN(const BatchHead head, ReadBatchHead(middle));
      if (head.number != middle) {
        return error::JournalDamaged(found.last + 1, "its batch is missing");
      }
      if (is_below(head)) {
        found = head;
        below = middle;
      } else {
        above = middle;
      }
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return found;
}

}  // namespace farebox::sqlite
