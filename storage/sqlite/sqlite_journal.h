#ifndef FAREBOX_STORAGE_SQLITE_SQLITE_JOURNAL_H_
#define FAREBOX_STORAGE_SQLITE_SQLITE_JOURNAL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "storage/clock.h"
#include "storage/entry.h"
#include "storage/journal.h"
#include "storage/limits.h"
#include "storage/sqlite/derived_reader.h"
#include "storage/sqlite/deriver.h"
#include "storage/sqlite/journal_file.h"
#include "storage/sqlite/ownership.h"
#include "storage/sqlite/sqlite_catalog.h"

namespace farebox::sqlite {

// The embedded journal: a directory that one process owns at a time.
//
//   journal.db   entries, batches, decks: the truth. Written by the writer thread, one fdatasync a
//                batch. What it promises is in journal_file.h.
//   derived.db   what the journal amounts to, for a quick start and quick look-ups. Written by a
//                thread of its own; may be deleted while nobody owns the directory.
//   lock         who owns the directory.
//
// Readers have read-only connections of their own and never checkpoint. They must not outlive the
// journal.
class SqliteJournal : public Journal {
 public:
  struct Options {
    // Made where it is missing; what it is in is not.
    std::string directory;
    // How long the ledger has request ids in memory; the older ones are looked up here.
    absl::Duration request_window = limits::kRequestWindow;
    // False: there is no derived file, and whoever starts replays everything.
    bool derive = true;
    // When the write-ahead log is copied into the file; see JournalFile.
    int checkpoint_frames = JournalFile::kCheckpointFrames;
    int64_t derived_lag_entries_max = limits::kDerivedLagEntriesMax;
    // How long a trickle of entries is gathered before it is derived.
    absl::Duration derived_gather = absl::Milliseconds(200);
    // How much of the derived file is written at once.
    int64_t derived_chunk_entries_max = limits::kDerivedChunkEntriesMax;
    int64_t derived_chunk_requests_max = limits::kDerivedChunkRequestsMax;
    // Below this much free disk only holds are ended, below a quarter of it nothing is written.
    int64_t free_disk_bytes_min = limits::kFreeDiskBytesMin;
    const Clock* clock = nullptr;  // Outlives the journal.
    // See Deriver. Called on a thread of the journal's.
    std::function<void(const absl::Status&)> on_journal_damage = [](const absl::Status&) {};
  };

  // Fails with FILES_IN_USE, FILES_FOREIGN, FILES_TOO_NEW or JOURNAL_DAMAGED.
  static absl::StatusOr<std::unique_ptr<SqliteJournal>> Open(Options options);
  ~SqliteJournal() override = default;

  BatchHead Head() override { return head_; }
  absl::StatusOr<EntryId> LoadSnapshot(SnapshotVisitor* visitor) override;
  void OnWrongSnapshot() override;
  absl::Status CheckSpace(SpaceFor purpose) override;
  absl::Status Append(const BatchHead& head, absl::Span<const Entry> entries) override;
  AppendTimes LastAppendTimes() override { return file_->append_times(); }
  absl::StatusOr<std::optional<EntryId>> FindOldRequest(RequestHash hash) override;
  EntryId OldRequestsThrough() override;
  bool LeaveOldRequests(EntryId through) override;
  Catalog& catalog() override { return catalog_; }
  absl::StatusOr<std::unique_ptr<JournalReader>> NewReader() override;
  JournalStats Stats() override;
  absl::StatusOr<BackupReport> Backup(const BackupOrder& order) override;
  void WaitForDerived() override;

 private:
  SqliteJournal(Options options, Ownership ownership, std::unique_ptr<JournalFile> file);

  absl::Status Recover();

  // Constant after construction.
  const Options options_;
  const Ownership ownership_;

  // Used only on the writer thread.
  const std::unique_ptr<JournalFile> file_;
  SqliteCatalog catalog_;
  BatchHead head_;

  // Synchronises itself. After file_, which checkpoints when nobody else has the file open.
  std::unique_ptr<Deriver> deriver_;  // Null without a derived file.

  // Used only on the writer thread.
  std::unique_ptr<DerivedReader> derived_reader_;  // Null without a derived file.
};

// Opens a journal for one reader while no server uses it: that of a directory, which it owns itself
// until the reader is destroyed, or a backup, which is a file. Changes nothing, but for undoing
// what a killed process has left of an update of the backup. Fails as SqliteJournal::Open.
absl::StatusOr<std::unique_ptr<JournalReader>> OpenOfflineReader(const std::string& place);

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_SQLITE_JOURNAL_H_
