#include "storage/sqlite/journal_file.h"

#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "storage/check.h"
#include "storage/errors.h"
#include "storage/sqlite/entry_row.h"
#include "storage/sqlite/journal_schema.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

// The log can begin anew only while nobody reads it; where that fails, this many frames later the
// next try is due.
constexpr int kCheckpointRetryFrames = 250;

// How long something takes, by a clock that nobody sets: for figures, not for rules.
class Stopwatch {
 public:
  absl::Duration Elapsed() const {
    return absl::FromChrono(std::chrono::steady_clock::now() - start_);
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Nothing of ours reads for so long.
constexpr int kRescuePatienceMillis = 10'000;

bool IsAppendOnly(const char* table) {
  return table != nullptr && (strcasecmp(table, "entry") == 0 || strcasecmp(table, "batch") == 0);
}

// Asked by SQLite for each thing that a statement would do, when it is prepared.
int Authorize(void* /*unused*/, int action, const char* first, const char* second,
              const char* /*database*/, const char* /*trigger*/) {
  switch (action) {
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
    case SQLITE_DROP_TABLE:
      return IsAppendOnly(first) ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_ALTER_TABLE:
    case SQLITE_CREATE_TRIGGER:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_DROP_TRIGGER:
      return IsAppendOnly(second) ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
      return SQLITE_DENY;
    default:
      return SQLITE_OK;
  }
}

}  // namespace

JournalFile::JournalFile(std::string path, Connection connection, int checkpoint_frames)
    : paths_{path, absl::StrCat(path, "-wal"), absl::StrCat(path, "-shm")},
      connection_(std::move(connection)),
      log_{.checkpoint_first_at = checkpoint_frames, .checkpoint_at = checkpoint_frames} {}

int JournalFile::NoteLogFrames(void* log, sqlite3* /*connection*/, const char* /*database*/,
                               int frames) {
  auto* const progress = static_cast<LogProgress*>(log);
  if (frames < progress->frames) progress->checkpoint_at = progress->checkpoint_first_at;
  progress->frames = frames;
  return SQLITE_OK;
}

absl::StatusOr<std::unique_ptr<JournalFile>> JournalFile::Open(const std::string& path,
                                                               int checkpoint_frames) {
  FAREBOX_ASSIGN_OR_RETURN(Connection connection, OpenJournalForWriting(path, JournalMigrations()));
  auto file =
      std::unique_ptr<JournalFile>(new JournalFile(path, std::move(connection), checkpoint_frames));
  FAREBOX_RETURN_IF_ERROR(file->Prepare());
  return file;
}

absl::Status JournalFile::Prepare() {
  FAREBOX_RETURN_IF_ERROR(entry_source_.AddTo(&connection_));
  sqlite3_set_authorizer(connection_.handle(), Authorize, nullptr);
  // In place of automatic checkpoints, whose failures SQLite does not report.
  sqlite3_wal_hook(connection_.handle(), NoteLogFrames, &log_);
  FAREBOX_RETURN_IF_ERROR(
      connection_.Execute(absl::StrCat("PRAGMA journal_size_limit = ", kLogBytesKept)));
  sqlite3_busy_timeout(connection_.handle(), kLockPatienceMillis);

  FAREBOX_ASSIGN_OR_RETURN(begin_, connection_.Prepare("BEGIN IMMEDIATE"));
  FAREBOX_ASSIGN_OR_RETURN(commit_, connection_.Prepare("COMMIT"));
  FAREBOX_ASSIGN_OR_RETURN(rollback_, connection_.Prepare("ROLLBACK"));
  // A NULL id is the one after the last, which SQLite knows without looking for a place.
  FAREBOX_ASSIGN_OR_RETURN(
      insert_entries_, connection_.Prepare(absl::StrCat("INSERT INTO entry SELECT NULL, ",
                                                        absl::StripPrefix(kEntryColumns, "id, "),
                                                        " FROM ", EntrySource::kTable)));
  FAREBOX_ASSIGN_OR_RETURN(insert_batch_,
                           connection_.Prepare(absl::StrCat("INSERT INTO batch (", kBatchColumns,
                                                            ") VALUES (?,?,?,?,?)")));
  FAREBOX_ASSIGN_OR_RETURN(
      last_batch_, connection_.Prepare(absl::StrCat("SELECT ", kBatchColumns,
                                                    " FROM batch ORDER BY number DESC LIMIT 1")));
  // The first read makes the log and the shared memory where they are not there.
  FAREBOX_RETURN_IF_ERROR(connection_.QueryInt64("SELECT max(number) FROM batch").status());
  ids_ = CurrentIds();
  return absl::OkStatus();
}

absl::StatusOr<BatchHead> JournalFile::ReadHead() {
  BatchHead head;
  const ResetOnExit reset(&last_batch_);
  const int result = last_batch_.Step();
  if (result != SQLITE_ROW && result != SQLITE_DONE) {
    return AsJournalDamage(0, connection_.LastError());
  }
  if (result == SQLITE_ROW && !ReadBatch(last_batch_, &head)) {
    return error::JournalDamaged(head.first, "its batch cannot be read");
  }
  const absl::StatusOr<int64_t> last = connection_.QueryInt64("SELECT max(id) FROM entry");
  if (!last.ok()) return AsJournalDamage(head.last, last.status());
  if (*last != head.last) {
    return error::JournalDamaged(std::min(*last, head.last) + 1, "it is not what its batch says");
  }
  return head;
}

absl::Status JournalFile::Append(const BatchHead& head, absl::Span<const Entry> entries) {
  FAREBOX_CHECK(!entries.empty());
  FAREBOX_CHECK(entries.back().id == head.last);
  for (size_t i = 0; i < entries.size(); ++i) {
    FAREBOX_CHECK(entries[i].id == head.first + static_cast<EntryId>(i));
  }
  return Commit([&] { return InsertRows(head, entries); });
}

int JournalFile::InsertRows(const BatchHead& head, absl::Span<const Entry> entries) {
  entry_source_.Set(entries);
  const int result = insert_entries_.Run();
  entry_source_.Set({});
  if (result != SQLITE_OK) return result;
  // The ids were given out one after the other, so the last is right only if all are.
  if (sqlite3_last_insert_rowid(connection_.handle()) != head.last) return SQLITE_CORRUPT;
  BindBatch(head, &insert_batch_);
  return insert_batch_.Run();
}

absl::Status JournalFile::Commit(absl::FunctionRef<int()> write) {
  FAREBOX_RETURN_IF_ERROR(failure_);
  times_ = AppendTimes();
  FAREBOX_RETURN_IF_ERROR(CheckpointIfDue());
  int result = begin_.Run();
  is_locked_ = (result & 0xff) == SQLITE_BUSY;
  if (is_locked_) return error::StorageLocked();
  if (result == SQLITE_OK) result = write();
  if (result == SQLITE_OK) {
    const Stopwatch stopwatch;
    result = commit_.Run();
    times_.sync = stopwatch.Elapsed();
  }
  return result == SQLITE_OK ? absl::OkStatus() : Abandon(result);
}

absl::Status JournalFile::Abandon(int result) {
  const std::string cause = absl::StrCat(sqlite3_errstr(result), " (", result, ")");
  // SQLite rolls back by itself where it must.
  const bool is_rolled_back = !connection_.in_transaction() || rollback_.Run() == SQLITE_OK;
  const bool is_full = (result & 0xff) == SQLITE_FULL;
  return is_rolled_back && is_full ? error::StorageFull(cause) : Fail(cause);
}

absl::Status JournalFile::CheckLock() {
  if (!is_locked_) return absl::OkStatus();
  sqlite3_busy_timeout(connection_.handle(), 0);
  const int result = begin_.Run();
  sqlite3_busy_timeout(connection_.handle(), kLockPatienceMillis);
  if ((result & 0xff) == SQLITE_BUSY) return error::StorageLocked();
  if (result != SQLITE_OK) return Abandon(result);
  rollback_.Run();
  is_locked_ = false;
  return absl::OkStatus();
}

JournalFile::FileId JournalFile::IdOf(const std::string& path) {
  // Not its times: the kernel would note the next write to the nanosecond then (since Linux 6.13),
  // and ext4 without a journal syncs that as a write of its own.
  struct statx found;
  if (statx(AT_FDCWD, path.c_str(), 0, STATX_INO, &found) != 0) return {};
  return {.device = makedev(found.stx_dev_major, found.stx_dev_minor), .number = found.stx_ino};
}

std::array<JournalFile::FileId, 3> JournalFile::CurrentIds() const {
  return {IdOf(paths_[0]), IdOf(paths_[1]), IdOf(paths_[2])};
}

absl::Status JournalFile::CheckInPlace() {
  FAREBOX_RETURN_IF_ERROR(failure_);
  const std::array<FileId, 3> now = CurrentIds();
  if (now == ids_) return absl::OkStatus();
  const size_t lost = now[0] != ids_[0] ? 0 : now[1] != ids_[1] ? 1 : 2;
  const absl::Status saved = Rescue(/*into_journal=*/lost != 0);
  return Fail(absl::StrCat(paths_[lost], " was deleted or replaced; what was acknowledged is in ",
                           paths_[0], lost == 0 ? kRescuedSuffix : "",
                           saved.ok() ? "" : absl::StrCat(", or not: ", saved.message())));
}

// The files are open still, whatever their names are.
absl::Status JournalFile::Rescue(bool into_journal) {
  if (into_journal) {
    // Whoever reads just now is waited for.
    sqlite3_busy_timeout(connection_.handle(), kRescuePatienceMillis);
    const int result = sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr,
                                                 SQLITE_CHECKPOINT_FULL, nullptr, nullptr);
    return result == SQLITE_OK ? absl::OkStatus() : connection_.LastError();
  }
  const std::string path = absl::StrCat(paths_[0], kRescuedSuffix);
  RemoveDatabase(path);
  FAREBOX_ASSIGN_OR_RETURN(Connection rescued, Connection::Open(path, {.create = true}));
  sqlite3_backup* const copy =
      sqlite3_backup_init(rescued.handle(), "main", connection_.handle(), "main");
  if (copy == nullptr) return rescued.LastError();
  sqlite3_backup_step(copy, -1);
  return sqlite3_backup_finish(copy) == SQLITE_OK ? absl::OkStatus() : rescued.LastError();
}

absl::Status JournalFile::CheckpointIfDue() {
  if (log_.frames < log_.checkpoint_at) return absl::OkStatus();
  log_.checkpoint_at = log_.frames + kCheckpointRetryFrames;
  const Stopwatch stopwatch;
  const int result = sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr,
                                               SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  times_.checkpoint = stopwatch.Elapsed();
  // Busy or full: the log simply goes on growing until the next try.
  const int primary = result & 0xff;
  if (result == SQLITE_OK || primary == SQLITE_BUSY || primary == SQLITE_FULL) {
    return absl::OkStatus();
  }
  return Fail(connection_.LastError().message());
}

absl::Status JournalFile::Fail(absl::string_view cause) {
  connection_.CheckpointOnClose(false);
  failure_ = error::StorageFailed(cause);
  return failure_;
}

}  // namespace farebox::sqlite
