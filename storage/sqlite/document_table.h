#ifndef FAREBOX_STORAGE_SQLITE_DOCUMENT_TABLE_H_
#define FAREBOX_STORAGE_SQLITE_DOCUMENT_TABLE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "storage/document.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/journal_file.h"

// The documents of the catalog (storage/catalog.h says what each call does), in the table
// `document` of journal.db. Statements are prepared for each call: changes are rare.
namespace farebox::sqlite {

// Thread-compatible, with the connection it reads through.
class DocumentTableReader {
 public:
  explicit DocumentTableReader(Connection* connection) : connection_(connection) {}

  absl::StatusOr<std::optional<Document>> Find(DocumentKind kind, absl::string_view key);
  absl::StatusOr<std::optional<Document>> FindInSlot(DocumentKind kind, absl::string_view slot);
  absl::StatusOr<std::vector<Document>> List(DocumentKind kind, AccountNumber account,
                                             int64_t before, size_t count_max);
  absl::StatusOr<std::vector<Document>> ListDue(DocumentKind kind, absl::Time end,
                                                size_t count_max);

 private:
  // The row where the kind is ?1 and `column`, a text, is ?2.
  absl::StatusOr<std::optional<Document>> FindBy(absl::string_view column, DocumentKind kind,
                                                 absl::string_view text);
  absl::StatusOr<std::vector<Document>> ReadAll(Statement* rows);

  Connection* const connection_;  // Outlives this object.
};

// Used only on the writer thread.
class DocumentTable {
 public:
  explicit DocumentTable(JournalFile* file) : file_(file), reader_(&file->connection()) {}

  absl::StatusOr<std::vector<absl::Status>> Put(absl::Span<const DocumentGroup> groups);
  absl::Status Remove(const Document& document);

 private:
  absl::Status Check(const DocumentGroup& group);
  // OK where `document` may take the place of what is there, while all of `together` are written.
  absl::Status CheckIsNext(const Document& document, absl::Span<const Document> together);
  absl::Status CheckSlotIsFree(const Document& document, absl::Span<const Document> together);

  JournalFile* const file_;  // Outlives this object.
  DocumentTableReader reader_;
};

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_DOCUMENT_TABLE_H_
