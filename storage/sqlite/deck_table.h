#ifndef FAREBOX_STORAGE_SQLITE_DECK_TABLE_H_
#define FAREBOX_STORAGE_SQLITE_DECK_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "storage/catalog.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/journal_file.h"

// The decks of the catalog (storage/catalog.h says what each call does), in the tables `deck` and
// `deck_chunk` of journal.db. Statements are prepared for each call: changes are rare.
namespace farebox::sqlite {

// Thread-compatible, with the connection it reads through.
class DeckTableReader {
 public:
  explicit DeckTableReader(Connection* connection) : connection_(connection) {}

  absl::StatusOr<std::vector<DeckVersion>> ListDecks();
  absl::Status ReadDeck(int64_t deck_id, absl::FunctionRef<bool(absl::string_view)> visit);

 private:
  Connection* const connection_;  // Outlives this object.
};

// Used only on the writer thread.
class DeckTable {
 public:
  explicit DeckTable(JournalFile* file) : file_(file) {}

  // Drops the versions that were begun and never sealed.
  absl::Status DropUnsealed();

  absl::StatusOr<int64_t> BeginDeck(absl::string_view name);
  absl::Status AppendDeck(int64_t deck_id, absl::string_view csv);
  absl::StatusOr<DeckVersion> SealDeck(int64_t deck_id, int64_t row_count, absl::Time import_time);

 private:
  // The deck as it is while nobody sees it: version 0. Fails with NotFound, or FailedPrecondition
  // where it is sealed.
  absl::StatusOr<DeckVersion> FindUnsealed(int64_t deck_id);

  JournalFile* const file_;  // Outlives this object.
};

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_DECK_TABLE_H_
