#ifndef FAREBOX_STORAGE_SQLITE_CONNECTION_H_
#define FAREBOX_STORAGE_SQLITE_CONNECTION_H_

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// The thinnest ownership over SQLite's C interface. Packaged C++ wrappers (SQLiteCpp among them)
// report errors by exceptions, which this project does not throw, and hide the result codes that
// decide here whether a commit surely failed or may have happened.
namespace farebox::sqlite {

// One prepared statement, finalized at the end of its life, before its connection is closed.
// Thread-compatible.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  // Parameters count from 1. Bytes are not copied: they stay in place until Reset or Step's end.
  void BindInt64(int parameter, int64_t value);
  void BindBlob(int parameter, absl::string_view bytes);
  void BindText(int parameter, absl::string_view bytes);
  void BindNull(int parameter);
  // Copied, whatever its type.
  void BindValue(int parameter, sqlite3_value* value);

  // SQLITE_ROW, SQLITE_DONE or an error code.
  int Step() { return sqlite3_step(statement_.get()); }
  // Ready to be bound and run again; ends a read.
  void Reset() { sqlite3_reset(statement_.get()); }
  // Runs a statement that yields no row and makes it ready again: SQLITE_OK or an error code.
  int Run();

  // Columns count from 0. Bytes are valid until the next Step or Reset.
  int64_t Int64(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  absl::string_view Bytes(int column) const;
  sqlite3_value* Value(int column) const { return sqlite3_column_value(statement_.get(), column); }
  int Type(int column) const { return sqlite3_column_type(statement_.get(), column); }
  bool IsNull(int column) const { return Type(column) == SQLITE_NULL; }

  sqlite3* connection() const { return sqlite3_db_handle(statement_.get()); }

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
};

// Resets a statement at the end of a scope, whichever way it is left.
class ResetOnExit {
 public:
  explicit ResetOnExit(Statement* statement) : statement_(statement) {}
  ~ResetOnExit() { statement_->Reset(); }
  ResetOnExit(const ResetOnExit&) = delete;
  ResetOnExit& operator=(const ResetOnExit&) = delete;

 private:
  Statement* const statement_;
};

struct ConnectionOptions {
  bool read_only = false;
  // Only for the connection that writes: a missing file is created.
  bool create = false;
  int busy_timeout_millis = 5'000;
  // Null for SQLite's own.
  const char* vfs = nullptr;
};

// One connection to one file. Thread-compatible: used by one thread at a time, without locks.
//
// Never checkpoints when closed unless CheckpointOnClose() was called: that is left to the one
// connection that writes.
class Connection {
 public:
  static absl::StatusOr<Connection> Open(const std::string& path, const ConnectionOptions& options);

  // Runs statements that yield no rows, or whose rows do not matter.
  absl::Status Execute(const std::string& sql);

  absl::StatusOr<Statement> Prepare(absl::string_view sql);

  // The single number that `sql` yields; 0 where it yields no row.
  absl::StatusOr<int64_t> QueryInt64(absl::string_view sql);

  // Puts the write-ahead log into the file, and cuts it down to nothing. Returns false where a
  // reader has kept it from that.
  absl::StatusOr<bool> EmptyLog();

  void CheckpointOnClose(bool on);

  bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
  sqlite3* handle() const { return handle_.get(); }

  // The status of the newest failed call.
  absl::Status LastError() const;

 private:
  struct Closer {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  explicit Connection(sqlite3* handle) : handle_(handle) {}

  std::unique_ptr<sqlite3, Closer> handle_;
};

// The newest failure of `connection` as a status: DATA_LOSS where the file's content is wrong,
// RESOURCE_EXHAUSTED where the disk is full, UNAVAILABLE for anything else.
absl::Status ErrorOf(sqlite3* connection);

// Lets a connection that only reads run several statements on one state of the file. Goes before
// its connection. Thread-compatible.
class Snapshots {
 public:
  static absl::StatusOr<Snapshots> Prepare(Connection* connection);
  Snapshots() = default;

  // Runs `body` on one state.
  absl::Status Run(absl::FunctionRef<absl::Status()> body);

 private:
  Statement begin_;
  Statement end_;
};

// Runs `body` in one transaction that holds the write lock; rolls back where it fails.
absl::Status InTransaction(Connection* connection, absl::FunctionRef<absl::Status()> body);

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_CONNECTION_H_
