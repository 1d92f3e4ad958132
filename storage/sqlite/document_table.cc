#include "storage/sqlite/document_table.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/check.h"
#include "storage/sqlite/entry_row.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

constexpr char kSelect[] =
    "SELECT id, kind, key, revision, account, slot, due, content FROM document ";

Document ReadRow(const Statement& row) {
  Document document = {
      .kind = static_cast<DocumentKind>(row.Int64(1)),
      .key = std::string(row.Bytes(2)),
      .id = row.Int64(0),
      .revision = row.Int64(3),
      .account = row.Int64(4),
      .slot = std::string(row.Bytes(5)),
      .content = std::string(row.Bytes(7)),
  };
  if (!row.IsNull(6)) document.due = FromMicros(row.Int64(6));
  return document;
}

bool IsSame(const Document& a, const Document& b) { return a.kind == b.kind && a.key == b.key; }

absl::Status SomebodyWasFirst(const Document& document, absl::string_view what) {
  return absl::AbortedError(
      absl::StrCat("document ", document.kind, " ", document.key, ": ", what));
}

// What both statements that write have as ?1 to ?5.
void BindWhatChanges(const Document& document, Statement* statement) {
  statement->BindInt64(1, document.kind);
  statement->BindText(2, document.key);
  if (document.slot.empty()) {
    statement->BindNull(3);
  } else {
    statement->BindText(3, document.slot);
  }
  if (document.due == absl::InfiniteFuture()) {
    statement->BindNull(4);
  } else {
    statement->BindInt64(4, ToMicros(document.due));
  }
  statement->BindBlob(5, document.content);
}

// Whoever has a slot leaves it first, since another of the group may take it.
int Write(const DocumentGroup& group, Statement* leave, Statement* change, Statement* insert) {
  int result = SQLITE_OK;
  for (const Document& document : group) {
    if (result != SQLITE_OK || document.revision == 0 || group.size() == 1) continue;
    leave->BindInt64(1, document.kind);
    leave->BindText(2, document.key);
    result = leave->Run();
  }
  for (const Document& document : group) {
    if (result != SQLITE_OK) break;
    const bool is_new = document.revision == 0;
    Statement* const statement = is_new ? insert : change;
    BindWhatChanges(document, statement);
    if (is_new) statement->BindInt64(6, document.account);
    result = statement->Run();
  }
  return result;
}

}  // namespace

// ---- Reading

absl::StatusOr<std::optional<Document>> DocumentTableReader::Find(DocumentKind kind,
                                                                  absl::string_view key) {
  return FindBy("key", kind, key);
}

absl::StatusOr<std::optional<Document>> DocumentTableReader::FindInSlot(DocumentKind kind,
                                                                        absl::string_view slot) {
  return FindBy("slot", kind, slot);
}

absl::StatusOr<std::optional<Document>> DocumentTableReader::FindBy(absl::string_view column,
                                                                    DocumentKind kind,
                                                                    absl::string_view text) {
  FAREBOX_ASSIGN_OR_RETURN(Statement row, connection_->Prepare(absl::StrCat(
                                              kSelect, "WHERE kind = ? AND ", column, " = ?")));
  row.BindInt64(1, kind);
  row.BindText(2, text);
  FAREBOX_ASSIGN_OR_RETURN(std::vector<Document> found, ReadAll(&row));
  if (found.empty()) return std::optional<Document>();
  return std::make_optional(std::move(found.front()));
}

absl::StatusOr<std::vector<Document>> DocumentTableReader::List(DocumentKind kind,
                                                                AccountNumber account,
                                                                int64_t before, size_t count_max) {
  const char* const which = account == 0 ? "kind = ?1 AND id < ?2 AND ?4 = 0 "
                                         : "kind = ?1 AND id < ?2 AND account = ?4 ";
  FAREBOX_ASSIGN_OR_RETURN(
      Statement rows,
      connection_->Prepare(absl::StrCat(kSelect, "WHERE ", which, "ORDER BY id DESC LIMIT ?3")));
  rows.BindInt64(1, kind);
  rows.BindInt64(2, before);
  rows.BindInt64(3, static_cast<int64_t>(count_max));
  rows.BindInt64(4, account);
  return ReadAll(&rows);
}

absl::StatusOr<std::vector<Document>> DocumentTableReader::ListDue(DocumentKind kind,
                                                                   absl::Time end,
                                                                   size_t count_max) {
  FAREBOX_ASSIGN_OR_RETURN(Statement rows,
                           connection_->Prepare(absl::StrCat(
                               kSelect, "WHERE kind = ?1 AND due < ?2 ORDER BY due, id LIMIT ?3")));
  rows.BindInt64(1, kind);
  rows.BindInt64(2, ToMicros(end));
  rows.BindInt64(3, static_cast<int64_t>(count_max));
  return ReadAll(&rows);
}

absl::StatusOr<std::vector<Document>> DocumentTableReader::ReadAll(Statement* rows) {
  std::vector<Document> documents;
  int result = rows->Step();
  for (; result == SQLITE_ROW; result = rows->Step()) documents.push_back(ReadRow(*rows));
  if (result != SQLITE_DONE) return connection_->LastError();
  return documents;
}

// ---- Writing

absl::StatusOr<std::vector<absl::Status>> DocumentTable::Put(
    absl::Span<const DocumentGroup> groups) {
  FAREBOX_ASSIGN_OR_RETURN(
      Statement leave,
      file_->connection().Prepare("UPDATE document SET slot = NULL WHERE kind = ?1 AND key = ?2"));
  FAREBOX_ASSIGN_OR_RETURN(
      Statement change,
      file_->connection().Prepare("UPDATE document SET slot = ?3, due = ?4, content = ?5, "
                                  "revision = revision + 1 WHERE kind = ?1 AND key = ?2"));
  FAREBOX_ASSIGN_OR_RETURN(
      Statement insert,
      file_->connection().Prepare("INSERT INTO document (kind, key, slot, due, content, account, "
                                  "revision) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)"));
  std::vector<absl::Status> outcomes;
  FAREBOX_RETURN_IF_ERROR(file_->Commit([&] {
    int result = SQLITE_OK;
    for (auto group = groups.begin(); group != groups.end() && result == SQLITE_OK; ++group) {
      const absl::Status& checked = outcomes.emplace_back(Check(*group));
      if (absl::IsAborted(checked)) continue;
      result = checked.ok() ? Write(*group, &leave, &change, &insert) : SQLITE_IOERR_READ;
    }
    return result;
  }));
  return outcomes;
}

absl::Status DocumentTable::Check(const DocumentGroup& group) {
  for (const Document& document : group) {
    FAREBOX_CHECK(document.kind != 0 && !document.key.empty());
    FAREBOX_RETURN_IF_ERROR(CheckIsNext(document, group));
    FAREBOX_RETURN_IF_ERROR(CheckSlotIsFree(document, group));
  }
  return absl::OkStatus();
}

absl::Status DocumentTable::Remove(const Document& document) {
  FAREBOX_RETURN_IF_ERROR(CheckIsNext(document, {}));
  FAREBOX_ASSIGN_OR_RETURN(
      Statement remove,
      file_->connection().Prepare("DELETE FROM document WHERE kind = ? AND key = ?"));
  remove.BindInt64(1, document.kind);
  remove.BindText(2, document.key);
  return file_->Commit([&] { return remove.Run(); });
}

absl::Status DocumentTable::CheckIsNext(const Document& document,
                                        absl::Span<const Document> together) {
  const auto is_same = [&](const Document& other) { return IsSame(document, other); };
  FAREBOX_CHECK(std::count_if(together.begin(), together.end(), is_same) <= 1);
  FAREBOX_ASSIGN_OR_RETURN(const std::optional<Document> before,
                           reader_.Find(document.kind, document.key));
  if (before.has_value() != (document.revision != 0)) {
    return SomebodyWasFirst(document, before.has_value() ? "it exists" : "it is gone");
  }
  if (!before.has_value()) return absl::OkStatus();
  if (document.kind >= kAppendOnlyKindMin) return SomebodyWasFirst(document, "it never changes");
  FAREBOX_CHECK(before->account == document.account);
  return before->revision == document.revision ? absl::OkStatus()
                                               : SomebodyWasFirst(document, "it has been changed");
}

absl::Status DocumentTable::CheckSlotIsFree(const Document& document,
                                            absl::Span<const Document> together) {
  if (document.slot.empty()) return absl::OkStatus();
  const auto is_in_slot = [&](const Document& other) {
    return other.kind == document.kind && other.slot == document.slot;
  };
  if (std::count_if(together.begin(), together.end(), is_in_slot) > 1) {
    return SomebodyWasFirst(document, "two documents want one slot");
  }
  FAREBOX_ASSIGN_OR_RETURN(const std::optional<Document> owner,
                           reader_.FindInSlot(document.kind, document.slot));
  const auto is_owner = [&](const Document& other) { return IsSame(*owner, other); };
  // The owner may be this one, or be about to leave.
  const bool is_free =
      !owner.has_value() || std::any_of(together.begin(), together.end(), is_owner);
  return is_free ? absl::OkStatus() : SomebodyWasFirst(document, "its slot is taken");
}

}  // namespace farebox::sqlite
