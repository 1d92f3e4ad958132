#ifndef FAREBOX_STORAGE_SQLITE_JOURNAL_FILE_H_
#define FAREBOX_STORAGE_SQLITE_JOURNAL_FILE_H_

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "storage/entry.h"
#include "storage/journal.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/entry_source.h"

namespace farebox::sqlite {

// The one connection that writes and checkpoints journal.db.
//
//   usable --(a commit or checkpoint fails, outcome unknown; the files are gone)--> failed, for
//   good
//
// 1. A commit returns OK only when it would survive a power cut: one fdatasync of the log.
// 2. STORAGE_FULL only where the transaction was surely rolled back, STORAGE_LOCKED where none was
//    begun, since another program has the lock; the file stays usable.
// 3. After any other failure nothing is written any more, not even a checkpoint on closing: what
//    the page cache says after a failed fsync is not to be trusted, and a second fsync lies.
// 4. Nothing is acknowledged that is in a file which nobody finds any more: see CheckInPlace.
// 5. Entries and batches are only ever inserted: the connection refuses to prepare anything else.
//
// Used only on the writer thread.
class JournalFile {
 public:
  // A checkpoint is due at so many frames of 4 KiB: often enough to be short, rarely enough to cost
  // little next to the commits.
  static constexpr int kCheckpointFrames = 2'000;

  static absl::StatusOr<std::unique_ptr<JournalFile>> Open(
      const std::string& path, int checkpoint_frames = kCheckpointFrames);
  JournalFile(const JournalFile&) = delete;
  JournalFile& operator=(const JournalFile&) = delete;
  // How long a commit waits for another program's lock.
  static constexpr int kLockPatienceMillis = 200;
  // What is left of the log on disk when it is begun anew: it may have grown while somebody read.
  static constexpr int64_t kLogBytesKept = int64_t{64} * 1024 * 1024;

  // Checkpoints, unless it has failed.
  ~JournalFile() = default;

  // Appends a batch, durably.
  absl::Status Append(const BatchHead& head, absl::Span<const Entry> entries);

  // STORAGE_LOCKED while another program has the lock that a commit did not get. Does not wait.
  // Fails as Append does where it cannot be told.
  absl::Status CheckLock();

  // Fails for good where the journal, its log or its shared memory were deleted or replaced. What
  // was acknowledged is saved before: into the journal, or where that is the one that is gone,
  // into a copy beside its place (kRescuedSuffix).
  absl::Status CheckInPlace();

  // Runs `write`, which returns an SQLite result, as one durable transaction.
  absl::Status Commit(absl::FunctionRef<int()> write);

  // The newest batch; number 0 where there is none.
  absl::StatusOr<BatchHead> ReadHead();

  // Of the newest commit that returned OK.
  const AppendTimes& append_times() const { return times_; }

  // For the statements of the catalog.
  Connection& connection() { return connection_; }

 private:
  // Which file is under a name; 0 where none is.
  struct FileId {
    dev_t device = 0;
    ino_t number = 0;
    friend bool operator==(const FileId&, const FileId&) = default;
  };

  JournalFile(std::string path, Connection connection, int checkpoint_frames);

  // How far the write-ahead log has grown since it was last begun anew.
  struct LogProgress {
    int frames = 0;
    // When it has just begun, and now.
    int checkpoint_first_at;
    int checkpoint_at;
  };

  // Told by SQLite after each commit how many frames the log has.
  static int NoteLogFrames(void* log, sqlite3* connection, const char* database, int frames);

  absl::Status Prepare();
  int InsertRows(const BatchHead& head, absl::Span<const Entry> entries);
  absl::Status CheckpointIfDue();
  static FileId IdOf(const std::string& path);
  std::array<FileId, 3> CurrentIds() const;
  // Puts everything into the journal, or into a new file.
  absl::Status Rescue(bool into_journal);
  // Ends a transaction that failed with this SQLite result and decides what that means.
  absl::Status Abandon(int result);
  absl::Status Fail(absl::string_view cause);

  // The journal, its log, its shared memory.
  const std::array<std::string, 3> paths_;
  std::array<FileId, 3> ids_;

  EntrySource entry_source_;  // Before the connection that reads it.
  Connection connection_;
  // OK while the file is usable.
  absl::Status failure_;
  LogProgress log_;
  AppendTimes times_;
  bool is_locked_ = false;

  Statement begin_;
  Statement commit_;
  Statement rollback_;
  Statement insert_entries_;
  Statement insert_batch_;
  Statement last_batch_;
};

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_JOURNAL_FILE_H_
