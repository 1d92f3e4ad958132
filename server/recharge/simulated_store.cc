#include "server/recharge/simulated_store.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

using sqlite::Connection;
using sqlite::Statement;

// "FBXP" in ASCII: names the kind of file for people and tools.
constexpr int64_t kApplicationId = 0x46425850;
constexpr int64_t kSchemaVersion = 1;

constexpr char kSchema[] = R"sql(
  CREATE TABLE payment (
    number INTEGER PRIMARY KEY,
    attempt_id TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL,
    customer TEXT NOT NULL,
    token TEXT NOT NULL,
    amount_micros INTEGER NOT NULL,
    currency_code TEXT NOT NULL,
    create_time_micros INTEGER NOT NULL,
    state TEXT NOT NULL,
    decline_code TEXT NOT NULL
  );
  CREATE INDEX payment_by_time ON payment (create_time_micros);
  CREATE TABLE refund (
    refund_id TEXT PRIMARY KEY,
    payment INTEGER NOT NULL REFERENCES payment,
    amount_micros INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX refund_by_payment ON refund (payment);
  CREATE TABLE setup (
    number INTEGER PRIMARY KEY,
    account_id TEXT NOT NULL,
    customer TEXT NOT NULL,
    token TEXT NOT NULL,
    is_detached INTEGER NOT NULL
  );
  CREATE INDEX setup_by_account ON setup (account_id);
)sql";

constexpr char kSelectPayment[] =
    "SELECT number, attempt_id, account_id, customer, token, amount_micros, currency_code, "
    "create_time_micros, state, decline_code FROM payment ";
constexpr char kSelectSetup[] =
    "SELECT number, account_id, customer, token, is_detached FROM setup ";

// The ends of time are farther away than the column reaches.
int64_t ClampedMicros(absl::Time time) {
  constexpr absl::Duration kFarthest = absl::Hours(24 * 365 * 10'000LL);
  const absl::Duration since = time - absl::UnixEpoch();
  return absl::ToInt64Microseconds(std::clamp(since, -kFarthest, kFarthest));
}

std::optional<ChargeState> StateOf(absl::string_view name) {
  for (const ChargeState state :
       {ChargeState::kCharged, ChargeState::kDeclined, ChargeState::kActionRequired}) {
    if (ChargeStateName(state) == name) return state;
  }
  return std::nullopt;
}

std::string TextOf(const Statement& row, int column) { return std::string(row.Bytes(column)); }

SimulatedPayment PaymentOf(const Statement& row) {
  return {
      .number = row.Int64(0),
      .request = {.attempt_id = TextOf(row, 1),
                  .account_id = TextOf(row, 2),
                  .amount = Micros(row.Int64(5)),
                  .currency_code = TextOf(row, 6),
                  .card = {.token = TextOf(row, 4), .customer = TextOf(row, 3)}},
      .create_time = absl::FromUnixMicros(row.Int64(7)),
      .state = StateOf(row.Bytes(8)).value_or(ChargeState::kUnknown),
      .decline_code = TextOf(row, 9),
  };
}

SimulatedRefund RefundOf(const Statement& row) {
  return {.refund_id = TextOf(row, 0), .payment = row.Int64(1), .amount = Micros(row.Int64(2))};
}

SimulatedSetup SetupOf(const Statement& row) {
  return {.number = row.Int64(0),
          .account_id = TextOf(row, 1),
          .customer = TextOf(row, 2),
          .token = TextOf(row, 3),
          .is_detached = row.Int64(4) != 0};
}

// The one row that a statement yields.
template <typename Row>
absl::StatusOr<Row> One(Statement* statement, Row (*read)(const Statement&)) {
  const int result = statement->Step();
  if (result == SQLITE_ROW) return read(*statement);
  if (result == SQLITE_DONE) return absl::NotFoundError("no such row");
  return sqlite::ErrorOf(statement->connection());
}

}  // namespace

absl::StatusOr<SimulatedStore> SimulatedStore::Open(const std::string& path) {
  FAREBOX_ASSIGN_OR_RETURN(Connection connection, Connection::Open(path, {.create = true}));
  // In WAL mode FULL is one sync for each commit, before it returns.
  FAREBOX_RETURN_IF_ERROR(
      connection.Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"));
  connection.CheckpointOnClose(true);
  SimulatedStore store(std::move(connection));
  FAREBOX_RETURN_IF_ERROR(store.MakeTables());
  return store;
}

absl::Status SimulatedStore::MakeTables() {
  FAREBOX_ASSIGN_OR_RETURN(const int64_t application,
                           connection_.QueryInt64("PRAGMA application_id"));
  FAREBOX_ASSIGN_OR_RETURN(const int64_t version, connection_.QueryInt64("PRAGMA user_version"));
  if (application == kApplicationId && version == kSchemaVersion) return absl::OkStatus();
  FAREBOX_ASSIGN_OR_RETURN(const int64_t tables,
                           connection_.QueryInt64("SELECT count(*) FROM sqlite_schema"));
  if (application != 0 || version != 0 || tables != 0) {
    return absl::FailedPreconditionError(
        "the file is not the simulated provider's, or a newer version's");
  }
  return sqlite::InTransaction(&connection_, [&] {
    return connection_.Execute(absl::StrCat(kSchema, "PRAGMA application_id = ", kApplicationId,
                                            "; PRAGMA user_version = ", kSchemaVersion));
  });
}

absl::Status SimulatedStore::Run(Statement* statement) {
  return statement->Run() == SQLITE_OK ? absl::OkStatus() : connection_.LastError();
}

absl::StatusOr<int64_t> SimulatedStore::AddPayment(const SimulatedPayment& payment) {
  FAREBOX_ASSIGN_OR_RETURN(
      Statement insert,
      connection_.Prepare("INSERT INTO payment (attempt_id, account_id, customer, token, "
                          "amount_micros, currency_code, create_time_micros, state, decline_code) "
                          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.BindText(1, payment.request.attempt_id);
  insert.BindText(2, payment.request.account_id);
  insert.BindText(3, payment.request.card.customer);
  insert.BindText(4, payment.request.card.token);
  insert.BindInt64(5, payment.request.amount.value());
  insert.BindText(6, payment.request.currency_code);
  insert.BindInt64(7, ClampedMicros(payment.create_time));
  insert.BindText(8, ChargeStateName(payment.state));
  insert.BindText(9, payment.decline_code);
  FAREBOX_RETURN_IF_ERROR(Run(&insert));
  return sqlite3_last_insert_rowid(connection_.handle());
}

absl::StatusOr<SimulatedPayment> SimulatedStore::FindPayment(int64_t number) {
  FAREBOX_ASSIGN_OR_RETURN(Statement select,
                           connection_.Prepare(absl::StrCat(kSelectPayment, "WHERE number = ?")));
  select.BindInt64(1, number);
  return One(&select, &PaymentOf);
}

absl::StatusOr<SimulatedPayment> SimulatedStore::FindAttempt(absl::string_view attempt_id) {
  FAREBOX_ASSIGN_OR_RETURN(
      Statement select, connection_.Prepare(absl::StrCat(kSelectPayment, "WHERE attempt_id = ?")));
  select.BindText(1, attempt_id);
  return One(&select, &PaymentOf);
}

absl::Status SimulatedStore::SetState(int64_t number, ChargeState state,
                                      absl::string_view decline_code) {
  FAREBOX_ASSIGN_OR_RETURN(
      Statement update,
      connection_.Prepare("UPDATE payment SET state = ?2, decline_code = ?3 WHERE number = ?1"));
  update.BindInt64(1, number);
  update.BindText(2, ChargeStateName(state));
  update.BindText(3, decline_code);
  return Run(&update);
}

absl::Status SimulatedStore::VisitPayments(absl::Time from, absl::Time to,
                                           absl::FunctionRef<void(const SimulatedPayment&)> visit) {
  FAREBOX_ASSIGN_OR_RETURN(
      Statement select,
      connection_.Prepare(absl::StrCat(
          kSelectPayment,
          "WHERE create_time_micros >= ? AND create_time_micros < ? ORDER BY number")));
  select.BindInt64(1, ClampedMicros(from));
  select.BindInt64(2, ClampedMicros(to));
  int result = select.Step();
  for (; result == SQLITE_ROW; result = select.Step()) visit(PaymentOf(select));
  return result == SQLITE_DONE ? absl::OkStatus() : connection_.LastError();
}

absl::Status SimulatedStore::AddRefund(const SimulatedRefund& refund) {
  FAREBOX_ASSIGN_OR_RETURN(
      Statement insert,
      connection_.Prepare("INSERT INTO refund (refund_id, payment, amount_micros) VALUES "
                          "(?, ?, ?)"));
  insert.BindText(1, refund.refund_id);
  insert.BindInt64(2, refund.payment);
  insert.BindInt64(3, refund.amount.value());
  return Run(&insert);
}

absl::StatusOr<SimulatedRefund> SimulatedStore::FindRefund(absl::string_view refund_id) {
  FAREBOX_ASSIGN_OR_RETURN(
      Statement select,
      connection_.Prepare(
          "SELECT refund_id, payment, amount_micros FROM refund WHERE refund_id = ?"));
  select.BindText(1, refund_id);
  return One(&select, &RefundOf);
}

absl::StatusOr<Micros> SimulatedStore::Refunded(int64_t payment) {
  FAREBOX_ASSIGN_OR_RETURN(
      const int64_t micros,
      connection_.QueryInt64(absl::StrCat(
          "SELECT coalesce(sum(amount_micros), 0) FROM refund WHERE payment = ", payment)));
  return Micros(micros);
}

absl::StatusOr<int64_t> SimulatedStore::AddSetup(absl::string_view account_id,
                                                 absl::string_view customer) {
  FAREBOX_ASSIGN_OR_RETURN(
      Statement insert,
      connection_.Prepare("INSERT INTO setup (account_id, customer, token, is_detached) VALUES "
                          "(?, ?, '', 0)"));
  insert.BindText(1, account_id);
  insert.BindText(2, customer);
  FAREBOX_RETURN_IF_ERROR(Run(&insert));
  return sqlite3_last_insert_rowid(connection_.handle());
}

absl::StatusOr<SimulatedSetup> SimulatedStore::FindSetup(int64_t number) {
  FAREBOX_ASSIGN_OR_RETURN(Statement select,
                           connection_.Prepare(absl::StrCat(kSelectSetup, "WHERE number = ?")));
  select.BindInt64(1, number);
  return One(&select, &SetupOf);
}

absl::StatusOr<SimulatedSetup> SimulatedStore::FindSetupOf(absl::string_view account_id) {
  FAREBOX_ASSIGN_OR_RETURN(Statement select,
                           connection_.Prepare(absl::StrCat(
                               kSelectSetup, "WHERE account_id = ? ORDER BY number DESC LIMIT 1")));
  select.BindText(1, account_id);
  return One(&select, &SetupOf);
}

absl::Status SimulatedStore::EnterCard(int64_t setup, absl::string_view token) {
  FAREBOX_ASSIGN_OR_RETURN(Statement update,
                           connection_.Prepare("UPDATE setup SET token = ?2 WHERE number = ?1"));
  update.BindInt64(1, setup);
  update.BindText(2, token);
  return Run(&update);
}

absl::Status SimulatedStore::DetachCard(int64_t setup) {
  FAREBOX_ASSIGN_OR_RETURN(
      Statement update, connection_.Prepare("UPDATE setup SET is_detached = 1 WHERE number = ?"));
  update.BindInt64(1, setup);
  return Run(&update);
}

}  // namespace farebox::server
