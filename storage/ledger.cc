#include "storage/ledger.h"

#include <algorithm>
#include <utility>

#include "storage/check.h"
#include "storage/errors.h"
#include "storage/status_macros.h"
#include "storage/thread.h"

namespace farebox {
namespace {

// The writer looks at the clock at least this often while a hold is open: a wall clock may jump.
constexpr absl::Duration kClockLookMax = absl::Seconds(1);

// How often it is looked whether another program has given the journal's lock back.
constexpr absl::Duration kLockLookPause = absl::Milliseconds(100);

Urgency LeastUrgent(const std::vector<Command>& commands) {
  Urgency least = Urgency::kEnds;
  for (const Command& command : commands) least = std::min(least, UrgencyOf(command));
  return least;
}

}  // namespace

Ledger::Ledger(Options options, Journal* journal, const Clock* clock)
    : options_(std::move(options)),
      journal_(journal),
      clock_(clock),
      engine_(
          {.request_window = options_.request_window, .expiry_warning = options_.expiry_warning},
          journal, clock),
      gate_({.commands_max = static_cast<int64_t>(options_.queued_commands_max),
             .requests_max = static_cast<int64_t>(options_.queued_requests_max)},
            clock) {}

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Open(Options options, Journal* journal,
                                                     const Clock* clock,
                                                     std::unique_ptr<Recovery> recovery) {
  std::unique_ptr<Ledger> ledger(new Ledger(std::move(options), journal, clock));
  FAREBOX_RETURN_IF_ERROR(ledger->Recover(std::move(recovery)));
  ledger->writer_ = StartThread("fbx-writer", [raw = ledger.get()] { raw->WriterLoop(); });
  ledger->answerer_ = StartThread("fbx-answers", [raw = ledger.get()] { raw->AnswerLoop(); });
  return ledger;
}

Ledger::~Ledger() { Drain(); }

absl::Status Ledger::Recover(std::unique_ptr<Recovery> recovery) {
  FAREBOX_RETURN_IF_ERROR(engine_.Recover(std::move(recovery)));
  MutexLock lock(&mu_);
  stats_.last_entry = engine_.head().last;
  stats_.batches = engine_.head().number;
  MutexLock listeners_lock(&listeners_mu_);
  last_told_ = engine_.head().last;
  return absl::OkStatus();
}

// ---- Any thread

void Ledger::Submit(std::vector<Command> commands, Done done) {
  FAREBOX_CHECK(commands.size() <= limits::kSubmittedCommandsMax);
  Submission submission = {std::move(commands), std::move(done)};
  const absl::Status refusal = Enqueue(&submission);
  if (refusal.ok()) return work_arrived_.SignalOne();
  std::vector<Outcome> outcomes(submission.commands.size());
  for (Outcome& outcome : outcomes) outcome.status = refusal;
  submission.done(std::move(outcomes));
}

absl::Status Ledger::CheckTakesWork() const {
  if (!failure_.ok()) return failure_;
  if (stopping_) return error::ShuttingDown();
  return absl::OkStatus();
}

absl::Status Ledger::Enqueue(Submission* submission) {
  const int64_t count = static_cast<int64_t>(submission->commands.size());
  const Urgency urgency = LeastUrgent(submission->commands);
  MutexLock lock(&mu_);
  FAREBOX_RETURN_IF_ERROR(CheckTakesWork());
  FAREBOX_RETURN_IF_ERROR(gate_.Check(urgency, count));
  gate_.Enter(count);
  work_.submissions.push_back(std::move(*submission));
  return absl::OkStatus();
}

Outcome Ledger::Apply(Command command) {
  Mutex mu;
  CondVar answered;
  std::optional<Outcome> outcome;
  std::vector<Command> commands;
  commands.push_back(std::move(command));
  Submit(std::move(commands), [&](std::vector<Outcome> outcomes) {
    MutexLock lock(&mu);
    outcome = std::move(outcomes[0]);
    answered.SignalOne();
  });
  MutexLock lock(&mu);
  while (!outcome.has_value()) answered.Wait(&mu);
  return *std::move(outcome);
}

void Ledger::SubmitCatalogChange(std::function<absl::Status(Catalog&)> change,
                                 absl::AnyInvocable<void(absl::Status)> done) {
  CatalogChange queued = {std::move(change), std::move(done)};
  const absl::Status refusal = Enqueue(&queued);
  if (refusal.ok()) return work_arrived_.SignalOne();
  queued.done(refusal);
}

absl::Status Ledger::Enqueue(CatalogChange* change) {
  MutexLock lock(&mu_);
  FAREBOX_RETURN_IF_ERROR(CheckTakesWork());
  work_.catalog_changes.push_back(std::move(*change));
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Ledger::ExpireDue() {
  Mutex mu;
  CondVar answered;
  std::optional<absl::StatusOr<int64_t>> expired;
  {
    MutexLock lock(&mu_);
    FAREBOX_RETURN_IF_ERROR(CheckTakesWork());
    work_.expiry_waiters.push_back({.done = [&](absl::StatusOr<int64_t> count) {
      MutexLock answer_lock(&mu);
      expired = std::move(count);
      answered.SignalOne();
    }});
  }
  work_arrived_.SignalOne();
  MutexLock lock(&mu);
  while (!expired.has_value()) answered.Wait(&mu);
  return *std::move(expired);
}

absl::StatusOr<AccountFacts> Ledger::FindAccount(absl::string_view account_id) const {
  return engine_.books().Find(account_id);
}

absl::StatusOr<AccountFacts> Ledger::FindAccount(AccountNumber number) const {
  return engine_.books().Find(number);
}

absl::StatusOr<std::vector<Hold>> Ledger::ListHolds(absl::string_view account_id, EntryId before,
                                                    size_t count_max) const {
  return engine_.books().ListHolds(account_id, before, count_max);
}

std::vector<AccountFacts> Ledger::ListAccounts(AccountNumber before, size_t count_max) const {
  return engine_.books().ListAccounts(before, count_max);
}

EntryId Ledger::AddListener(LedgerListener* listener) {
  MutexLock lock(&listeners_mu_);
  listeners_.push_back(listener);
  return last_told_;
}

void Ledger::RemoveListener(LedgerListener* listener) {
  MutexLock lock(&listeners_mu_);
  listeners_.erase(std::remove(listeners_.begin(), listeners_.end(), listener), listeners_.end());
}

LedgerStats Ledger::Stats() const {
  LedgerStats stats;
  {
    MutexLock lock(&mu_);
    stats = stats_;
  }
  stats.queued_commands = gate_.outstanding();
  stats.commit_under_way = gate_.commit_under_way();
  stats.expected_wait = gate_.ExpectedWait();
  for (size_t i = 0; i < kUrgencies; ++i) {
    stats.refused[i] = gate_.refused(static_cast<Urgency>(i));
  }
  stats.accounts = engine_.books().account_count();
  return stats;
}

void Ledger::Drain() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  work_arrived_.SignalAll();
  MutexLock lock(&drain_mu_);
  if (writer_.joinable()) writer_.join();
  if (answerer_.joinable()) answerer_.join();
}

// ---- The writer thread

void Ledger::WriterLoop() {
  Work work;
  while (WaitForWork(&work)) {
    RunCatalogChanges(std::move(work.catalog_changes));
    Commit(std::move(work.submissions), std::move(work.expiry_waiters));
    work = Work();
  }
  {
    MutexLock lock(&answers_mu_);
    writer_done_ = true;
  }
  answers_changed_.SignalAll();
}

bool Ledger::WaitForWork(Work* work) {
  MutexLock lock(&mu_);
  while (work_.empty()) {
    if (stopping_) return false;
    if (is_locked_) {
      // An empty commit sees whether the lock is given back.
      work_arrived_.WaitFor(&mu_, kLockLookPause);
      break;
    }
    const absl::Duration until_due = engine_.NextDue() - clock_->Now();
    if (until_due <= absl::ZeroDuration()) return true;
    if (until_due == absl::InfiniteDuration()) {
      work_arrived_.Wait(&mu_);
    } else {
      work_arrived_.WaitFor(&mu_, std::min(until_due, kClockLookMax));
    }
  }
  work->catalog_changes = std::exchange(work_.catalog_changes, {});
  work->expiry_waiters = std::exchange(work_.expiry_waiters, {});
  // One commit takes so much that it is efficient, and no more, so that its first command does
  // not wait for a long one; the rest is next.
  size_t commands = 0;
  size_t taken = 0;
  while (taken < work_.submissions.size() && commands < limits::kBatchCommandsMax) {
    commands += work_.submissions[taken++].commands.size();
  }
  const auto end = work_.submissions.begin() + static_cast<std::ptrdiff_t>(taken);
  if (end == work_.submissions.end()) {
    work->submissions = std::exchange(work_.submissions, {});
  } else {
    work->submissions.assign(std::make_move_iterator(work_.submissions.begin()),
                             std::make_move_iterator(end));
    work_.submissions.erase(work_.submissions.begin(), end);
  }
  return true;
}

void Ledger::RunCatalogChanges(std::vector<CatalogChange> changes) {
  for (CatalogChange& change : changes) {
    gate_.BeginCommit();
    const absl::Status status = engine_.ChangeCatalog(change.change);
    gate_.EndCommit(/*commands=*/0, absl::ZeroDuration());
    TellFailure();
    Answers answers;
    answers.others.push_back([done = std::move(change.done), status]() mutable { done(status); });
    HandOver(std::move(answers));
  }
}

void Ledger::Commit(std::vector<Submission> submissions, std::vector<ExpiryWaiter> expiry_waiters) {
  std::vector<absl::Span<const Command>> commands;
  commands.reserve(submissions.size());
  for (const Submission& submission : submissions) commands.emplace_back(submission.commands);
  Answers answers;
  // Outside of the commit: one that takes long is taken for a disk that is stuck.
  gate_.BeginWait();
  journal_->WaitForDerived();
  gate_.BeginCommit();
  answers.commit = engine_.Commit(commands);
  gate_.EndCommit(static_cast<int64_t>(answers.commit.decisions.size()),
                  answers.commit.append_duration);
  Count(answers.commit);
  NoteLock(answers.commit.status);

  TellExpired(std::move(expiry_waiters), &answers);
  answers.submissions = std::move(submissions);
  HandOver(std::move(answers));
  TellFailure();
}

void Ledger::TellExpired(std::vector<ExpiryWaiter> waiters, Answers* answers) {
  const CommitResult& commit = answers->commit;
  for (ExpiryWaiter& waiter : waiters) {
    waiter.expired += commit.expired;
    if (commit.status.ok() && commit.has_more_due) {
      MutexLock lock(&mu_);
      work_.expiry_waiters.push_back(std::move(waiter));
      continue;
    }
    absl::StatusOr<int64_t> count = waiter.expired;
    if (!commit.status.ok()) count = commit.status;
    answers->others.push_back(
        [done = std::move(waiter.done), count]() mutable { done(std::move(count)); });
  }
}

void Ledger::NoteLock(const absl::Status& status) {
  const bool is_locked = GetReason(status) == Reason::kStorageLocked;
  if (std::exchange(is_locked_, is_locked) == is_locked) return;
  {
    MutexLock lock(&mu_);
    stats_.is_locked = is_locked;
  }
  options_.on_lock(is_locked);
}

void Ledger::Count(const CommitResult& commit) {
  if (commit.entries.empty()) return;
  options_.on_commit({.entries = static_cast<int64_t>(commit.entries.size()),
                      .duration = commit.append_duration,
                      .times = commit.append_times});
  MutexLock lock(&mu_);
  stats_.last_entry = engine_.head().last;
  stats_.batches = engine_.head().number;
  stats_.last_commit_duration = commit.append_duration;
  stats_.last_sync_duration = commit.append_times.sync;
  stats_.max_commit_duration = std::max(stats_.max_commit_duration, commit.append_duration);
}

void Ledger::TellFailure() {
  if (engine_.failure().ok()) return;
  {
    MutexLock lock(&mu_);
    if (!failure_.ok()) return;
    failure_ = engine_.failure();
  }
  options_.on_failure(engine_.failure());
}

// ---- The answer thread

void Ledger::HandOver(Answers answers) {
  {
    MutexLock lock(&answers_mu_);
    answers_.push_back(std::move(answers));
  }
  answers_changed_.SignalOne();
}

void Ledger::AnswerLoop() {
  while (true) {
    std::deque<Answers> ready;
    {
      MutexLock lock(&answers_mu_);
      while (answers_.empty() && !writer_done_) answers_changed_.Wait(&answers_mu_);
      if (answers_.empty()) return;
      ready = std::exchange(answers_, {});
    }
    for (Answers& answers : ready) Tell(std::move(answers));
  }
}

void Ledger::Tell(Answers answers) {
  CommitResult& commit = answers.commit;
  if (!commit.entries.empty() || !commit.signals.empty()) {
    MutexLock lock(&listeners_mu_);
    for (LedgerListener* listener : listeners_) {
      listener->OnCommit(commit.entries, commit.signals);
    }
    if (!commit.entries.empty()) last_told_ = commit.entries.back().id;
  }
  const auto count = static_cast<int64_t>(commit.decisions.size());
  const absl::Time start = clock_->Now();
  options_.around_answers([&] {
    for (Submission& submission : answers.submissions) {
      // First: whoever has its answer may send the next command.
      gate_.Leave(static_cast<int64_t>(submission.commands.size()));
      submission.done(commit.TakeOutcomes(submission.commands.size()));
    }
  });
  gate_.NoteAnswers(count, clock_->Now() - start);
  for (absl::AnyInvocable<void()>& other : answers.others) other();
}

}  // namespace farebox
