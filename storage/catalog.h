#ifndef FAREBOX_STORAGE_CATALOG_H_
#define FAREBOX_STORAGE_CATALOG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "storage/document.h"
#include "storage/entry.h"

namespace farebox {

// One immutable version of a rate deck, as it was imported.
struct DeckVersion {
  // Assigned by the catalog: 1, 2, 3... over all decks.
  int64_t id = 0;
  // The name accounts refer to; its newest version is the one in force.
  std::string name;
  // 1, 2, 3... within the name.
  int64_t version = 0;
  absl::Time import_time;
  int64_t row_count = 0;
  int64_t csv_bytes = 0;

  friend bool operator==(const DeckVersion&, const DeckVersion&) = default;
};

// Reads what changes rarely. Same threading as the JournalReader it belongs to.
class CatalogReader {
 public:
  virtual ~CatalogReader() = default;

  // Every version of every deck, by id.
  virtual absl::StatusOr<std::vector<DeckVersion>> ListDecks() = 0;

  // Hands over the deck's CSV in pieces, in order, until `visit` returns false.
  virtual absl::Status ReadDeck(int64_t deck_id,
                                absl::FunctionRef<bool(absl::string_view)> visit) = 0;

  // The document with this key; nothing where there is none.
  virtual absl::StatusOr<std::optional<Document>> FindDocument(DocumentKind kind,
                                                               absl::string_view key) = 0;

  // The document that has this slot; nothing where it is free.
  virtual absl::StatusOr<std::optional<Document>> FindDocumentInSlot(DocumentKind kind,
                                                                     absl::string_view slot) = 0;

  // At most `count_max` documents with ids below `before`, newest first, of one account or, for 0,
  // of all.
  virtual absl::StatusOr<std::vector<Document>> ListDocuments(DocumentKind kind,
                                                              AccountNumber account, int64_t before,
                                                              size_t count_max) = 0;

  // At most `count_max` documents that are due before `end`, the earliest first.
  virtual absl::StatusOr<std::vector<Document>> ListDueDocuments(DocumentKind kind, absl::Time end,
                                                                 size_t count_max) = 0;
};

// Writes what changes rarely: used only on the writer thread, one durable change a call.
class Catalog {
 public:
  virtual ~Catalog() = default;

  // Starts a deck version that nobody sees yet and returns its id. A version that is never
  // sealed is dropped when the journal is opened next.
  virtual absl::StatusOr<int64_t> BeginDeck(absl::string_view name) = 0;

  // Adds a piece of its CSV; pieces are small so that no change holds up the writer for long.
  virtual absl::Status AppendDeck(int64_t deck_id, absl::string_view csv) = 0;

  // Makes it the newest version of its name.
  virtual absl::StatusOr<DeckVersion> SealDeck(int64_t deck_id, int64_t row_count,
                                               absl::Time import_time) = 0;

  // Writes groups of documents, one after the other, in one durable change: each group whole or not
  // at all. A document with revision 0 is new; any other replaces the one of its kind and key,
  // which must have the revision that it was read with. Their ids and revisions are given out here.
  //
  // Returns what became of each group. Aborted: somebody was first (the key is taken, the revision
  // is another, the slot is not free); nothing of the group was written. Read again, and decide
  // again. Where the change as a whole fails, so does the call.
  virtual absl::StatusOr<std::vector<absl::Status>> PutDocuments(
      absl::Span<const DocumentGroup> groups) = 0;

  // Removes a document as it was read; Aborted as above, durable too. Those of append-only kinds
  // are neither replaced nor removed: Aborted.
  virtual absl::Status RemoveDocument(const Document& document) = 0;
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_CATALOG_H_
