#include "storage/sqlite/derived_snapshot.h"

#include <utility>

#include "storage/sqlite/derived_file.h"
#include "storage/sqlite/derived_schema.h"
#include "storage/sqlite/derived_sum.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

template <typename VisitRow>
absl::Status ForEachRow(Connection* connection, const char* sql, VisitRow visit) {
  FAREBOX_ASSIGN_OR_RETURN(Statement rows, connection->Prepare(sql));
  int result = rows.Step();
  for (; result == SQLITE_ROW; result = rows.Step()) FAREBOX_RETURN_IF_ERROR(visit(rows));
  return result == SQLITE_DONE ? absl::OkStatus() : connection->LastError();
}

// Two tables with a row for each account, read side by side: a join would search the second from
// its root for each row of the first.
absl::Status VisitAccounts(Connection* connection, SnapshotVisitor* visitor, uint64_t* sum) {
  FAREBOX_ASSIGN_OR_RETURN(const int64_t count,
                           connection->QueryInt64("SELECT max(number) FROM account"));
  visitor->OnBegin(count);
  FAREBOX_ASSIGN_OR_RETURN(
      Statement balances,
      connection->Prepare("SELECT account, balance, held, last_entry FROM balance "
                          "ORDER BY account"));
  constexpr char kRecords[] = "SELECT number, record FROM account ORDER BY number";
  return ForEachRow(connection, kRecords, [&](const Statement& row) -> absl::Status {
    const AccountNumber number = row.Int64(0);
    const int result = balances.Step();
    if (result != SQLITE_ROW && result != SQLITE_DONE) return connection->LastError();
    if (result == SQLITE_DONE || balances.Int64(0) != number) {
      return absl::DataLossError("an account in the derived file has no balance");
    }
    const BalanceRow balance = ReadBalanceRow(balances);
    *sum += HashOfRecord(number, row.Bytes(1)) + HashOfBalance(balance);
    FAREBOX_ASSIGN_OR_RETURN(AccountRecord record, DecodeAccountRecord(row.Bytes(1)));
    return visitor->OnAccount({.number = number,
                               .record = std::move(record),
                               .balance = balance.balance,
                               .held = balance.held,
                               .last_entry = balance.last_entry});
  });
}

absl::Status VisitAll(Connection* connection, absl::Time now, SnapshotVisitor* visitor,
                      uint64_t* sum) {
  FAREBOX_RETURN_IF_ERROR(VisitAccounts(connection, visitor, sum));
  constexpr char kHolds[] =
      "SELECT id, account, item, amount, charged, start_time, expire_time, expired, detail "
      "FROM hold ORDER BY id";
  FAREBOX_RETURN_IF_ERROR(ForEachRow(connection, kHolds, [&](const Statement& row) {
    HoldRow hold = ReadHoldRow(row);
    *sum += HashOfHold(hold);
    if (IsForgotten(hold.hold, now)) return absl::OkStatus();
    return visitor->OnHold(hold.account, std::move(hold.hold));
  }));
  return ForEachRow(connection, "SELECT debit, refunded FROM refund ORDER BY debit",
                    [&](const Statement& row) {
                      const Micros refunded(row.Int64(1));
                      *sum += HashOfRefund(row.Int64(0), refunded);
                      return visitor->OnRefunded(row.Int64(0), refunded);
                    });
}

}  // namespace

absl::StatusOr<EntryId> VisitDerivedSnapshot(Connection* connection, SnapshotVisitor* visitor) {
  FAREBOX_RETURN_IF_ERROR(connection->Execute("BEGIN"));
  const auto visit_all = [&]() -> absl::StatusOr<EntryId> {
    FAREBOX_ASSIGN_OR_RETURN(const DerivedPosition position, ReadDerivedPosition(connection));
    uint64_t sum = 0;
    FAREBOX_RETURN_IF_ERROR(VisitAll(connection, position.batch.time, visitor, &sum));
    if (sum != position.rows_sum) {
      return absl::DataLossError("the derived file has rows of another time than its position");
    }
    return position.batch.last;
  };
  absl::StatusOr<EntryId> through = visit_all();
  const absl::Status ended = connection->Execute("COMMIT");
  if (through.ok() && !ended.ok()) return ended;
  return through;
}

}  // namespace farebox::sqlite
