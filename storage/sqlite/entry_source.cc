#include "storage/sqlite/entry_source.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "storage/sqlite/entry_row.h"

// An SQLite virtual table, in the least that one can be: no index, one full scan.
namespace farebox::sqlite {
namespace {

struct Table {
  sqlite3_vtab base;  // First: SQLite sees this part.
  const EntrySource* source;
};

struct Cursor {
  sqlite3_vtab_cursor base;  // First: SQLite sees this part.
  absl::Span<const Entry> entries;
  size_t at;
  UuidBytes uuid;
};

const EntrySource& SourceOf(sqlite3_vtab_cursor* cursor) {
  return *reinterpret_cast<Table*>(cursor->pVtab)->source;
}

int Connect(sqlite3* connection, void* source, int /*argument_count*/,
            const char* const* /*arguments*/, sqlite3_vtab** table, char** /*error*/) {
  *table = &(new Table{.base = {}, .source = static_cast<const EntrySource*>(source)})->base;
  const std::string declaration = absl::StrCat("CREATE TABLE x (", kEntryColumns, ")");
  return sqlite3_declare_vtab(connection, declaration.c_str());
}

int Disconnect(sqlite3_vtab* table) {
  delete reinterpret_cast<Table*>(table);
  return SQLITE_OK;
}

int BestIndex(sqlite3_vtab* /*table*/, sqlite3_index_info* /*info*/) { return SQLITE_OK; }

int Open(sqlite3_vtab* /*table*/, sqlite3_vtab_cursor** cursor) {
  *cursor = &(new Cursor{})->base;
  return SQLITE_OK;
}

int Close(sqlite3_vtab_cursor* cursor) {
  delete reinterpret_cast<Cursor*>(cursor);
  return SQLITE_OK;
}

int Filter(sqlite3_vtab_cursor* base, int /*index*/, const char* /*index_name*/,
           int /*argument_count*/, sqlite3_value** /*arguments*/) {
  auto* const cursor = reinterpret_cast<Cursor*>(base);
  cursor->entries = SourceOf(base).entries();
  cursor->at = 0;
  return SQLITE_OK;
}

int Next(sqlite3_vtab_cursor* cursor) {
  ++reinterpret_cast<Cursor*>(cursor)->at;
  return SQLITE_OK;
}

int Eof(sqlite3_vtab_cursor* base) {
  const auto* const cursor = reinterpret_cast<Cursor*>(base);
  return cursor->at >= cursor->entries.size() ? 1 : 0;
}

int Column(sqlite3_vtab_cursor* base, sqlite3_context* context, int column) {
  auto* const cursor = reinterpret_cast<Cursor*>(base);
  YieldEntryColumn(cursor->entries[cursor->at], static_cast<EntryColumn>(column), &cursor->uuid,
                   context);
  return SQLITE_OK;
}

int RowId(sqlite3_vtab_cursor* base, sqlite3_int64* id) {
  const auto* const cursor = reinterpret_cast<Cursor*>(base);
  *id = cursor->entries[cursor->at].id;
  return SQLITE_OK;
}

// Without xCreate the table is simply there, under the module's name.
constexpr sqlite3_module kModule = {
    .iVersion = 0,
    .xConnect = Connect,
    .xBestIndex = BestIndex,
    .xDisconnect = Disconnect,
    .xOpen = Open,
    .xClose = Close,
    .xFilter = Filter,
    .xNext = Next,
    .xEof = Eof,
    .xColumn = Column,
    .xRowid = RowId,
};

}  // namespace

absl::Status EntrySource::AddTo(Connection* connection) {
  const int result = sqlite3_create_module(connection->handle(), kTable, &kModule, this);
  return result == SQLITE_OK ? absl::OkStatus() : connection->LastError();
}

}  // namespace farebox::sqlite
