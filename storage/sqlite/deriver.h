#ifndef FAREBOX_STORAGE_SQLITE_DERIVER_H_
#define FAREBOX_STORAGE_SQLITE_DERIVER_H_

#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/clock.h"
#include "storage/entry.h"
#include "storage/limits.h"
#include "storage/mutex.h"
#include "storage/sqlite/derivation_source.h"
#include "storage/sqlite/derived_file.h"
#include "storage/sqlite/derived_reader.h"
#include "storage/sqlite/journal_reader.h"

namespace farebox::sqlite {

// Keeps derived.db up with the journal, on a thread of its own.
//
// Entries are taken over in chunks: the longer the writer is ahead, the larger, since the cost of
// a chunk is in the pages that it touches. After a first new entry it gathers for a moment, so
// that a trickle of commits does not make a trickle of chunks.
//
// Thread-safe.
class Deriver : public DamageListener {
 public:
  struct Options {
    std::string journal_path;
    std::string derived_path;
    // How long request ids are in the writer's memory; older ones are looked up here.
    absl::Duration request_window;
    // WaitWhileFarBehind waits while more entries than this are missing.
    int64_t lag_entries_max = 0;
    // And for no longer than this without any progress.
    absl::Duration patience = limits::kDerivedPatience;
    // What is taken over at once.
    int64_t chunk_entries_max = limits::kDerivedChunkEntriesMax;
    int64_t chunk_requests_max = limits::kDerivedChunkRequestsMax;
    // Its disk is left so much: a log that fills the disk would take it from the journal. Request
    // ids that can stay in memory leave it more.
    int64_t free_disk_bytes_min = 0;
    int64_t free_disk_bytes_min_requests = 0;
    int open_tries_max = limits::kDerivedOpenTriesMax;
    // How long a trickle of new entries is gathered.
    absl::Duration gather = absl::Milliseconds(200);
    const Clock* clock = nullptr;
    // Called once, on the thread, with the JOURNAL_DAMAGED that Start would have failed with, had
    // it been able to open the file.
    std::function<void(const absl::Status&)> on_journal_damage = [](const absl::Status&) {};
  };

  // Opens the derived file, or begins it anew, and starts the thread. `last` is the journal's last
  // entry. Fails with JOURNAL_DAMAGED, as where the file knows of entries that the journal has
  // lost.
  static absl::StatusOr<std::unique_ptr<Deriver>> Start(Options options, EntryId last);
  // Stops after the chunk at hand.
  ~Deriver() override;
  Deriver(const Deriver&) = delete;
  Deriver& operator=(const Deriver&) = delete;

  // The journal has grown up to `last`. Cheap: wakes the thread only where it waits for that much.
  // Writer thread only.
  void OnAppended(EntryId last);

  // Blocks while the lag is too large and is seen to be worked off. What there was to do when the
  // file was opened or begun anew does not count: that may take minutes, and comes to an end. Nor
  // does what has come meanwhile, where it is less than half of that, and so on.
  void WaitWhileFarBehind() ABSL_LOCKS_EXCLUDED(mu_);

  // The file is to have the request ids of all entries up to this one: memory does not. By one
  // thread at a time.
  void LeaveOldRequests(EntryId through) ABSL_LOCKS_EXCLUDED(mu_);

  // The file is made anew, soon.
  void OnDamage() override ABSL_LOCKS_EXCLUDED(mu_);

  // For one more thread, which must not outlive this object.
  std::unique_ptr<DerivedReader> NewReader();

  const DerivedStatus& status() const { return status_; }

 private:
  Deriver(Options options, EntryId last);

  // Where none is open. Fails as DerivedFile::Open.
  absl::Status OpenFile();
  // What there is to do beyond `through` does not count.
  void BeginBacklog(EntryId through);
  void EndBacklog(EntryId through);
  void PublishPosition() ABSL_LOCKS_EXCLUDED(mu_);

  // The thread.
  void Loop() ABSL_LOCKS_EXCLUDED(mu_);
  // Returns false when it is time to stop.
  bool WaitForWork() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status TakeOver();
  absl::Status TakeOverEntries();
  absl::Status TakeOverRequests();
  // How many of the missing entries are taken over at once. Fails where there is no room.
  absl::StatusOr<int64_t> EntriesThatFit() const;
  // How many request ids the log of one chunk has room for. Fails where there is none, and memory
  // does not have them.
  absl::StatusOr<int64_t> RequestsThatFit();
  // Where the file could not be opened so far.
  absl::Status OpenAgain();
  absl::Status BeginAnew();
  void NoteOutcome(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);
  bool is_behind() const { return appended_.load() > status_.through.load(); }
  bool is_far_behind() const;

  // Constant after construction.
  const Options options_;
  // The journal ended here: no file of before can have had more from it.
  const EntryId last_at_start_;

  // Synchronise themselves.
  DerivedStatus status_;
  std::atomic<EntryId> appended_;
  // Where the backlog ends.
  std::atomic<EntryId> backlog_through_{0};
  // The thread sleeps until the journal reaches this entry.
  std::atomic<EntryId> wake_at_{std::numeric_limits<EntryId>::max()};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> is_damaged_{false};

  Mutex mu_;
  CondVar wake_;      // Signalled when wake_at_ is reached, and when what WaitForWork asks changes.
  CondVar progress_;  // Signalled when what WaitWhileFarBehind asks changes.
  // The newest attempt failed; the next one is due after a pause.
  bool is_failing_ ABSL_GUARDED_BY(mu_) = false;

  // Used by the thread only, once it runs.
  std::unique_ptr<SqliteJournalReader> journal_;
  std::unique_ptr<DerivationSource> source_;
  bool has_more_requests_ = false;
  // How much of it there was when it began; 0 where it is done.
  int64_t backlog_ = 0;
  // Less than options_.chunk_entries_max from when a chunk has filled the disk until all is
  // derived.
  int64_t chunk_entries_ = options_.chunk_entries_max;
  std::unique_ptr<DerivedFile> file_;  // Null where it could not be opened.
  int failed_opens_ = 0;
  // What the file knows of entries that the journal has lost: it is kept as it is, and not opened.
  absl::Status journal_loss_;

  std::thread thread_;  // Last: starts when all above is built.
};

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_DERIVER_H_
