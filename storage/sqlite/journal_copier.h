#ifndef FAREBOX_STORAGE_SQLITE_JOURNAL_COPIER_H_
#define FAREBOX_STORAGE_SQLITE_JOURNAL_COPIER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/entry.h"
#include "storage/sqlite/connection.h"

namespace farebox::sqlite {

// Brings a copy of a journal up to date while the journal is being written.
//
// What is copied is what a power cut at one moment would have left: entries, decks and documents of
// that moment, since what the one says of the other must be true. Yet no read of the journal lasts:
// entries and sealed decks never change, so they are copied piece by piece, and documents are too,
// for a first time. What is left for the last read, which holds one state of the journal, is the
// newest entries and the documents that have changed meanwhile.
//
// Thread-compatible.
class JournalCopier {
 public:
  // Called between two pieces, with how far the entries are. An error ends the copying.
  using Step = std::function<absl::Status(EntryId done, EntryId total)>;

  // `copy` is a journal of the same schema, empty or an earlier copy, and outlives this object;
  // what it has is written piece by piece, or within the transaction that it is in.
  static absl::StatusOr<std::unique_ptr<JournalCopier>> Open(const std::string& journal_path,
                                                             Connection* copy, Step step);

  // Once. Fails with FILES_FOREIGN where the copy is not one of this journal, with JOURNAL_DAMAGED
  // where the journal is damaged, and with a bare DATA_LOSS where the copy is.
  absl::Status CatchUp();

  // What the copy had before, and has now.
  const BatchHead& before() const { return before_; }
  const BatchHead& head() const { return head_; }
  // A hash over all decks and documents that the copy was given.
  absl::uint128 catalog_hash() const { return catalog_hash_; }

 private:
  // A table, and the statements that take rows of it from one file to the other.
  struct Transfer {
    Statement read;
    Statement write;
    int columns = 0;
  };

  // Between two pieces of the catalog.
  using Pause = absl::FunctionRef<absl::Status()>;

  JournalCopier(Connection journal, Connection* copy, Step step);

  absl::Status Prepare();
  absl::StatusOr<Transfer> PrepareTransfer(const std::string& table, const std::string& columns,
                                           const std::string& which);
  absl::Status CheckIsOfJournal();
  absl::StatusOr<BatchHead> ReadNewest();

  // Writes to the copy what `body` reads, as one piece.
  absl::Status InPiece(absl::FunctionRef<absl::Status()> body);
  // Copies the rows between two keys, both included.
  absl::Status CopyRows(Transfer* transfer, int64_t first, int64_t last);
  absl::Status CopyEntries();
  absl::Status CopyDecks(Pause pause);
  absl::Status CopyDeck(int64_t id, int64_t chunk_count, Pause pause);
  absl::Status CopyDocuments(Pause pause);
  // The next page of documents above `*last`, which is moved; false behind the end.
  absl::StatusOr<bool> CopyDocumentPage(int64_t* last);
  absl::StatusOr<bool> HasDocument(const Statement& row);
  absl::Status RemoveDocuments();
  absl::Status CopyRest();

  Connection journal_;
  Connection& copy_;
  const Step step_;

  BatchHead before_;
  BatchHead head_;
  absl::uint128 catalog_hash_;
  EntryId entries_through_ = 0;
  int64_t batches_through_ = 0;

  Statement newest_batch_;
  Transfer entries_;
  Transfer batches_;
  Transfer decks_;
  Transfer deck_chunks_;
  Transfer documents_;
  Statement document_in_copy_;
};

// A hash over the sealed decks and the documents of a journal.
absl::StatusOr<absl::uint128> HashCatalog(Connection* journal);

// Reads all documents of the journal at `path`, and whether their indexes are theirs:
// JOURNAL_DAMAGED.
absl::Status CheckDocuments(const std::string& path);

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_JOURNAL_COPIER_H_
