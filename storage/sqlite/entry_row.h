#ifndef FAREBOX_STORAGE_SQLITE_ENTRY_ROW_H_
#define FAREBOX_STORAGE_SQLITE_ENTRY_ROW_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "storage/entry.h"
#include "storage/sqlite/connection.h"

// How entries and batches look as rows. The form is the journal's own and never changes within a
// schema version.
namespace farebox::sqlite {

// The columns of `entry`, in the order of the table. What a scan over many entries wants comes
// first, since SQLite reads the head of a row only as far as it has to.
enum EntryColumn : int {
  kIdColumn,
  kAccountColumn,
  kKindColumn,
  kBalanceColumn,
  kHeldColumn,
  kPreviousColumn,
  kTimeColumn,
  kItemColumn,
  kReasonColumn,
  kFlagsColumn,
  kAmountColumn,
  kHeldChangeColumn,
  kCreditLimitColumn,
  kSubjectColumn,
  kExpireTimeColumn,
  kRequestIdColumn,
  kFingerprintColumn,
  kDetailColumn,
};
inline constexpr char kEntryColumns[] =
    "id, account, kind, balance, held, previous, time, item, reason, flags, amount, held_change, "
    "credit_limit, subject, expire_time, request_id, fingerprint, detail";
inline constexpr char kBatchColumns[] = "number, first, last, time, hash";

// Bytes that a value in a row points into: lives until the row has been written.
using UuidBytes = std::array<char, 16>;

// Makes one column of the entry the result of `context`.
//
// Request ids that are UUIDs in their canonical form take 16 bytes in place of 36; any other is
// kept as text. What is absent or empty takes no space: NULL.
void YieldEntryColumn(const Entry& entry, EntryColumn column, UuidBytes* uuid,
                      sqlite3_context* context);

void BindBatch(const BatchHead& head, Statement* statement);

// False where the row holds what is never written.
bool ReadEntry(const Statement& row, Entry* entry);
bool ReadRequestId(const Statement& row, int column, std::string* request_id);
bool ReadBatch(const Statement& row, BatchHead* head);

// Microseconds since 1970, and back. The infinite times survive.
int64_t ToMicros(absl::Time time);
absl::Time FromMicros(int64_t micros);

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_ENTRY_ROW_H_
