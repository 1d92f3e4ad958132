#include "storage/engine.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "storage/check.h"
#include "storage/errors.h"
#include "storage/limits.h"
#include "storage/status_macros.h"

namespace farebox {
namespace {

// How long reminders wait after a batch that could not be written.
constexpr absl::Duration kReminderPause = absl::Seconds(1);

// A hold has two, so that at most half as many have come again when all have been looked at.
constexpr size_t kReminderLooksPerEntry = 4;

// How often request ids that are too old are looked for, in batches.
constexpr int64_t kForgetEveryBatches = 256;

// Whether what failed has surely written nothing: the next batch may go better.
bool IsSureNothing(const absl::Status& failure) {
  const Reason reason = GetReason(failure);
  return reason == Reason::kStorageFull || reason == Reason::kStorageLocked;
}

}  // namespace

Engine::Engine(Options options, Journal* journal, const Clock* clock)
    : options_(options), journal_(journal), clock_(clock) {}

// ---- Start-up

absl::Status Engine::Recover(std::unique_ptr<Recovery> recovery) {
  if (recovery == nullptr) recovery = std::make_unique<Recovery>(options_.request_window);
  FAREBOX_RETURN_IF_ERROR(recovery->CatchUp(journal_));
  head_ = recovery->head();
  journal_clock_.Begin(head_.time, clock_->Now());
  books_ = recovery->TakeBooks();
  FAREBOX_ASSIGN_OR_RETURN(reader_, journal_->NewReader());
  books_->VisitHolds([this](AccountNumber account, const Hold& hold) { Remind(account, hold); });
  return absl::OkStatus();
}

void Engine::Remind(AccountNumber account, const Hold& hold) {
  using Kind = ExpiryQueue::Kind;
  if (hold.expired) {
    expiry_queue_.Add(
        {hold.expire_time + limits::kLateSettlementMax, hold.id, account, Kind::kForget});
    return;
  }
  expiry_queue_.Add({hold.expire_time - options_.expiry_warning, hold.id, account, Kind::kWarn});
  expiry_queue_.Add({hold.expire_time, hold.id, account, Kind::kExpire});
}

absl::Time Engine::NextDue() {
  if (!failure_.ok()) return absl::InfiniteFuture();
  const absl::Time now = clock_->Now();
  journal_clock_.Look(now);
  // The clock may have been ahead when that batch failed.
  no_reminders_before_ = std::min(no_reminders_before_, now + kReminderPause);
  return std::max(journal_clock_.ByClock(expiry_queue_.NextDue()), no_reminders_before_);
}

absl::Status Engine::ChangeCatalog(const std::function<absl::Status(Catalog&)>& change) {
  if (!failure_.ok()) return failure_;
  FAREBOX_RETURN_IF_ERROR(journal_->CheckSpace(SpaceFor::kAnything));
  absl::Status status = change(journal_->catalog());
  // What a failed sync left of a deck is as uncertain as what it left of a batch.
  if (GetReason(status) == Reason::kStorageFailed) failure_ = status;
  return status;
}

// ---- A commit

CommitResult Engine::Commit(absl::Span<const absl::Span<const Command>> submissions) {
  size_t count = 0;
  for (const absl::Span<const Command> commands : submissions) count += commands.size();
  const absl::Status space = journal_->CheckSpace(SpaceFor::kAnything);
  PendingBatch batch({.books = books_.get(),
                      .journal = journal_,
                      .reader = reader_.get(),
                      .request_window = options_.request_window,
                      .space = space},
                     head_, journal_clock_.Look(clock_->Now()), count);

  CommitResult result;
  result.first_entry = head_.last + 1;
  std::vector<ExpiryQueue::Item> reminders;
  result.status = failure_;
  if (result.status.ok() && !space.ok()) {
    result.status = journal_->CheckSpace(SpaceFor::kEndingHolds);
  }
  if (result.status.ok()) {
    result.expired = RunReminders(&batch, &reminders);
    result.has_more_due = expiry_queue_.NextDue() <= batch.now();
    result.decisions = Decide(submissions, count, &batch);
    result.status = MakeDurable(&batch, &result);
  } else {
    result.decisions.resize(count);
  }

  if (result.status.ok()) {
    result.entries = std::move(batch.entries());
    result.signals = std::move(batch.signals());
    return result;
  }
  for (const ExpiryQueue::Item& item : reminders) expiry_queue_.Add(item);
  no_reminders_before_ = clock_->Now() + kReminderPause;
  if (!IsSureNothing(result.status) && failure_.ok()) failure_ = result.status;
  return result;
}

// After a stop, or with a clock that leaps, all holds that there are may be due. What a batch takes
// of them fits into the room that is kept for ending holds, and its commands need not wait long.
int64_t Engine::RunReminders(PendingBatch* batch, std::vector<ExpiryQueue::Item>* taken) {
  int64_t expired = 0;
  size_t forgettable = 0;
  // Each that matters is signalled, or forgotten.
  while (batch->signals().size() + forgettable < limits::kBatchCommandsMax) {
    const std::optional<ExpiryQueue::Item> item = expiry_queue_.TakeDue(batch->now());
    if (!item.has_value()) break;
    switch (item->kind) {
      case ExpiryQueue::Kind::kWarn:
        taken->push_back(*item);
        batch->Warn(item->account, item->hold, item->due + options_.expiry_warning);
        break;
      case ExpiryQueue::Kind::kExpire:
        taken->push_back(*item);
        expired += batch->Expire(item->account, item->hold, item->due) ? 1 : 0;
        break;
      case ExpiryQueue::Kind::kForget:
        forgettable_.push_back(*item);
        ++forgettable;
        break;
    }
  }
  return expired;
}

bool Engine::MovesExpiry(const Entry& entry) const {
  if (entry.kind != EntryKind::kHoldExtended) return entry.kind == EntryKind::kHold;
  const Hold* const hold =
      books_->WriterHold(*books_->WriterByNumber(entry.account), entry.subject);
  return hold->expire_time != entry.expire_time;
}

bool Engine::IsNeedless(const ExpiryQueue::Item& item) const {
  const Hold* const hold = books_->WriterHold(*books_->WriterByNumber(item.account), item.hold);
  if (hold == nullptr) return true;
  switch (item.kind) {
    case ExpiryQueue::Kind::kWarn:
      return hold->expired || item.due != hold->expire_time - options_.expiry_warning;
    case ExpiryQueue::Kind::kExpire:
      return hold->expired || item.due != hold->expire_time;
    case ExpiryQueue::Kind::kForget:
      return !hold->expired;
  }
  return false;
}

// Nobody takes them out when their holds end: that would cost every call, and this costs a look at
// each of them for as many that have come since. All at once would keep one batch for a second.
void Engine::DropNeedlessReminders(size_t entries) {
  if (!expiry_queue_.is_sweeping()) {
    if (expiry_queue_.size() <= reminders_max_) return;
    expiry_queue_.BeginSweep();
    reminders_needed_ = 0;
  }
  expiry_queue_.Sweep(kReminderLooksPerEntry * entries, [this](const ExpiryQueue::Item& item) {
    const bool is_needless = IsNeedless(item);
    if (!is_needless) ++reminders_needed_;
    return is_needless;
  });
  if (expiry_queue_.is_sweeping()) return;
  reminders_max_ = std::max(options_.reminders_kept_max, 2 * reminders_needed_);
}

std::vector<PendingBatch::Decision> Engine::Decide(
    absl::Span<const absl::Span<const Command>> submissions, size_t count, PendingBatch* batch) {
  const absl::Time now = clock_->Now();
  std::vector<PendingBatch::Decision> decisions;
  decisions.reserve(count);
  for (const absl::Span<const Command> commands : submissions) {
    for (const Command& command : commands) {
      if (command.deadline < now) {
        decisions.push_back({.status = error::DeadlineExceeded()});
      } else {
        decisions.push_back(batch->Apply(command));
      }
    }
  }
  return decisions;
}

absl::Status Engine::MakeDurable(PendingBatch* batch, CommitResult* result) {
  if (batch->empty()) return absl::OkStatus();
  const BatchHead head = batch->Seal();
  const absl::Time start = clock_->Now();
  FAREBOX_RETURN_IF_ERROR(journal_->Append(head, batch->entries()));
  result->append_duration = clock_->Now() - start;
  result->append_times = journal_->LastAppendTimes();

  head_ = head;
  journal_clock_.Advance(head.time);
  for (size_t i = 0; i < batch->entries().size(); ++i) {
    const Entry& entry = batch->entries()[i];
    const bool moves_expiry = MovesExpiry(entry);
    FAREBOX_CHECK(books_->Fold(entry, &batch->request_keys()[i]).ok());
    if (moves_expiry) {
      Remind(entry.account, {.id = entry.subject, .expire_time = entry.expire_time});
    } else if (entry.kind == EntryKind::kHoldExpired) {
      expiry_queue_.Add({entry.time + limits::kLateSettlementMax, entry.subject, entry.account,
                         ExpiryQueue::Kind::kForget});
    }
  }
  ForgetHolds();
  DropNeedlessReminders(batch->entries().size());
  if (head.number % kForgetEveryBatches == 0) {
    books_->ForgetRequestIds(head.time, journal_->OldRequestsThrough());
  }
  return absl::OkStatus();
}

void Engine::ForgetHolds() {
  std::erase_if(forgettable_, [this](const ExpiryQueue::Item& item) {
    if (item.due >= head_.time) return false;
    books_->ForgetHold(item.account, item.hold);
    return true;
  });
}

// ---- Its answers

std::vector<Outcome> CommitResult::TakeOutcomes(size_t count) {
  FAREBOX_CHECK(count <= decisions.size() - next_decision);
  std::vector<Outcome> outcomes(count);
  for (Outcome& outcome : outcomes) {
    PendingBatch::Decision& decision = decisions[next_decision++];
    outcome.replayed = decision.replayed;
    const bool was_durable = decision.earlier != nullptr && decision.earlier->id < first_entry;
    if (!status.ok() && !was_durable) {
      // Errors too: they may count on entries that are not there.
      outcome.status = status;
    } else if (!decision.status.ok()) {
      outcome.status = std::move(decision.status);
    } else if (decision.earlier != nullptr) {
      outcome.entry = std::move(*decision.earlier);
    } else {
      outcome.entry = std::move(entries[decision.index]);
    }
  }
  return outcomes;
}

}  // namespace farebox
