#include "storage/sqlite/derived_sum.h"

#include <xxhash.h>

#include <array>

#include "storage/sqlite/entry_row.h"

namespace farebox::sqlite {
namespace {

// So that no row stands for one of another table.
enum class Table : int64_t {
  kAccount = 1,
  kBalance = 2,
  kHold = 3,
  kRefund = 4,
};

template <typename... Numbers>
uint64_t Hash(Table table, absl::string_view bytes, Numbers... numbers) {
  const std::array<int64_t, 1 + sizeof...(numbers)> row = {static_cast<int64_t>(table), numbers...};
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), XXH3_64bits(row.data(), sizeof(row)));
}

}  // namespace

BalanceRow ReadBalanceRow(const Statement& row) {
  return {.account = row.Int64(0),
          .balance = Micros(row.Int64(1)),
          .held = Micros(row.Int64(2)),
          .last_entry = row.Int64(3)};
}

uint64_t HashOfRecord(AccountNumber account, absl::string_view record) {
  return Hash(Table::kAccount, record, account);
}

uint64_t HashOfBalance(const BalanceRow& row) {
  return Hash(Table::kBalance, "", row.account, row.balance.value(), row.held.value(),
              row.last_entry);
}

uint64_t HashOfHold(const HoldRow& row) {
  const Hold& hold = row.hold;
  return Hash(Table::kHold, hold.detail, hold.id, row.account, int64_t{hold.item},
              hold.amount.value(), hold.charged.value(), ToMicros(hold.start_time),
              ToMicros(hold.expire_time), int64_t{hold.expired});
}

uint64_t HashOfRefund(EntryId debit, Micros refunded) {
  return Hash(Table::kRefund, "", debit, refunded.value());
}

}  // namespace farebox::sqlite
