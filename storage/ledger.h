#ifndef FAREBOX_STORAGE_LEDGER_H_
#define FAREBOX_STORAGE_LEDGER_H_

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "storage/books.h"
#include "storage/catalog.h"
#include "storage/clock.h"
#include "storage/command.h"
#include "storage/engine.h"
#include "storage/journal.h"
#include "storage/limits.h"
#include "storage/mutex.h"
#include "storage/queue_gate.h"
#include "storage/signal.h"
#include "storage/urgency.h"

namespace farebox {

// Is told what has become durable, in journal order, on the ledger's answer thread: must be quick
// and must not wait.
class LedgerListener {
 public:
  virtual ~LedgerListener() = default;
  virtual void OnCommit(absl::Span<const Entry> entries, absl::Span<const Signal> signals) = 0;
};

struct LedgerStats {
  int64_t queued_commands = 0;
  int64_t accounts = 0;
  EntryId last_entry = 0;
  int64_t batches = 0;
  absl::Duration last_commit_duration;
  absl::Duration last_sync_duration;  // The part of it that waited for the disk.
  absl::Duration max_commit_duration;
  // How long what is being written takes so far; zero where nothing is.
  absl::Duration commit_under_way;
  // Another program keeps the journal from being written.
  bool is_locked = false;
  // How long a command that came now would wait beyond what the disk needs.
  absl::Duration expected_wait;
  // What was refused with OVERLOADED, by Urgency.
  std::array<int64_t, kUrgencies> refused{};
};

// A batch that became durable.
struct CommitFacts {
  int64_t entries = 0;
  absl::Duration duration;
  AppendTimes times;
};

// Commands in, outcomes out: an Engine (engine.h), and the threads around it.
//
// One writer thread takes all that is waiting and has the engine expire the holds that are due,
// decide each command in order (account_state.h), and append the new entries to the journal as one
// durable batch; what arrives meanwhile gathers for the next one, so that batches grow with load.
// Then readers see the new balances, and an answer thread tells the callers.
//
//   Submit -> queue -> [decide -> journal.Append (fsync) -> books] -> answers -> done(outcomes)
//                       `-------- Engine, writer thread --------'    `- answer thread -'
//
// Promises (docs/architecture.md): durable before answered; never overspent; exactly once by
// request id; a hold ends once. After a failed append whose outcome is unknown the ledger answers
// STORAGE_FAILED to that batch, refuses everything after it, and calls Options::on_failure.
//
// Thread-safe. The journal and the clock outlive it.
class Ledger {
 public:
  struct Options {
    size_t queued_commands_max = limits::kQueuedCommandsMax;
    size_t queued_requests_max = limits::kQueuedRequestsMax;
    // How long the request ids of the past are kept in memory.
    absl::Duration request_window = limits::kRequestWindow;
    // HOLD_EXPIRING is signalled this long before a hold's expiry.
    absl::Duration expiry_warning = absl::Seconds(10);
    // Called once, on the writer thread, when the journal can no longer be trusted: the process
    // should stop, to be started again and replay.
    std::function<void(const absl::Status&)> on_failure = [](const absl::Status&) {};
    // Called on the writer thread when another program has taken the journal's lock, and when it is
    // given back: in between all changes are refused with STORAGE_LOCKED. Returns soon.
    std::function<void(bool is_locked)> on_lock = [](bool) {};
    // Called after each batch, on the writer thread: returns soon.
    std::function<void(const CommitFacts&)> on_commit = [](const CommitFacts&) {};
    // Called on the answer thread for each batch: calls `answer`, which answers all of it.
    std::function<void(absl::FunctionRef<void()> answer)> around_answers =
        [](absl::FunctionRef<void()> answer) { answer(); };
  };

  using Done = absl::AnyInvocable<void(std::vector<Outcome>)>;

  // Replays the journal, or the rest of it where `recovery` has begun already, and starts the
  // threads.
  static absl::StatusOr<std::unique_ptr<Ledger>> Open(Options options, Journal* journal,
                                                      const Clock* clock,
                                                      std::unique_ptr<Recovery> recovery = nullptr);
  // Drains first.
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // Applies the commands in order, all in one commit, each succeeding or failing by itself, and
  // calls `done` with one outcome each, in order, once they are durable: on the answer thread, or
  // before Submit returns where nothing is to be done (OVERLOADED, SHUTTING_DOWN). They are let in
  // or refused together, by the least urgent of them.
  void Submit(std::vector<Command> commands, Done done);

  // Submit one command and wait: for tools and tests, never on a thread that must not block.
  Outcome Apply(Command command);

  // Runs a change of the catalog on the writer thread, between batches.
  void SubmitCatalogChange(std::function<absl::Status(Catalog&)> change,
                           absl::AnyInvocable<void(absl::Status)> done);

  // The account as of its newest durable entry. Fails with ACCOUNT_NOT_FOUND.
  absl::StatusOr<AccountFacts> FindAccount(absl::string_view account_id) const;
  absl::StatusOr<AccountFacts> FindAccount(AccountNumber number) const;

  // Open holds with an id below `before`, newest first. Fails with ACCOUNT_NOT_FOUND.
  absl::StatusOr<std::vector<Hold>> ListHolds(absl::string_view account_id, EntryId before,
                                              size_t count_max) const;

  // Accounts with a number below `before`, newest first.
  std::vector<AccountFacts> ListAccounts(AccountNumber before, size_t count_max) const;

  // From now on `listener` is told of every commit; it outlives the ledger or is removed first.
  // Returns the last entry it will not be told of.
  EntryId AddListener(LedgerListener* listener);
  // When it returns, the listener is not called any more.
  void RemoveListener(LedgerListener* listener);

  // Expires the holds that are due by the clock and waits until that is durable; returns how many.
  // The writer does so by itself as time goes by; this is for clocks that are moved by hand.
  absl::StatusOr<int64_t> ExpireDue();

  LedgerStats Stats() const;

  // Whether something of this urgency would be taken now: OK or OVERLOADED, which is counted. For
  // those who would rather know it before they prepare a command.
  absl::Status CheckAdmits(Urgency urgency) { return gate_.Check(urgency, 0); }
  const QueueGate& gate() const { return gate_; }

  // Refuses new commands, answers those that are queued, and stops the threads. Idempotent.
  void Drain();

 private:
  // What one Submit call handed over.
  struct Submission {
    std::vector<Command> commands;
    Done done;
  };
  struct CatalogChange {
    std::function<absl::Status(Catalog&)> change;
    absl::AnyInvocable<void(absl::Status)> done;
  };
  struct ExpiryWaiter {
    absl::AnyInvocable<void(absl::StatusOr<int64_t>)> done;
    // So far: one commit may not expire all.
    int64_t expired = 0;
  };

  // What the writer is to do.
  struct Work {
    std::vector<Submission> submissions;
    std::vector<CatalogChange> catalog_changes;
    std::vector<ExpiryWaiter> expiry_waiters;
    bool empty() const {
      return submissions.empty() && catalog_changes.empty() && expiry_waiters.empty();
    }
  };

  // What the answer thread is to tell, in this order.
  struct Answers {
    CommitResult commit;
    // In the order of the commit's outcomes.
    std::vector<Submission> submissions;
    std::vector<absl::AnyInvocable<void()>> others;
  };

  Ledger(Options options, Journal* journal, const Clock* clock);

  // Open's work, before the threads start.
  absl::Status Recover(std::unique_ptr<Recovery> recovery);

  absl::Status CheckTakesWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Takes what it is given, unless it refuses it.
  absl::Status Enqueue(Submission* submission) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Enqueue(CatalogChange* change) ABSL_LOCKS_EXCLUDED(mu_);

  // The writer thread.
  void WriterLoop();
  bool WaitForWork(Work* work) ABSL_LOCKS_EXCLUDED(mu_);
  void RunCatalogChanges(std::vector<CatalogChange> changes);
  void Commit(std::vector<Submission> submissions, std::vector<ExpiryWaiter> expiry_waiters);
  // Tells them what has expired, or lets them wait for the rest of it.
  void TellExpired(std::vector<ExpiryWaiter> waiters, Answers* answers) ABSL_LOCKS_EXCLUDED(mu_);
  void NoteLock(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);
  void Count(const CommitResult& commit) ABSL_LOCKS_EXCLUDED(mu_);
  void TellFailure() ABSL_LOCKS_EXCLUDED(mu_);

  // The answer thread.
  void AnswerLoop();
  void HandOver(Answers answers) ABSL_LOCKS_EXCLUDED(answers_mu_);
  void Tell(Answers answers) ABSL_LOCKS_EXCLUDED(listeners_mu_);

  // Constant after construction.
  const Options options_;
  Journal* const journal_;
  const Clock* const clock_;

  // Used only on the writer thread once Open has returned, but for what its books let any thread
  // read.
  Engine engine_;
  // Another program has the journal's lock. Used only on the writer thread.
  bool is_locked_ = false;

  // Synchronises itself.
  QueueGate gate_;

  mutable Mutex mu_;
  CondVar work_arrived_;  // Signalled when work_ or stopping_ changes.
  Work work_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  // The engine's, for other threads.
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  LedgerStats stats_ ABSL_GUARDED_BY(mu_);

  Mutex answers_mu_;
  CondVar answers_changed_;  // Signalled when one of the two below changes.
  std::deque<Answers> answers_ ABSL_GUARDED_BY(answers_mu_);
  bool writer_done_ ABSL_GUARDED_BY(answers_mu_) = false;

  Mutex listeners_mu_;
  std::vector<LedgerListener*> listeners_ ABSL_GUARDED_BY(listeners_mu_);
  EntryId last_told_ ABSL_GUARDED_BY(listeners_mu_) = 0;

  Mutex drain_mu_;  // Held by the one that joins the threads.
  // Last: they start when all above is built.
  std::thread writer_;
  std::thread answerer_;
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_LEDGER_H_
