#ifndef FAREBOX_STORAGE_SQLITE_JOURNAL_FILE_H_
#define FAREBOX_STORAGE_SQLITE_JOURNAL_FILE_H_

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
#include "storage/sqlite/journal_schema.h"

namespace farebox::sqlite {

// The one connection that writes and checkpoints journal.db.
//
//   usable --(a commit or checkpoint fails, outcome unknown)--> failed, for good
//
// 1. A commit returns OK only when it would survive a power cut: one fdatasync of the log.
// 2. STORAGE_FULL only where the transaction was surely rolled back; the file stays usable.
// 3. After any other failure nothing is written any more, not even a checkpoint on closing: what
//    the page cache says after a failed fsync is not to be trusted, and a second fsync lies.
// 4. Entries and batches are only ever inserted: the connection refuses to prepare anything else.
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
  // Checkpoints, unless it has failed.
  ~JournalFile() = default;

  // Appends a batch, durably.
  absl::Status Append(const BatchHead& head, absl::Span<const Entry> entries);

  // Runs `write`, which returns an SQLite result, as one durable transaction.
  absl::Status Commit(absl::FunctionRef<int()> write);

  // The newest batch; number 0 where there is none.
  absl::StatusOr<BatchHead> ReadHead();

  // Of the newest commit that returned OK.
  const AppendTimes& append_times() const { return times_; }

  // For the statements of the catalog.
  Connection& connection() { return connection_; }

 private:
  JournalFile(Connection connection, int checkpoint_frames);

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
  // Ends a transaction that failed with this SQLite result and decides what that means.
  absl::Status Abandon(int result);
  absl::Status Fail(absl::string_view cause);

  EntrySource entry_source_;  // Before the connection that reads it.
  Connection connection_;
  // OK while the file is usable.
  absl::Status failure_;
  LogProgress log_;
  AppendTimes times_;

  Statement begin_;
  Statement commit_;
  Statement rollback_;
  Statement insert_entries_;
  Statement insert_batch_;
  Statement last_batch_;
};

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_JOURNAL_FILE_H_
