#ifndef FAREBOX_STORAGE_ENGINE_H_
#define FAREBOX_STORAGE_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "storage/books.h"
#include "storage/catalog.h"
#include "storage/clock.h"
#include "storage/command.h"
#include "storage/entry.h"
#include "storage/expiry_queue.h"
#include "storage/journal.h"
#include "storage/journal_clock.h"
#include "storage/limits.h"
#include "storage/pending_batch.h"
#include "storage/recovery.h"
#include "storage/signal.h"

namespace farebox {

// What one commit came to, on its way to those who wait for it. Thread-compatible: made on the
// writer thread, told on another.
struct CommitResult {
  // The outcomes of the next `count` commands, in order. Takes what it can from `entries`, so
  // whoever is to be told of these is told before.
  std::vector<Outcome> TakeOutcomes(size_t count);

  // Not OK: the batch is not there (STORAGE_FULL), or may not be.
  absl::Status status;
  // What became durable, and what to tell of it.
  std::vector<Entry> entries;
  std::vector<Signal> signals;
  // Holds that expired.
  int64_t expired = 0;
  // More reminders are due: one batch takes so many.
  bool has_more_due = false;
  // How long the journal took for it.
  absl::Duration append_duration;
  AppendTimes append_times;

  // The first entry of the batch, whether it became durable or not.
  EntryId first_entry = 0;
  // One for each command.
  std::vector<PendingBatch::Decision> decisions;
  size_t next_decision = 0;
};

// What a ledger does, without the threads that do it: recovers from the journal, ends the holds
// that are due, decides commands in order, makes the entries durable, and folds them into the
// books. It has no thread, lock, queue or randomness, and no other time than its clock's: the same
// commands in the same batches at the same times make the same journal.
//
//   Commit: reminders -> decisions (PendingBatch) -> journal.Append (fsync) -> books -> result
//
// After an append whose outcome is unknown it takes nothing more: memory and disk may differ, and
// only a new engine on the reopened journal knows.
//
// Used only on the writer thread, but for the thread-safe part of books(). The journal and the
// clock outlive it.
class Engine {
 public:
  struct Options {
    // How long the request ids of the past are kept in memory.
    absl::Duration request_window;
    // HOLD_EXPIRING is signalled this long before a hold's expiry.
    absl::Duration expiry_warning;
    // Where there are more reminders than this, those of holds that have ended are dropped, some
    // with each batch.
    size_t reminders_kept_max = limits::kRemindersKeptMax;
  };

  Engine(Options options, Journal* journal, const Clock* clock);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Reads the journal into the books; goes on from `recovery` where that has begun already. Once,
  // before all else.
  absl::Status Recover(std::unique_ptr<Recovery> recovery = nullptr);

  // Ends the holds that are due, the first limits::kBatchCommandsMax of them, and applies the
  // commands in order, all in one durable batch; each succeeds or fails by itself. The commands
  // stay as they are until it returns.
  CommitResult Commit(absl::Span<const absl::Span<const Command>> submissions);

  // Runs a change of the catalog, between batches.
  absl::Status ChangeCatalog(const std::function<absl::Status(Catalog&)>& change);

  // When there is something to commit though no command comes, by the clock, which it looks at: a
  // clock that is set back counts only from the next look on. absl::InfiniteFuture() for never.
  absl::Time NextDue();

  // Not OK, for good: the journal can no longer be trusted.
  const absl::Status& failure() const { return failure_; }

  // The newest durable batch that is in the books.
  const BatchHead& head() const { return head_; }

  const Books& books() const { return *books_; }

  // What is in memory for the times at which holds end.
  size_t reminders() const { return expiry_queue_.size(); }

 private:
  void Remind(AccountNumber account, const Hold& hold);
  int64_t RunReminders(PendingBatch* batch, std::vector<ExpiryQueue::Item>* taken);
  std::vector<PendingBatch::Decision> Decide(
      absl::Span<const absl::Span<const Command>> submissions, size_t count, PendingBatch* batch);
  void ForgetHolds();
  // Whether what the entry says of its hold's end is new to the books.
  bool MovesExpiry(const Entry& entry) const;
  bool IsNeedless(const ExpiryQueue::Item& item) const;
  // With a batch of so many entries.
  void DropNeedlessReminders(size_t entries);
  absl::Status MakeDurable(PendingBatch* batch, CommitResult* result);

  // Constant after construction.
  const Options options_;
  Journal* const journal_;
  const Clock* const clock_;

  JournalClock journal_clock_;
  std::unique_ptr<Books> books_;  // Null before Recover.
  std::unique_ptr<JournalReader> reader_;
  ExpiryQueue expiry_queue_;
  // So many are in it before it is looked through again.
  size_t reminders_max_ = options_.reminders_kept_max;
  // So many have been kept since that began.
  size_t reminders_needed_ = 0;
  // Holds that by the clock cannot be settled any more. They are forgotten when the journal's time
  // says so too: the clock may be set back.
  std::vector<ExpiryQueue::Item> forgettable_;
  // After a batch that could not be written, reminders wait a moment.
  absl::Time no_reminders_before_ = absl::InfinitePast();
  BatchHead head_;
  absl::Status failure_;
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_ENGINE_H_
