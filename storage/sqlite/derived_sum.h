#ifndef FAREBOX_STORAGE_SQLITE_DERIVED_SUM_H_
#define FAREBOX_STORAGE_SQLITE_DERIVED_SUM_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "storage/entry.h"
#include "storage/micros.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/derived_chunk.h"

// What tells that a page of derived.db is as it once was, and not as it was written last. Nothing
// is synced while the file is written, and a disk that lost a write, or was put back in part,
// leaves pages that are whole each. So the file keeps, with its position, the sum modulo 2^64 of
// the hashes of all rows that a start loads: who writes a row subtracts the hash of what it finds
// there and adds that of what it puts there. Once a row is not what was added, the sum never fits
// again.
namespace farebox::sqlite {

// What the table `balance` has of an account, without its totals.
struct BalanceRow {
  AccountNumber account = 0;
  Micros balance;
  Micros held;
  EntryId last_entry = 0;
};

// Reads a row that begins with `account, balance, held, last_entry`.
BalanceRow ReadBalanceRow(const Statement& row);

uint64_t HashOfRecord(AccountNumber account, absl::string_view record);
uint64_t HashOfBalance(const BalanceRow& row);
uint64_t HashOfHold(const HoldRow& row);
uint64_t HashOfRefund(EntryId debit, Micros refunded);

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_DERIVED_SUM_H_
