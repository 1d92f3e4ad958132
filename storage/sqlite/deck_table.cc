#include "storage/sqlite/deck_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/sqlite/entry_row.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

constexpr char kDeckColumns[] = "id, name, version, import_time, row_count, csv_bytes";

DeckVersion ReadDeckRow(const Statement& row) {
  return {
      .id = row.Int64(0),
      .name = std::string(row.Bytes(1)),
      .version = row.Int64(2),
      .import_time = FromMicros(row.Int64(3)),
      .row_count = row.Int64(4),
      .csv_bytes = row.Int64(5),
  };
}

absl::Status NoSuchDeck(int64_t deck_id) {
  return absl::NotFoundError(absl::StrCat("there is no deck version with the id ", deck_id));
}

}  // namespace

absl::StatusOr<std::vector<DeckVersion>> DeckTableReader::ListDecks() {
  FAREBOX_ASSIGN_OR_RETURN(
      Statement rows,
      connection_->Prepare(absl::StrCat("SELECT ", kDeckColumns,
                                        " FROM deck WHERE version IS NOT NULL ORDER BY id")));
  std::vector<DeckVersion> decks;
  int result = rows.Step();
  for (; result == SQLITE_ROW; result = rows.Step()) decks.push_back(ReadDeckRow(rows));
  if (result != SQLITE_DONE) return connection_->LastError();
  return decks;
}

absl::Status DeckTableReader::ReadDeck(int64_t deck_id,
                                       absl::FunctionRef<bool(absl::string_view)> visit) {
  FAREBOX_ASSIGN_OR_RETURN(
      const int64_t sealed,
      connection_->QueryInt64(
          absl::StrCat("SELECT count(*) FROM deck WHERE version IS NOT NULL AND id = ", deck_id)));
  if (sealed == 0) return NoSuchDeck(deck_id);

  FAREBOX_ASSIGN_OR_RETURN(
      Statement chunk,
      connection_->Prepare("SELECT csv FROM deck_chunk WHERE deck = ? AND number = ?"));
  for (int64_t number = 0;; ++number) {
    chunk.BindInt64(1, deck_id);
    chunk.BindInt64(2, number);
    const int result = chunk.Step();
    if (result == SQLITE_DONE) return absl::OkStatus();
    if (result != SQLITE_ROW) return connection_->LastError();
    const std::string csv(chunk.Bytes(0));
    chunk.Reset();
    if (!visit(csv)) return absl::OkStatus();
  }
}

absl::Status DeckTable::DropUnsealed() {
  FAREBOX_ASSIGN_OR_RETURN(
      const int64_t unsealed,
      file_->connection().QueryInt64("SELECT count(*) FROM deck WHERE version IS NULL"));
  if (unsealed == 0) return absl::OkStatus();

  FAREBOX_ASSIGN_OR_RETURN(
      Statement chunks, file_->connection().Prepare("DELETE FROM deck_chunk WHERE deck IN "
                                                    "(SELECT id FROM deck WHERE version IS NULL)"));
  FAREBOX_ASSIGN_OR_RETURN(Statement decks,
                           file_->connection().Prepare("DELETE FROM deck WHERE version IS NULL"));
  return file_->Commit([&] {
    const int result = chunks.Run();
    return result == SQLITE_OK ? decks.Run() : result;
  });
}

absl::StatusOr<int64_t> DeckTable::BeginDeck(absl::string_view name) {
  FAREBOX_ASSIGN_OR_RETURN(const int64_t newest,
                           file_->connection().QueryInt64("SELECT max(id) FROM deck"));
  FAREBOX_ASSIGN_OR_RETURN(
      Statement insert,
      file_->connection().Prepare(
          "INSERT INTO deck (id, name, csv_bytes, chunk_count) VALUES (?, ?, 0, 0)"));
  insert.BindInt64(1, newest + 1);
  insert.BindText(2, name);
  FAREBOX_RETURN_IF_ERROR(file_->Commit([&] { return insert.Run(); }));
  return newest + 1;
}

absl::Status DeckTable::AppendDeck(int64_t deck_id, absl::string_view csv) {
  FAREBOX_RETURN_IF_ERROR(FindUnsealed(deck_id).status());
  FAREBOX_ASSIGN_OR_RETURN(
      Statement insert,
      file_->connection().Prepare("INSERT INTO deck_chunk (deck, number, csv) "
                                  "SELECT id, chunk_count, ?2 FROM deck WHERE id = ?1"));
  insert.BindInt64(1, deck_id);
  insert.BindBlob(2, csv);
  FAREBOX_ASSIGN_OR_RETURN(
      Statement count, file_->connection().Prepare("UPDATE deck SET chunk_count = chunk_count + 1, "
                                                   "csv_bytes = csv_bytes + ?2 WHERE id = ?1"));
  count.BindInt64(1, deck_id);
  count.BindInt64(2, static_cast<int64_t>(csv.size()));
  return file_->Commit([&] {
    const int result = insert.Run();
    return result == SQLITE_OK ? count.Run() : result;
  });
}

absl::StatusOr<DeckVersion> DeckTable::SealDeck(int64_t deck_id, int64_t row_count,
                                                absl::Time import_time) {
  FAREBOX_ASSIGN_OR_RETURN(DeckVersion deck, FindUnsealed(deck_id));
  FAREBOX_ASSIGN_OR_RETURN(Statement newest, file_->connection().Prepare(
                                                 "SELECT max(version) FROM deck WHERE name = ?"));
  newest.BindText(1, deck.name);
  if (newest.Step() != SQLITE_ROW) return file_->connection().LastError();
  deck.version = newest.Int64(0) + 1;
  deck.row_count = row_count;
  deck.import_time = import_time;
  newest.Reset();

  FAREBOX_ASSIGN_OR_RETURN(
      Statement seal,
      file_->connection().Prepare(
          "UPDATE deck SET version = ?2, row_count = ?3, import_time = ?4 WHERE id = ?1"));
  seal.BindInt64(1, deck_id);
  seal.BindInt64(2, deck.version);
  seal.BindInt64(3, row_count);
  seal.BindInt64(4, ToMicros(import_time));
  FAREBOX_RETURN_IF_ERROR(file_->Commit([&] { return seal.Run(); }));
  return deck;
}

absl::StatusOr<DeckVersion> DeckTable::FindUnsealed(int64_t deck_id) {
  FAREBOX_ASSIGN_OR_RETURN(Statement row, file_->connection().Prepare(absl::StrCat(
                                              "SELECT ", kDeckColumns, " FROM deck WHERE id = ?")));
  row.BindInt64(1, deck_id);
  const int result = row.Step();
  if (result == SQLITE_DONE) return NoSuchDeck(deck_id);
  if (result != SQLITE_ROW) return file_->connection().LastError();
  if (!row.IsNull(2)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the deck version with the id ", deck_id, " is sealed already"));
  }
  return ReadDeckRow(row);
}

}  // namespace farebox::sqlite
