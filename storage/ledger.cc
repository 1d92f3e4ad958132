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

// How often request ids that are too old are looked for, in batches.
constexpr int64_t kForgetEveryBatches = 256;

}  // namespace

Ledger::Ledger(Options options, Journal* journal, const Clock* clock)
    : options_(std::move(options)),
      journal_(journal),
      clock_(clock),
      books_(options_.request_window) {}

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Open(Options options, Journal* journal,
                                                     const Clock* clock) {
  std::unique_ptr<Ledger> ledger(new Ledger(std::move(options), journal, clock));
  FAREBOX_RETURN_IF_ERROR(ledger->Recover());
  ledger->writer_ = StartThread("fbx-writer", [raw = ledger.get()] { raw->WriterLoop(); });
  ledger->answerer_ = StartThread("fbx-answers", [raw = ledger.get()] { raw->AnswerLoop(); });
  return ledger;
}

Ledger::~Ledger() { Drain(); }

// ---- Start-up

absl::Status Ledger::Recover() {
  FAREBOX_ASSIGN_OR_RETURN(reader_, journal_->NewReader());
  FAREBOX_ASSIGN_OR_RETURN(const EntryId snapshot,
                           journal_->LoadSnapshot(books_.snapshot_visitor()));
  head_ = journal_->Head();
  if (snapshot > head_.last) {
    return error::JournalDamaged(snapshot, "the derived state is ahead of the journal");
  }

  // Entries that the snapshot covers matter only for their request ids, and only the recent ones
  // and those that the journal cannot find; recent by the journal's own time, where the clock is
  // ahead of it: it may be set right later.
  const absl::Time now = std::min(clock_->Now(), head_.time);
  FAREBOX_ASSIGN_OR_RETURN(const EntryId before_window,
                           reader_->LastEntryBefore(now - options_.request_window));
  const EntryId first = std::min({snapshot, before_window, journal_->OldRequestsThrough()}) + 1;
  absl::Status folded;
  FAREBOX_RETURN_IF_ERROR(reader_->Scan(first, head_.last, [&](const Entry& entry) {
    if (entry.id > snapshot) {
      folded = books_.Fold(entry);
    } else {
      books_.FoldRequestId(entry);
    }
    return folded.ok();
  }));
  FAREBOX_RETURN_IF_ERROR(folded);

  books_.VisitHolds([this](AccountNumber account, const Hold& hold) { Remind(account, hold); });
  MutexLock lock(&mu_);
  stats_.last_entry = head_.last;
  stats_.batches = head_.number;
  MutexLock listeners_lock(&listeners_mu_);
  last_told_ = head_.last;
  return absl::OkStatus();
}

void Ledger::Remind(AccountNumber account, const Hold& hold) {
  using Kind = ExpiryQueue::Kind;
  if (hold.expired) {
    expiry_queue_.Add(
        {hold.expire_time + limits::kLateSettlementMax, hold.id, account, Kind::kForget});
    return;
  }
  expiry_queue_.Add({hold.expire_time - options_.expiry_warning, hold.id, account, Kind::kWarn});
  expiry_queue_.Add({hold.expire_time, hold.id, account, Kind::kExpire});
}

// ---- Any thread

void Ledger::Submit(std::vector<Command> commands, Done done) {
  FAREBOX_CHECK(commands.size() <= limits::kSubmittedCommandsMax);
  const int64_t count = static_cast<int64_t>(commands.size());
  absl::Status refusal;
  {
    MutexLock lock(&mu_);
    const int64_t queued_max = static_cast<int64_t>(options_.queued_commands_max);
    if (!failure_.ok()) {
      refusal = failure_;
    } else if (stopping_) {
      refusal = error::ShuttingDown();
    } else if (outstanding_commands_ > 0 && outstanding_commands_ + count > queued_max) {
      refusal = error::Overloaded();
    } else {
      outstanding_commands_ += count;
      work_.submissions.push_back({std::move(commands), std::move(done)});
    }
  }
  if (refusal.ok()) {
    work_arrived_.SignalOne();
    return;
  }
  std::vector<Outcome> outcomes(commands.size());
  for (Outcome& outcome : outcomes) outcome.status = refusal;
  done(std::move(outcomes));
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
  absl::Status refusal;
  {
    MutexLock lock(&mu_);
    refusal = failure_;
    if (refusal.ok() && stopping_) refusal = error::ShuttingDown();
    if (refusal.ok()) work_.catalog_changes.push_back({std::move(change), std::move(done)});
  }
  if (refusal.ok()) {
    work_arrived_.SignalOne();
  } else {
    done(refusal);
  }
}

absl::StatusOr<int64_t> Ledger::ExpireDue() {
  Mutex mu;
  CondVar answered;
  std::optional<absl::StatusOr<int64_t>> expired;
  {
    MutexLock lock(&mu_);
    if (!failure_.ok()) return failure_;
    if (stopping_) return error::ShuttingDown();
    work_.expiry_waiters.push_back([&](absl::StatusOr<int64_t> count) {
      MutexLock answer_lock(&mu);
      expired = std::move(count);
      answered.SignalOne();
    });
  }
  work_arrived_.SignalOne();
  MutexLock lock(&mu);
  while (!expired.has_value()) answered.Wait(&mu);
  return *std::move(expired);
}

absl::StatusOr<AccountFacts> Ledger::FindAccount(absl::string_view account_id) const {
  return books_.Find(account_id);
}

absl::StatusOr<AccountFacts> Ledger::FindAccount(AccountNumber number) const {
  return books_.Find(number);
}

absl::StatusOr<std::vector<Hold>> Ledger::ListHolds(absl::string_view account_id, EntryId before,
                                                    size_t count_max) const {
  return books_.ListHolds(account_id, before, count_max);
}

std::vector<AccountFacts> Ledger::ListAccounts(AccountNumber before, size_t count_max) const {
  return books_.ListAccounts(before, count_max);
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
    stats.queued_commands = outstanding_commands_;
  }
  stats.accounts = books_.account_count();
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
    const absl::Duration until_due =
        std::max(expiry_queue_.NextDue(), no_reminders_before_) - clock_->Now();
    if (failure_.ok() && until_due <= absl::ZeroDuration()) return true;
    if (until_due == absl::InfiniteDuration() || !failure_.ok()) {
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
    absl::Status status = failure();
    if (status.ok()) status = change.change(journal_->catalog());
    // What a failed sync left of a deck is as uncertain as what it left of a batch.
    if (GetReason(status) == Reason::kStorageFailed) Fail(status);
    Answers answers;
    answers.others.push_back([done = std::move(change.done), status]() mutable { done(status); });
    HandOver(std::move(answers));
  }
}

void Ledger::Commit(std::vector<Submission> submissions, std::vector<ExpiryWaiter> expiry_waiters) {
  journal_->WaitForDerived();
  PendingBatch batch({.books = &books_,
                      .journal = journal_,
                      .reader = reader_.get(),
                      .request_window = options_.request_window},
                     head_,
                     std::max(head_.time, absl::FromUnixMicros(absl::ToUnixMicros(clock_->Now()))));
  Answers answers;
  answers.first_entry = head_.last + 1;
  std::vector<ExpiryQueue::Item> reminders;
  int64_t expired = 0;
  answers.batch_status = failure();
  if (answers.batch_status.ok()) answers.batch_status = journal_->CheckSpace();
  if (answers.batch_status.ok()) {
    expired = RunReminders(&batch, &reminders);
    answers.decided = Decide(std::move(submissions), &batch);
    answers.batch_status = MakeDurable(&batch);
  } else {
    for (Submission& submission : submissions) {
      const size_t count = submission.commands.size();
      answers.decided.push_back({std::move(submission), {}});
      answers.decided.back().decisions.resize(count);
    }
  }

  const absl::Status status = answers.batch_status;
  if (status.ok()) {
    answers.entries = std::move(batch.entries());
    answers.signals = std::move(batch.signals());
  } else {
    for (const ExpiryQueue::Item& item : reminders) expiry_queue_.Add(item);
    no_reminders_before_ = clock_->Now() + kClockLookMax;
  }
  for (ExpiryWaiter& waiter : expiry_waiters) {
    absl::StatusOr<int64_t> count = expired;
    if (!status.ok()) count = status;
    answers.others.push_back([waiter = std::move(waiter), count]() mutable { waiter(count); });
  }
  HandOver(std::move(answers));
  if (!status.ok() && GetReason(status) != Reason::kStorageFull) Fail(status);
}

int64_t Ledger::RunReminders(PendingBatch* batch, std::vector<ExpiryQueue::Item>* taken) {
  int64_t expired = 0;
  while (const std::optional<ExpiryQueue::Item> item = expiry_queue_.TakeDue(batch->now())) {
    switch (item->kind) {
      case ExpiryQueue::Kind::kWarn:
        taken->push_back(*item);
        batch->Warn(item->account, item->hold, item->due + options_.expiry_warning);
        break;
      case ExpiryQueue::Kind::kExpire:
        taken->push_back(*item);
        expired += batch->Expire(item->account, item->hold) ? 1 : 0;
        break;
      case ExpiryQueue::Kind::kForget:
        books_.ForgetHold(item->account, item->hold);
        break;
    }
  }
  return expired;
}

std::vector<Ledger::Decided> Ledger::Decide(std::vector<Submission> submissions,
                                            PendingBatch* batch) {
  const absl::Time now = clock_->Now();
  std::vector<Decided> decided;
  decided.reserve(submissions.size());
  for (Submission& submission : submissions) {
    std::vector<PendingBatch::Decision> decisions;
    decisions.reserve(submission.commands.size());
    for (const Command& command : submission.commands) {
      if (command.deadline < now) {
        decisions.push_back({.status = error::DeadlineExceeded()});
      } else {
        decisions.push_back(batch->Apply(command));
      }
    }
    decided.push_back({std::move(submission), std::move(decisions)});
  }
  return decided;
}

absl::Status Ledger::MakeDurable(PendingBatch* batch) {
  if (batch->empty()) return absl::OkStatus();
  const BatchHead head = batch->Seal();
  const absl::Time start = clock_->Now();
  FAREBOX_RETURN_IF_ERROR(journal_->Append(head, batch->entries()));
  const absl::Duration took = clock_->Now() - start;

  head_ = head;
  for (const Entry& entry : batch->entries()) {
    FAREBOX_CHECK(books_.Fold(entry).ok());
    const bool moves_expiry =
        entry.kind == EntryKind::kHold || entry.kind == EntryKind::kHoldExtended;
    if (moves_expiry) {
      Remind(entry.account, {.id = entry.subject, .expire_time = entry.expire_time});
    } else if (entry.kind == EntryKind::kHoldExpired) {
      expiry_queue_.Add({entry.time + limits::kLateSettlementMax, entry.subject, entry.account,
                         ExpiryQueue::Kind::kForget});
    }
  }
  if (head.number % kForgetEveryBatches == 0) {
    books_.ForgetRequestIds(head.time, journal_->OldRequestsThrough());
  }
  MutexLock lock(&mu_);
  stats_.last_entry = head.last;
  stats_.batches = head.number;
  stats_.last_commit_duration = took;
  stats_.max_commit_duration = std::max(stats_.max_commit_duration, took);
  return absl::OkStatus();
}

absl::Status Ledger::failure() const {
  MutexLock lock(&mu_);
  return failure_;
}

void Ledger::Fail(const absl::Status& status) {
  {
    MutexLock lock(&mu_);
    if (!failure_.ok()) return;
    failure_ = status;
  }
  options_.on_failure(status);
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
  if (!answers.entries.empty() || !answers.signals.empty()) {
    MutexLock lock(&listeners_mu_);
    for (LedgerListener* listener : listeners_) {
      listener->OnCommit(answers.entries, answers.signals);
    }
    if (!answers.entries.empty()) last_told_ = answers.entries.back().id;
  }
  int64_t commands = 0;
  for (const Decided& decided : answers.decided) {
    commands += static_cast<int64_t>(decided.decisions.size());
  }
  {
    // First: whoever has its answer may send the next command.
    MutexLock lock(&mu_);
    outstanding_commands_ -= commands;
  }
  for (Decided& decided : answers.decided) {
    decided.submission.done(OutcomesOf(std::move(decided.decisions), &answers));
  }
  for (absl::AnyInvocable<void()>& other : answers.others) other();
}

std::vector<Outcome> Ledger::OutcomesOf(std::vector<PendingBatch::Decision> decisions,
                                        Answers* answers) {
  std::vector<Outcome> outcomes(decisions.size());
  for (size_t i = 0; i < decisions.size(); ++i) {
    PendingBatch::Decision& decision = decisions[i];
    Outcome& outcome = outcomes[i];
    outcome.replayed = decision.replayed;
    const bool was_durable =
        decision.earlier != nullptr && decision.earlier->id < answers->first_entry;
    if (!answers->batch_status.ok() && !was_durable) {
      // Errors too: they may count on entries that are not there.
      outcome.status = answers->batch_status;
    } else if (!decision.status.ok()) {
      outcome.status = std::move(decision.status);
    } else if (decision.earlier != nullptr) {
      outcome.entry = std::move(*decision.earlier);
    } else {
      outcome.entry = std::move(answers->entries[decision.index]);
    }
  }
  return outcomes;
}

}  // namespace farebox
