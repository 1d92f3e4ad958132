#include "storage/sqlite/derived_snapshot.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/sqlite/derived_file.h"
#include "storage/sqlite/derived_schema.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

// Sees everything and remembers nothing.
class Checker : public SnapshotVisitor {
 public:
  absl::Status OnAccount(AccountSnapshot account) override {
    if (account.number == ++accounts_) return absl::OkStatus();
    return absl::DataLossError("an account is missing in the derived file");
  }
  absl::Status OnHold(AccountNumber account, Hold /*hold*/) override {
    if (account >= 1 && account <= accounts_) return absl::OkStatus();
    return absl::DataLossError("a hold in the derived file has no account");
  }
  absl::Status OnRefunded(EntryId /*debit*/, Micros /*refunded*/) override {
    return absl::OkStatus();
  }

 private:
  AccountNumber accounts_ = 0;
};

template <typename VisitRow>
absl::Status ForEachRow(Connection* connection, const char* sql, VisitRow visit) {
  FAREBOX_ASSIGN_OR_RETURN(Statement rows, connection->Prepare(sql));
  int result = rows.Step();
  for (; result == SQLITE_ROW; result = rows.Step()) FAREBOX_RETURN_IF_ERROR(visit(rows));
  return result == SQLITE_DONE ? absl::OkStatus() : connection->LastError();
}

absl::Status VisitAccounts(Connection* connection, SnapshotVisitor* visitor) {
  constexpr char kSql[] =
      "SELECT number, record, balance, held, last_entry "
      "FROM account JOIN balance ON balance.account = account.number ORDER BY number";
  return ForEachRow(connection, kSql, [&](const Statement& row) -> absl::Status {
    FAREBOX_ASSIGN_OR_RETURN(AccountRecord record, DecodeAccountRecord(row.Bytes(1)));
    return visitor->OnAccount({.number = row.Int64(0),
                               .record = std::move(record),
                               .balance = Micros(row.Int64(2)),
                               .held = Micros(row.Int64(3)),
                               .last_entry = row.Int64(4)});
  });
}

absl::Status VisitAll(Connection* connection, absl::Time now, SnapshotVisitor* visitor) {
  FAREBOX_RETURN_IF_ERROR(VisitAccounts(connection, visitor));
  constexpr char kHolds[] =
      "SELECT id, account, item, amount, charged, start_time, expire_time, expired, detail "
      "FROM hold ORDER BY id";
  FAREBOX_RETURN_IF_ERROR(ForEachRow(connection, kHolds, [&](const Statement& row) {
    HoldRow hold = ReadHoldRow(row);
    if (IsForgotten(hold.hold, now)) return absl::OkStatus();
    return visitor->OnHold(hold.account, std::move(hold.hold));
  }));
  return ForEachRow(connection, "SELECT debit, refunded FROM refund ORDER BY debit",
                    [&](const Statement& row) {
                      return visitor->OnRefunded(row.Int64(0), Micros(row.Int64(1)));
                    });
}

}  // namespace

absl::StatusOr<EntryId> VisitDerivedSnapshot(Connection* connection, SnapshotVisitor* visitor) {
  FAREBOX_RETURN_IF_ERROR(connection->Execute("BEGIN"));
  const auto visit_all = [&]() -> absl::StatusOr<EntryId> {
    FAREBOX_ASSIGN_OR_RETURN(const DerivedPosition position, ReadDerivedPosition(connection));
    Checker checker;
    FAREBOX_RETURN_IF_ERROR(VisitAll(connection, position.batch.time, &checker));
    const absl::Status visited = VisitAll(connection, position.batch.time, visitor);
    if (visited.ok()) return position.batch.last;
    return absl::InternalError(absl::StrCat("the derived state is refused: ", visited.message()));
  };
  absl::StatusOr<EntryId> through = visit_all();
  const absl::Status ended = connection->Execute("COMMIT");
  if (through.ok() && !ended.ok()) return ended;
  return through;
}

}  // namespace farebox::sqlite
