#include "storage/sqlite/connection.h"

#include <mutex>

#include "absl/strings/str_cat.h"
#include "storage/check.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

// Without its allocation counters SQLite takes no process-wide lock in each allocation. Has no
// effect, and does no harm, where the process has used SQLite before.
void ConfigureOnce() {
  static std::once_flag once;
  std::call_once(once, [] { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });
}

absl::StatusCode CodeFor(int result) {
  if (result == SQLITE_IOERR_DATA) return absl::StatusCode::kDataLoss;
  switch (result & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    case SQLITE_FULL:
      return absl::StatusCode::kResourceExhausted;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

}  // namespace

void Statement::BindInt64(int parameter, int64_t value) {
  FAREBOX_CHECK(sqlite3_bind_int64(statement_.get(), parameter, value) == SQLITE_OK);
}

void Statement::BindBlob(int parameter, absl::string_view bytes) {
  // A null pointer would bind NULL in place of an empty blob.
  const char* const data = bytes.empty() ? "" : bytes.data();
  FAREBOX_CHECK(sqlite3_bind_blob64(statement_.get(), parameter, data, bytes.size(),
                                    SQLITE_STATIC) == SQLITE_OK);
}

void Statement::BindText(int parameter, absl::string_view bytes) {
  const char* const data = bytes.empty() ? "" : bytes.data();
  FAREBOX_CHECK(sqlite3_bind_text64(statement_.get(), parameter, data, bytes.size(), SQLITE_STATIC,
                                    SQLITE_UTF8) == SQLITE_OK);
}

void Statement::BindNull(int parameter) {
  FAREBOX_CHECK(sqlite3_bind_null(statement_.get(), parameter) == SQLITE_OK);
}

void Statement::BindValue(int parameter, sqlite3_value* value) {
  FAREBOX_CHECK(sqlite3_bind_value(statement_.get(), parameter, value) == SQLITE_OK);
}

int Statement::Run() {
  const int stepped = Step();
  // Reset repeats the error of the step, if there was one.
  const int reset = sqlite3_reset(statement_.get());
  if (stepped == SQLITE_DONE || stepped == SQLITE_ROW) return SQLITE_OK;
  return reset != SQLITE_OK ? reset : stepped;
}

absl::string_view Statement::Bytes(int column) const {
  // In this order: asking for the bytes settles their number.
  const void* const data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return {static_cast<const char*>(data), static_cast<size_t>(size)};
}

absl::StatusOr<Connection> Connection::Open(const std::string& path,
                                            const ConnectionOptions& options) {
  ConfigureOnce();
  const int flags = (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                    (options.create ? SQLITE_OPEN_CREATE : 0) | SQLITE_OPEN_NOMUTEX |
                    SQLITE_OPEN_EXRESCODE;
  sqlite3* handle = nullptr;
  const int result = sqlite3_open_v2(path.c_str(), &handle, flags, options.vfs);
  FAREBOX_CHECK(handle != nullptr);
  Connection connection(handle);
  if (result != SQLITE_OK) {
    return absl::UnavailableError(absl::StrCat("cannot open ", path, ": ", sqlite3_errmsg(handle)));
  }
  sqlite3_busy_timeout(handle, options.busy_timeout_millis);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  connection.CheckpointOnClose(false);
  return connection;
}

absl::Status Connection::Execute(const std::string& sql) {
  const int result = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return result == SQLITE_OK ? absl::OkStatus() : LastError();
}

absl::StatusOr<Statement> Connection::Prepare(absl::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int result = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (result != SQLITE_OK) return LastError();
  return Statement(statement);
}

absl::StatusOr<int64_t> Connection::QueryInt64(absl::string_view sql) {
  FAREBOX_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  const int result = statement.Step();
  if (result == SQLITE_DONE) return 0;
  if (result != SQLITE_ROW) return LastError();
  return statement.Int64(0);
}

absl::StatusOr<bool> Connection::EmptyLog() {
  // It says in its row, and by no error, that it was kept from its work.
  FAREBOX_ASSIGN_OR_RETURN(const int64_t is_busy, QueryInt64("PRAGMA wal_checkpoint(TRUNCATE)"));
  return is_busy == 0;
}

void Connection::CheckpointOnClose(bool on) {
  sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on ? 0 : 1, nullptr);
}

absl::Status Connection::LastError() const { return ErrorOf(handle_.get()); }

absl::Status ErrorOf(sqlite3* connection) {
  const int result = sqlite3_extended_errcode(connection);
  return absl::Status(CodeFor(result), absl::StrCat(sqlite3_errmsg(connection), " (", result, ")"));
}

absl::StatusOr<Snapshots> Snapshots::Prepare(Connection* connection) {
  Snapshots snapshots;
  FAREBOX_ASSIGN_OR_RETURN(snapshots.begin_, connection->Prepare("BEGIN"));
  FAREBOX_ASSIGN_OR_RETURN(snapshots.end_, connection->Prepare("COMMIT"));
  return snapshots;
}

absl::Status Snapshots::Run(absl::FunctionRef<absl::Status()> body) {
  if (begin_.Run() != SQLITE_OK) return ErrorOf(begin_.connection());
  absl::Status status = body();
  if (end_.Run() != SQLITE_OK && status.ok()) return ErrorOf(end_.connection());
  return status;
}

absl::Status InTransaction(Connection* connection, absl::FunctionRef<absl::Status()> body) {
  FAREBOX_RETURN_IF_ERROR(connection->Execute("BEGIN IMMEDIATE"));
  absl::Status status = body();
  if (status.ok()) status = connection->Execute("COMMIT");
  if (!status.ok() && connection->in_transaction()) {
    // What failed is told by `status`; a rollback that fails too leaves nothing more to say.
    connection->Execute("ROLLBACK").IgnoreError();
  }
  return status;
}

}  // namespace farebox::sqlite
