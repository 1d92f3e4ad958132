#ifndef FAREBOX_STORAGE_SQLITE_ENTRY_ROW_H_
#define FAREBOX_STORAGE_SQLITE_ENTRY_ROW_H_

#include <array>
#include <cstdint>

#include "absl/time/time.h"
#include "storage/entry.h"
#include "storage/sqlite/connection.h"

// How entries and batches look as rows. The form is the journal's own and never changes within a
// schema version.
namespace farebox::sqlite {

// In the order of YieldEntryColumn and ReadEntry.
inline constexpr char kEntryColumns[] =
    "id, account, previous, time, kind, item, reason, flags, amount, held_change, balance, held, "
    "credit_limit, subject, expire_time, request_id, fingerprint, detail";
inline constexpr char kBatchColumns[] = "number, first, last, time, hash";

// Bytes that a value in a row points into: lives until the row has been written.
using UuidBytes = std::array<char, 16>;

// Makes one column of the entry, by its place in kEntryColumns, the result of `context`.
//
// Request ids that are UUIDs in their canonical form take 16 bytes in place of 36; any other is
// kept as text. What is absent or empty takes no space: NULL.
void YieldEntryColumn(const Entry& entry, int column, UuidBytes* uuid, sqlite3_context* context);

void BindBatch(const BatchHead& head, Statement* statement);

// False where the row holds what is never written.
bool ReadEntry(const Statement& row, Entry* entry);
bool ReadBatch(const Statement& row, BatchHead* head);

// Microseconds since 1970, and back. The infinite times survive.
int64_t ToMicros(absl::Time time);
absl::Time FromMicros(int64_t micros);

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_ENTRY_ROW_H_
