#ifndef FAREBOX_STORAGE_SQLITE_SQLITE_CATALOG_H_
#define FAREBOX_STORAGE_SQLITE_SQLITE_CATALOG_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "storage/catalog.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/deck_table.h"
#include "storage/sqlite/document_table.h"
#include "storage/sqlite/journal_file.h"

// The catalog in journal.db, put together of its tables.
namespace farebox::sqlite {

class SqliteCatalogReader : public CatalogReader {
 public:
  explicit SqliteCatalogReader(Connection* connection)
      : decks_(connection), documents_(connection) {}

  absl::StatusOr<std::vector<DeckVersion>> ListDecks() override { return decks_.ListDecks(); }
  absl::Status ReadDeck(int64_t deck_id,
                        absl::FunctionRef<bool(absl::string_view)> visit) override {
    return decks_.ReadDeck(deck_id, visit);
  }
  absl::StatusOr<std::optional<Document>> FindDocument(DocumentKind kind,
                                                       absl::string_view key) override {
    return documents_.Find(kind, key);
  }
  absl::StatusOr<std::optional<Document>> FindDocumentInSlot(DocumentKind kind,
                                                             absl::string_view slot) override {
    return documents_.FindInSlot(kind, slot);
  }
  absl::StatusOr<std::vector<Document>> ListDocuments(DocumentKind kind, AccountNumber account,
                                                      int64_t before, size_t count_max) override {
    return documents_.List(kind, account, before, count_max);
  }
  absl::StatusOr<std::vector<Document>> ListDueDocuments(DocumentKind kind, absl::Time end,
                                                         size_t count_max) override {
    return documents_.ListDue(kind, end, count_max);
  }

 private:
  DeckTableReader decks_;
  DocumentTableReader documents_;
};

// Used only on the writer thread.
class SqliteCatalog : public Catalog {
 public:
  explicit SqliteCatalog(JournalFile* file) : decks_(file), documents_(file) {}

  // Drops the versions of decks that were begun and never sealed.
  absl::Status DropUnsealed() { return decks_.DropUnsealed(); }

  absl::StatusOr<int64_t> BeginDeck(absl::string_view name) override {
    return decks_.BeginDeck(name);
  }
  absl::Status AppendDeck(int64_t deck_id, absl::string_view csv) override {
    return decks_.AppendDeck(deck_id, csv);
  }
  absl::StatusOr<DeckVersion> SealDeck(int64_t deck_id, int64_t row_count,
                                       absl::Time import_time) override {
    return decks_.SealDeck(deck_id, row_count, import_time);
  }
  absl::StatusOr<std::vector<absl::Status>> PutDocuments(
      absl::Span<const DocumentGroup> groups) override {
    return documents_.Put(groups);
  }
  absl::Status RemoveDocument(const Document& document) override {
    return documents_.Remove(document);
  }

 private:
  DeckTable decks_;
  DocumentTable documents_;
};

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_SQLITE_CATALOG_H_
