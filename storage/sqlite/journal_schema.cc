#include "storage/sqlite/journal_schema.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "storage/errors.h"
#include "storage/sqlite/file.h"
#include "storage/sqlite/settle_log.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

namespace fs = std::filesystem;

// Version 1. The columns of `entry` are those of farebox::Entry; what is usually zero or absent
// takes no byte of a row's body. No constraints, which are checked row by row (five percent of an
// append): there is one statement that inserts, and the hash chain covers the rest. No index: a
// second tree to keep up with would cost more than all the rest. The triggers are for whoever opens
// the file by other means than this program.
constexpr char kVersion1[] = R"sql(
  CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    account INTEGER,
    kind INTEGER,
    balance INTEGER,
    held INTEGER,
    previous INTEGER,
    time INTEGER,
    item INTEGER,
    reason INTEGER,
    flags INTEGER,
    amount INTEGER,
    held_change INTEGER,
    credit_limit INTEGER,
    subject INTEGER,
    expire_time INTEGER,
    request_id BLOB,
    fingerprint INTEGER,
    detail BLOB
  );
  CREATE TABLE batch (
    number INTEGER PRIMARY KEY,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    time INTEGER NOT NULL,
    hash BLOB NOT NULL
  );
  CREATE TRIGGER entry_is_never_changed BEFORE UPDATE ON entry
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
  CREATE TRIGGER entry_is_never_deleted BEFORE DELETE ON entry
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
  CREATE TRIGGER batch_is_never_changed BEFORE UPDATE ON batch
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
  CREATE TRIGGER batch_is_never_deleted BEFORE DELETE ON batch
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

  -- A deck has no version until it is sealed.
  CREATE TABLE deck (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    version INTEGER,
    import_time INTEGER,
    row_count INTEGER,
    csv_bytes INTEGER NOT NULL,
    chunk_count INTEGER NOT NULL,
    UNIQUE (name, version)
  );
  CREATE TABLE deck_chunk (
    deck INTEGER NOT NULL,
    number INTEGER NOT NULL,
    csv BLOB NOT NULL,
    PRIMARY KEY (deck, number)
  );
)sql";

// Version 2: documents (storage/document.h). Those that are never due, or in no slot, have NULL
// there and are in no index.
constexpr char kVersion2[] = R"sql(
  CREATE TABLE document (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    key TEXT NOT NULL,
    revision INTEGER NOT NULL,
    account INTEGER NOT NULL,
    slot TEXT,
    due INTEGER,
    content BLOB NOT NULL,
    UNIQUE (kind, key)
  );
  CREATE UNIQUE INDEX document_slot ON document (kind, slot) WHERE slot IS NOT NULL;
  CREATE INDEX document_due ON document (kind, due) WHERE due IS NOT NULL;
  CREATE INDEX document_account ON document (kind, account);
)sql";

// Version 3: documents of all accounts, by their ids: without it each page sorts all of a kind.
constexpr char kVersion3[] = R"sql(
  CREATE INDEX document_kind ON document (kind);
)sql";

constexpr const char* kMigrations[] = {kVersion1, kVersion2, kVersion3};

constexpr size_t kHeaderBytes = 100;
constexpr char kMagic[] = "SQLite format 3";  // with its final zero byte
constexpr size_t kUserVersionAt = 60;
constexpr size_t kApplicationIdAt = 68;

using Header = std::array<uint8_t, kHeaderBytes>;

uint32_t BigEndian32(const Header& header, size_t at) {
  return uint32_t{header[at]} << 24 | uint32_t{header[at + 1]} << 16 |
         uint32_t{header[at + 2]} << 8 | uint32_t{header[at + 3]};
}

absl::Status CannotOpen(const std::string& path, int error) {
  return absl::UnavailableError(
      absl::StrCat("cannot open ", path, ": ", std::generic_category().message(error)));
}

// Takes the schema from version `from` to the newest, each step whole or not at all.
absl::Status Migrate(int64_t from, Migrations migrations, Connection* connection) {
  for (size_t version = static_cast<size_t>(from); version < migrations.size(); ++version) {
    const auto write = [&]() -> absl::Status {
      FAREBOX_RETURN_IF_ERROR(connection->Execute(migrations[version]));
      return connection->Execute(absl::StrCat("PRAGMA user_version = ", version + 1));
    };
    FAREBOX_RETURN_IF_ERROR(InTransaction(connection, write));
  }
  return absl::OkStatus();
}

// Nothing must look as if there had been a journal here: an empty one in its place would forget all
// money.
absl::Status CheckNeverWas(const std::string& path) {
  const fs::path directory = fs::path(path).parent_path();
  for (const fs::path& trace :
       {fs::path(absl::StrCat(path, "-wal")), fs::path(absl::StrCat(path, kRestoredSuffix)),
        fs::path(absl::StrCat(path, kRescuedSuffix)), directory / "derived.db"}) {
    FAREBOX_ASSIGN_OR_RETURN(const bool is_there, Exists(trace));
    if (!is_there) continue;
    return error::JournalDamaged(
        0, absl::StrCat(path, " is missing, but ", trace.filename().string(), " is there"));
  }
  return absl::OkStatus();
}

// Makes an empty journal under another name and moves it into place when it is whole and on disk:
// whatever is at `path` is a journal from its first byte.
absl::Status Create(const std::string& path, Migrations migrations) {
  FAREBOX_RETURN_IF_ERROR(CheckNeverWas(path));
  const std::string draft = absl::StrCat(path, ".new");
  FAREBOX_RETURN_IF_ERROR(MakeEmptyJournal(draft, migrations));
  {
    FAREBOX_ASSIGN_OR_RETURN(Connection connection, Connection::Open(draft, {}));
    connection.CheckpointOnClose(true);
    FAREBOX_RETURN_IF_ERROR(connection.Execute("PRAGMA journal_mode = WAL"));
  }
  return std::rename(draft.c_str(), path.c_str()) == 0 ? absl::OkStatus() : CannotOpen(path, errno);
}

}  // namespace

Migrations JournalMigrations() { return kMigrations; }

void RemoveDatabase(const std::string& path) {
  std::error_code ignored;
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) {
    fs::remove(absl::StrCat(path, suffix), ignored);
  }
}

absl::Status MakeEmptyJournal(const std::string& path, Migrations migrations) {
  RemoveDatabase(path);
  FAREBOX_ASSIGN_OR_RETURN(Connection connection, Connection::Open(path, {.create = true}));
  FAREBOX_RETURN_IF_ERROR(connection.Execute(
      absl::StrCat("PRAGMA synchronous = FULL; PRAGMA application_id = ", kJournalApplicationId)));
  return Migrate(0, migrations, &connection);
}

absl::Status AsJournalDamage(EntryId entry, const absl::Status& status) {
  const bool is_bare = absl::IsDataLoss(status) && GetReason(status) == Reason::kNone;
  return is_bare ? error::JournalDamaged(entry, status.message()) : status;
}

// Judges the file by its first bytes, before SQLite is let near it: opening alone may roll back or
// checkpoint what another program left. The application id is in the file from its first day, so
// it is never only in the write-ahead log.
absl::Status CheckIsJournal(const std::string& path, int64_t version_known) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return CannotOpen(path, errno);
  Header header{};
  const ssize_t got = pread(file, header.data(), header.size(), 0);
  close(file);
  if (got != static_cast<ssize_t>(header.size()) ||
      std::memcmp(header.data(), kMagic, sizeof(kMagic)) != 0) {
    return error::FilesForeign(path, "it is not an SQLite database");
  }
  if (BigEndian32(header, kApplicationIdAt) != kJournalApplicationId) {
    return error::FilesForeign(path, "another program's database");
  }
  const int64_t version = BigEndian32(header, kUserVersionAt);
  if (version > version_known) return error::FilesTooNew(path, version, version_known);
  if (version < 1) return error::FilesForeign(path, "it has no schema version");
  return absl::OkStatus();
}

namespace {

// Where the file system cannot share memory between connections, SQLite would quietly do without
// the write-ahead log, and readers would wait for the writer.
absl::Status UseLog(const std::string& path, Connection* connection) {
  FAREBOX_RETURN_IF_ERROR(connection->Execute("PRAGMA synchronous = FULL"));
  FAREBOX_ASSIGN_OR_RETURN(Statement mode, connection->Prepare("PRAGMA journal_mode = WAL"));
  if (mode.Step() != SQLITE_ROW) return connection->LastError();
  if (mode.Bytes(0) == "wal") return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the file system of ", path, " does not allow a write-ahead log"));
}

absl::StatusOr<int64_t> ReadVersion(Connection* connection) {
  absl::StatusOr<int64_t> version = connection->QueryInt64("PRAGMA user_version");
  if (!version.ok()) return AsJournalDamage(0, version.status());
  return version;
}

}  // namespace

absl::StatusOr<Connection> OpenJournalForWriting(const std::string& path, Migrations migrations) {
  const auto known = static_cast<int64_t>(migrations.size());
  FAREBOX_ASSIGN_OR_RETURN(const bool is_there, Exists(path));
  if (!is_there) FAREBOX_RETURN_IF_ERROR(Create(path, migrations));
  FAREBOX_RETURN_IF_ERROR(CheckIsJournal(path, known));
  FAREBOX_RETURN_IF_ERROR(SettleLog(path));

  // Whoever else reads the file by hand may hold its write lock for a while.
  FAREBOX_ASSIGN_OR_RETURN(Connection connection,
                           Connection::Open(path, {.busy_timeout_millis = 30'000}));
  // Again, since a newer schema may so far be in the write-ahead log alone.
  FAREBOX_ASSIGN_OR_RETURN(const int64_t version, ReadVersion(&connection));
  if (version > known) return error::FilesTooNew(path, version, known);
  FAREBOX_RETURN_IF_ERROR(UseLog(path, &connection));
  FAREBOX_RETURN_IF_ERROR(Migrate(version, migrations, &connection));
  connection.CheckpointOnClose(true);
  return connection;
}

absl::StatusOr<Connection> OpenJournalForUpdate(const std::string& path, Migrations migrations) {
  const auto known = static_cast<int64_t>(migrations.size());
  FAREBOX_RETURN_IF_ERROR(CheckIsJournal(path, known));
  FAREBOX_ASSIGN_OR_RETURN(Connection connection, Connection::Open(path, {}));
  connection.CheckpointOnClose(true);
  FAREBOX_RETURN_IF_ERROR(
      connection.Execute("PRAGMA synchronous = FULL; PRAGMA journal_mode = DELETE"));
  FAREBOX_ASSIGN_OR_RETURN(const int64_t version, ReadVersion(&connection));
  if (version > known) return error::FilesTooNew(path, version, known);
  FAREBOX_RETURN_IF_ERROR(Migrate(version, migrations, &connection));
  return connection;
}

absl::StatusOr<Connection> OpenJournalForReading(const std::string& path, Migrations migrations) {
  const auto known = static_cast<int64_t>(migrations.size());
  FAREBOX_ASSIGN_OR_RETURN(Connection connection, Connection::Open(path, {.read_only = true}));
  FAREBOX_ASSIGN_OR_RETURN(const int64_t version, ReadVersion(&connection));
  if (version > known) return error::FilesTooNew(path, version, known);
  if (version < known) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " has an older schema: start the server on it once"));
  }
  return connection;
}

}  // namespace farebox::sqlite
