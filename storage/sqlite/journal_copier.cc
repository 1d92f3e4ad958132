#include "storage/sqlite/journal_copier.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "storage/errors.h"
#include "storage/sqlite/entry_row.h"
#include "storage/sqlite/journal_schema.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

// Entries of one piece: some milliseconds of work, and a megabyte to be synced.
constexpr EntryId kPieceEntries = 8'192;
// Batches of one piece.
constexpr int64_t kPieceBatches = 8'192;
// Documents of one piece.
constexpr int64_t kPieceDocuments = 1'024;
// So few entries may be left for the last read of the journal.
constexpr EntryId kRestEntries = 20'000;
// A writer that is always faster than this copies is caught up with by the last read.
constexpr int kRoundsMax = 64;

constexpr char kDeckColumns[] = "id, name, version, import_time, row_count, csv_bytes, chunk_count";
constexpr char kChunkColumns[] = "deck, number, csv";
constexpr char kDocumentColumns[] = "id, kind, key, revision, account, slot, due, content";

void BindValues(const Statement& row, int columns, Statement* write) {
  for (int column = 0; column < columns; ++column) write->BindValue(column + 1, row.Value(column));
}

// What a column holds, as bytes. Text and blobs stay where they are; a number is put into `number`.
absl::string_view BytesOf(const Statement& row, int column, int64_t* number) {
  if (row.Type(column) != SQLITE_INTEGER) return row.Bytes(column);
  *number = row.Int64(column);
  return {reinterpret_cast<const char*>(number), sizeof(*number)};
}

bool IsSameRow(const Statement& a, const Statement& b, int columns) {
  int64_t number_of_a = 0;
  int64_t number_of_b = 0;
  for (int column = 0; column < columns; ++column) {
    if (a.Type(column) != b.Type(column)) return false;
    if (BytesOf(a, column, &number_of_a) != BytesOf(b, column, &number_of_b)) return false;
  }
  return true;
}

// Adds up rows so that no two different lists of them look alike.
class RowHasher {
 public:
  RowHasher() { XXH3_128bits_reset(state_.get()); }

  void Add(const Statement& row, int columns) {
    int64_t number = 0;
    for (int column = 0; column < columns; ++column) {
      const absl::string_view bytes = BytesOf(row, column, &number);
      const uint64_t head[2] = {static_cast<uint64_t>(row.Type(column)), bytes.size()};
      XXH3_128bits_update(state_.get(), head, sizeof(head));
      XXH3_128bits_update(state_.get(), bytes.data(), bytes.size());
    }
  }

  absl::uint128 Finish() {
    const XXH128_hash_t hash = XXH3_128bits_digest(state_.get());
    return absl::MakeUint128(hash.high64, hash.low64);
  }

 private:
  struct Freer {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Freer> state_{XXH3_createState()};
};

// A bare failure is the copy's.
absl::StatusOr<Statement> PrepareRead(Connection* journal, absl::string_view sql) {
  absl::StatusOr<Statement> read = journal->Prepare(sql);
  if (!read.ok()) return AsJournalDamage(0, read.status());
  return read;
}

absl::Status HashRows(Connection* journal, const std::string& select, int columns,
                      RowHasher* hasher) {
  FAREBOX_ASSIGN_OR_RETURN(Statement rows, PrepareRead(journal, select));
  int result = rows.Step();
  for (; result == SQLITE_ROW; result = rows.Step()) hasher->Add(rows, columns);
  return result == SQLITE_DONE ? absl::OkStatus() : AsJournalDamage(0, journal->LastError());
}

int CountColumns(absl::string_view columns) {
  return static_cast<int>(std::count(columns.begin(), columns.end(), ',')) + 1;
}

}  // namespace

absl::StatusOr<absl::uint128> HashCatalog(Connection* journal) {
  RowHasher hasher;
  const auto hash = [&](const char* columns, const char* rest) {
    return HashRows(journal, absl::StrCat("SELECT ", columns, " FROM ", rest),
                    CountColumns(columns), &hasher);
  };
  FAREBOX_RETURN_IF_ERROR(hash(kDeckColumns, "deck WHERE version IS NOT NULL ORDER BY id"));
  FAREBOX_RETURN_IF_ERROR(hash(kChunkColumns,
                               "deck_chunk WHERE deck IN (SELECT id FROM deck "
                               "WHERE version IS NOT NULL) ORDER BY deck, number"));
  FAREBOX_RETURN_IF_ERROR(hash(kDocumentColumns, "document ORDER BY id"));
  return hasher.Finish();
}

absl::Status CheckDocuments(const std::string& path) {
  FAREBOX_ASSIGN_OR_RETURN(Connection journal, OpenJournalForReading(path));
  FAREBOX_ASSIGN_OR_RETURN(Statement check,
                           PrepareRead(&journal, "PRAGMA integrity_check(document)"));
  if (check.Step() != SQLITE_ROW) return AsJournalDamage(0, journal.LastError());
  if (check.Bytes(0) == "ok") return absl::OkStatus();
  return error::JournalDamaged(0, absl::StrCat("documents: ", check.Bytes(0)));
}

JournalCopier::JournalCopier(Connection journal, Connection* copy, Step step)
    : journal_(std::move(journal)), copy_(*copy), step_(std::move(step)) {}

absl::StatusOr<std::unique_ptr<JournalCopier>> JournalCopier::Open(const std::string& journal_path,
                                                                   Connection* copy, Step step) {
  FAREBOX_ASSIGN_OR_RETURN(Connection journal, OpenJournalForReading(journal_path));
  auto copier =
      std::unique_ptr<JournalCopier>(new JournalCopier(std::move(journal), copy, std::move(step)));
  FAREBOX_RETURN_IF_ERROR(copier->Prepare());
  return copier;
}

absl::Status JournalCopier::Prepare() {
  FAREBOX_ASSIGN_OR_RETURN(
      newest_batch_,
      PrepareRead(&journal_, absl::StrCat("SELECT ", kBatchColumns,
                                          " FROM batch ORDER BY number DESC LIMIT 1")));
  FAREBOX_ASSIGN_OR_RETURN(entries_, PrepareTransfer("entry", kEntryColumns, "id BETWEEN ? AND ?"));
  FAREBOX_ASSIGN_OR_RETURN(batches_,
                           PrepareTransfer("batch", kBatchColumns, "number BETWEEN ? AND ?"));
  FAREBOX_ASSIGN_OR_RETURN(decks_, PrepareTransfer("deck", kDeckColumns, "id BETWEEN ? AND ?"));
  FAREBOX_ASSIGN_OR_RETURN(deck_chunks_,
                           PrepareTransfer("deck_chunk", kChunkColumns, "deck = ? AND number = ?"));
  FAREBOX_ASSIGN_OR_RETURN(
      documents_, PrepareTransfer("document", kDocumentColumns, "id > ? ORDER BY id LIMIT ?"));
  // One document may take the slot of another that is only changed after it.
  FAREBOX_ASSIGN_OR_RETURN(documents_.write, copy_.Prepare(absl::StrCat(
                                                 "INSERT OR REPLACE INTO document (",
                                                 kDocumentColumns, ") VALUES (?,?,?,?,?,?,?,?)")));
  FAREBOX_ASSIGN_OR_RETURN(
      document_in_copy_,
      copy_.Prepare(absl::StrCat("SELECT ", kDocumentColumns, " FROM document WHERE id = ?")));
  return absl::OkStatus();
}

absl::StatusOr<JournalCopier::Transfer> JournalCopier::PrepareTransfer(const std::string& table,
                                                                       const std::string& columns,
                                                                       const std::string& which) {
  Transfer transfer;
  transfer.columns = CountColumns(columns);
  FAREBOX_ASSIGN_OR_RETURN(
      transfer.read,
      PrepareRead(&journal_, absl::StrCat("SELECT ", columns, " FROM ", table, " WHERE ", which)));
  const std::vector<std::string> marks(static_cast<size_t>(transfer.columns), "?");
  FAREBOX_ASSIGN_OR_RETURN(
      transfer.write, copy_.Prepare(absl::StrCat("INSERT INTO ", table, " (", columns, ") VALUES (",
                                                 absl::StrJoin(marks, ","), ")")));
  return transfer;
}

absl::Status JournalCopier::CatchUp() {
  const auto pause = [this] { return step_(entries_through_, entries_through_); };
  FAREBOX_RETURN_IF_ERROR(CheckIsOfJournal());
  FAREBOX_RETURN_IF_ERROR(CopyEntries());
  FAREBOX_RETURN_IF_ERROR(CopyDecks(pause));
  FAREBOX_RETURN_IF_ERROR(CopyDocuments(pause));
  // Those that have come meanwhile.
  FAREBOX_RETURN_IF_ERROR(CopyEntries());
  return InPiece([&]() -> absl::Status {
    FAREBOX_RETURN_IF_ERROR(AsJournalDamage(0, journal_.Execute("BEGIN")));
    const absl::Status copied = CopyRest();
    const absl::Status ended = AsJournalDamage(0, journal_.Execute("COMMIT"));
    return copied.ok() ? ended : copied;
  });
}

absl::Status JournalCopier::CopyRest() {
  const auto no_pause = [] { return absl::OkStatus(); };
  FAREBOX_ASSIGN_OR_RETURN(head_, ReadNewest());
  FAREBOX_RETURN_IF_ERROR(CopyRows(&entries_, entries_through_ + 1, head_.last));
  FAREBOX_RETURN_IF_ERROR(CopyRows(&batches_, batches_through_ + 1, head_.number));
  FAREBOX_RETURN_IF_ERROR(CopyDecks(no_pause));
  FAREBOX_RETURN_IF_ERROR(CopyDocuments(no_pause));
  FAREBOX_RETURN_IF_ERROR(RemoveDocuments());
  FAREBOX_ASSIGN_OR_RETURN(catalog_hash_, HashCatalog(&journal_));
  return absl::OkStatus();
}

absl::StatusOr<BatchHead> JournalCopier::ReadNewest() {
  BatchHead newest;
  const ResetOnExit reset(&newest_batch_);
  const int result = newest_batch_.Step();
  if (result == SQLITE_DONE) return newest;
  if (result != SQLITE_ROW) return AsJournalDamage(0, journal_.LastError());
  if (!ReadBatch(newest_batch_, &newest)) {
    return error::JournalDamaged(newest.first, "its batch cannot be read");
  }
  return newest;
}

absl::Status JournalCopier::CheckIsOfJournal() {
  FAREBOX_ASSIGN_OR_RETURN(Statement newest,
                           copy_.Prepare(absl::StrCat("SELECT ", kBatchColumns,
                                                      " FROM batch ORDER BY number DESC LIMIT 1")));
  const int result = newest.Step();
  if (result == SQLITE_DONE) return absl::OkStatus();
  if (result != SQLITE_ROW) return copy_.LastError();
  const ResetOnExit reset(&batches_.read);
  batches_.read.BindInt64(1, newest.Int64(0));
  batches_.read.BindInt64(2, newest.Int64(0));
  const int found = batches_.read.Step();
  if (found != SQLITE_ROW && found != SQLITE_DONE) {
    return AsJournalDamage(0, journal_.LastError());
  }
  const bool is_same = found == SQLITE_ROW && IsSameRow(newest, batches_.read, batches_.columns);
  if (!is_same || !ReadBatch(newest, &before_)) {
    return error::FilesForeign(sqlite3_db_filename(copy_.handle(), "main"),
                               "it is a copy of another one");
  }
  entries_through_ = before_.last;
  batches_through_ = before_.number;
  return absl::OkStatus();
}

absl::Status JournalCopier::InPiece(absl::FunctionRef<absl::Status()> body) {
  if (copy_.in_transaction()) return body();
  return InTransaction(&copy_, body);
}

absl::Status JournalCopier::CopyRows(Transfer* transfer, int64_t first, int64_t last) {
  const ResetOnExit reset(&transfer->read);
  transfer->read.BindInt64(1, first);
  transfer->read.BindInt64(2, last);
  int result = transfer->read.Step();
  for (; result == SQLITE_ROW; result = transfer->read.Step()) {
    BindValues(transfer->read, transfer->columns, &transfer->write);
    if (transfer->write.Run() != SQLITE_OK) return copy_.LastError();
  }
  return result == SQLITE_DONE ? absl::OkStatus() : AsJournalDamage(0, journal_.LastError());
}

absl::Status JournalCopier::CopyEntries() {
  for (int round = 0; round < kRoundsMax; ++round) {
    FAREBOX_ASSIGN_OR_RETURN(const BatchHead newest, ReadNewest());
    if (newest.last - entries_through_ <= kRestEntries) return absl::OkStatus();
    while (entries_through_ < newest.last) {
      const EntryId last = std::min(newest.last, entries_through_ + kPieceEntries);
      const int64_t last_batch = std::min(newest.number, batches_through_ + kPieceBatches);
      const auto copy = [&]() -> absl::Status {
        FAREBOX_RETURN_IF_ERROR(CopyRows(&entries_, entries_through_ + 1, last));
        return CopyRows(&batches_, batches_through_ + 1, last_batch);
      };
      FAREBOX_RETURN_IF_ERROR(InPiece(copy));
      entries_through_ = last;
      batches_through_ = last_batch;
      FAREBOX_RETURN_IF_ERROR(step_(entries_through_, newest.last));
    }
  }
  return absl::OkStatus();
}

absl::Status JournalCopier::CopyDecks(Pause pause) {
  // Not by their newest alone: of two imports at once, the later id may be sealed first.
  std::vector<std::pair<int64_t, int64_t>> missing;
  {
    FAREBOX_ASSIGN_OR_RETURN(
        Statement sealed,
        PrepareRead(&journal_,
                    "SELECT id, chunk_count FROM deck WHERE version IS NOT NULL ORDER BY id"));
    FAREBOX_ASSIGN_OR_RETURN(Statement in_copy, copy_.Prepare("SELECT 1 FROM deck WHERE id = ?"));
    int result = sealed.Step();
    for (; result == SQLITE_ROW; result = sealed.Step()) {
      const ResetOnExit reset(&in_copy);
      in_copy.BindInt64(1, sealed.Int64(0));
      const int found = in_copy.Step();
      if (found != SQLITE_ROW && found != SQLITE_DONE) return copy_.LastError();
      if (found == SQLITE_DONE) missing.emplace_back(sealed.Int64(0), sealed.Int64(1));
    }
    if (result != SQLITE_DONE) return AsJournalDamage(0, journal_.LastError());
  }
  for (const auto& [id, chunk_count] : missing) {
    FAREBOX_RETURN_IF_ERROR(CopyDeck(id, chunk_count, pause));
  }
  return absl::OkStatus();
}

absl::Status JournalCopier::CopyDeck(int64_t id, int64_t chunk_count, Pause pause) {
  // Its row last: what has one is whole.
  for (int64_t number = 0; number < chunk_count; ++number) {
    FAREBOX_RETURN_IF_ERROR(InPiece([&] { return CopyRows(&deck_chunks_, id, number); }));
    FAREBOX_RETURN_IF_ERROR(pause());
  }
  return InPiece([&] { return CopyRows(&decks_, id, id); });
}

absl::Status JournalCopier::CopyDocuments(Pause pause) {
  int64_t last = 0;
  bool has_more = true;
  while (has_more) {
    const auto copy = [&]() -> absl::Status {
      FAREBOX_ASSIGN_OR_RETURN(has_more, CopyDocumentPage(&last));
      return absl::OkStatus();
    };
    FAREBOX_RETURN_IF_ERROR(InPiece(copy));
    FAREBOX_RETURN_IF_ERROR(pause());
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> JournalCopier::CopyDocumentPage(int64_t* last) {
  const ResetOnExit reset(&documents_.read);
  documents_.read.BindInt64(1, *last);
  documents_.read.BindInt64(2, kPieceDocuments);
  int64_t count = 0;
  int result = documents_.read.Step();
  for (; result == SQLITE_ROW; result = documents_.read.Step()) {
    ++count;
    *last = documents_.read.Int64(0);
    FAREBOX_ASSIGN_OR_RETURN(const bool is_there, HasDocument(documents_.read));
    if (is_there) continue;
    BindValues(documents_.read, documents_.columns, &documents_.write);
    if (documents_.write.Run() != SQLITE_OK) return copy_.LastError();
  }
  if (result != SQLITE_DONE) return AsJournalDamage(0, journal_.LastError());
  return count == kPieceDocuments;
}

// By its content: an id is given out again once its document was the newest and is gone.
absl::StatusOr<bool> JournalCopier::HasDocument(const Statement& row) {
  const ResetOnExit reset(&document_in_copy_);
  document_in_copy_.BindInt64(1, row.Int64(0));
  const int result = document_in_copy_.Step();
  if (result != SQLITE_ROW && result != SQLITE_DONE) return copy_.LastError();
  return result == SQLITE_ROW && IsSameRow(row, document_in_copy_, documents_.columns);
}

// Called when the copy has all that are there.
absl::Status JournalCopier::RemoveDocuments() {
  constexpr char kCount[] = "SELECT count(*) FROM document";
  const absl::StatusOr<int64_t> count = journal_.QueryInt64(kCount);
  if (!count.ok()) return AsJournalDamage(0, count.status());
  FAREBOX_ASSIGN_OR_RETURN(const int64_t copied, copy_.QueryInt64(kCount));
  if (copied == *count) return absl::OkStatus();

  std::vector<int64_t> gone;
  {
    constexpr char kIds[] = "SELECT id FROM document ORDER BY id";
    FAREBOX_ASSIGN_OR_RETURN(Statement there, PrepareRead(&journal_, kIds));
    FAREBOX_ASSIGN_OR_RETURN(Statement in_copy, copy_.Prepare(kIds));
    int next = there.Step();
    int result = in_copy.Step();
    for (; result == SQLITE_ROW; result = in_copy.Step()) {
      const int64_t id = in_copy.Int64(0);
      while (next == SQLITE_ROW && there.Int64(0) < id) next = there.Step();
      if (next != SQLITE_ROW && next != SQLITE_DONE) {
        return AsJournalDamage(0, journal_.LastError());
      }
      if (next == SQLITE_DONE || there.Int64(0) != id) gone.push_back(id);
    }
    if (result != SQLITE_DONE) return copy_.LastError();
  }
  FAREBOX_ASSIGN_OR_RETURN(Statement remove, copy_.Prepare("DELETE FROM document WHERE id = ?"));
  for (const int64_t id : gone) {
    remove.BindInt64(1, id);
    if (remove.Run() != SQLITE_OK) return copy_.LastError();
  }
  return absl::OkStatus();
}

}  // namespace farebox::sqlite
