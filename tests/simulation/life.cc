#include "tests/simulation/life.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/hash_chain.h"
#include "tests/simulation/comparison.h"

namespace farebox::simulation {
namespace {

constexpr int64_t kOperationsPerFullCheck = 500;
constexpr absl::Duration kReminderPause = absl::Seconds(1);
constexpr absl::Duration kLateSettlement = absl::Hours(7 * 24);

// 2026-01-01.
absl::Time Beginning() { return absl::FromUnixSeconds(1'767'225'600); }

std::vector<AccountFacts> AllFacts(const Books& books) {
  return books.ListAccounts(books.account_count() + 1, static_cast<size_t>(books.account_count()));
}

bool AreSame(const std::vector<AccountFacts>& a, const std::vector<AccountFacts>& b) {
  const auto is_same = [](const AccountFacts& x, const AccountFacts& y) {
    return x.account_id == y.account_id && x.state == y.state && *x.settings == *y.settings;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), is_same);
}

}  // namespace

LifeHabits LifeHabits::Draw(Random* random) {
  LifeHabits habits;
  habits.operations = random->Between(200, 3'000);
  const int64_t batch_sizes[] = {1, 3, 8, 60};
  habits.batch_size_max = batch_sizes[random->Below(4)];
  habits.steps_per_crash = random->Between(15, 300);
  habits.steps_per_fault = random->Between(4, 100);
  habits.steps_per_full_disk = random->Between(50, 500);
  const absl::Duration windows[] = {absl::Minutes(10), absl::Hours(2), absl::Hours(24 * 7)};
  const absl::Duration warnings[] = {absl::ZeroDuration(), absl::Seconds(10), absl::Hours(1)};
  habits.engine = {.request_window = windows[random->Below(3)],
                   .expiry_warning = warnings[random->Below(3)],
                   .reminders_kept_max = static_cast<size_t>(random->Below(200))};
  habits.callers = {.accounts = random->Between(1, 12),
                    .one_in_repeated = random->Between(3, 15),
                    .timed_ids = random->OneIn(2),
                    .rich = random->OneIn(12)};
  return habits;
}

Life::Life(uint64_t seed, std::function<void(MemoryDisk*)> on_crash, History* history)
    : random_(seed),
      habits_(LifeHabits::Draw(&random_)),
      on_crash_(std::move(on_crash)),
      history_(*history),
      callers_(habits_.callers, &random_),
      model_(habits_.engine.request_window),
      machine_(habits_.engine, Beginning()) {}

std::string Life::Live(int64_t operations_max) {
  ++tally_.lives;
  const int64_t operations = std::min(habits_.operations, operations_max);
  Restart();
  while (ok() && tally_.operations < operations) Step();
  if (ok()) Restart();
  return problem_;
}

void Life::Fail(const std::string& problem) {
  if (ok()) problem_ = problem;
}

// ---- What happens

void Life::Step() {
  if (random_.OneIn(2)) MoveClock();
  if (random_.OneIn(habits_.steps_per_crash)) Restart();
  TurnDisk();
  if (ok()) Send(DrawFate());
  if (ok() && tally_.operations - checked_operations_ >= kOperationsPerFullCheck) {
    checked_operations_ = tally_.operations;
    CheckAll();
    Verify();
  }
}

Life::Fate Life::DrawFate() {
  if (!random_.OneIn(habits_.steps_per_fault)) return Fate::kWell;
  return static_cast<Fate>(random_.Between(1, 5));
}

void Life::TurnDisk() {
  const bool turns = random_.OneIn(disk_full_ ? 4 : habits_.steps_per_full_disk);
  if (!turns) return;
  disk_full_ = !disk_full_;
  if (disk_full_) ++tally_.full_disks;
  machine_.faults().SetDiskFull(disk_full_);
  history_.AddEvent(disk_full_ ? "the disk is full" : "the disk has room");
}

void Life::SetClock(absl::Time time) {
  if (time < machine_.clock().Now()) ++tally_.clock_set_back;
  machine_.clock().Set(time);
  history_.AddEvent(absl::StrCat("clock ", absl::FormatTime(time, absl::UTCTimeZone())));
}

void Life::MoveClock() { SetClock(DrawTime()); }

absl::Time Life::DrawTime() {
  const absl::Time now = machine_.clock().Now();
  const absl::Duration nearly = absl::Microseconds(random_.Between(-1, 1));
  switch (random_.Below(40)) {
    case 0:
      return now + absl::Hours(random_.Between(1, 50));
    case 1:
      return random_.OneIn(4) ? now + absl::Hours(24 * random_.Between(1, 9)) : now;
    case 2:
      return now - absl::Milliseconds(random_.Below(120'000));
    case 3:
      return random_.OneIn(4) ? now - absl::Hours(random_.Between(1, 200)) : now;
    case 4:
      return random_.OneIn(4) ? std::max(now, model_.journal_time()) : now;
    case 5: {
      // About when a hold can be settled no more.
      if (model_.holds().empty()) return now;
      const absl::Time end = model_.holds().rbegin()->second.expire_time + kLateSettlement;
      return random_.OneIn(4) && end > now ? end + nearly : now;
    }
    case 6:
    case 7:
    case 8:
    case 9: {
      const absl::Time next = model_.NextExpiry();
      return next < absl::InfiniteFuture() ? next + nearly : now;
    }
    default:
      return now + absl::Nanoseconds(random_.Below(5'000'000'000));
  }
}

void Life::Restart() {
  machine_.Crash();
  on_crash_(&machine_.disk());
  if (random_.OneIn(4)) MoveClock();
  Machine::Start start;
  if (!random_.OneIn(4)) start.journal.snapshot_lag_entries = random_.Below(60);
  start.journal.old_requests_lag_entries = random_.OneIn(4) ? 0 : random_.Below(1'000);
  start.discards_snapshot = random_.OneIn(8);
  ++tally_.restarts;
  history_.AddEvent("restart");
  reminders_wait_ = absl::InfinitePast();

  model_.Start(machine_.clock().Now());
  const absl::Status status = machine_.Restart(start);
  if (!status.ok()) return Fail(absl::StrCat("does not start: ", status.ToString()));
  CheckAll();
  Verify();
}

// ---- A batch

Operation Life::NextOperation() {
  if (unanswered_.empty() || !random_.OneIn(2)) {
    return callers_.Next(model_, machine_.clock().Now());
  }
  const auto taken = unanswered_.begin() + random_.Below(static_cast<int64_t>(unanswered_.size()));
  Operation operation = std::move(*taken);
  unanswered_.erase(taken);
  operation.deadline = absl::InfiniteFuture();
  ++tally_.repeats_after_crash;
  return operation;
}

Life::Batch Life::DrawBatch(bool is_applied) {
  Batch batch;
  if (is_applied) model_.BeginBatch(machine_.clock().Now());
  const int64_t size = random_.OneIn(20) ? 0 : random_.Between(1, habits_.batch_size_max);
  for (int64_t i = 0; i < size; ++i) {
    batch.operations.push_back(NextOperation());
    batch.commands.push_back(CommandOf(batch.operations.back()));
    batch.numbers.push_back(history_.AddOperation(TextOf(batch.operations.back())));
    if (is_applied) Apply(&batch, batch.operations.size() - 1);
  }
  return batch;
}

void Life::Apply(Batch* batch, size_t index) {
  const Operation& operation = batch->operations[index];
  const bool is_over = operation.deadline < machine_.clock().Now();
  batch->expected.push_back(is_over ? Model::Answer{.error = Reason::kDeadlineExceeded}
                                    : model_.Apply(operation));
  callers_.Remember(operation, batch->expected.back());
}

CommitResult Life::Commit(const Batch& batch) {
  ++tally_.batches;
  model_.Look(machine_.clock().Now());
  std::vector<absl::Span<const Command>> submissions;
  absl::Span<const Command> rest(batch.commands);
  while (!rest.empty()) {
    const auto size = static_cast<size_t>(random_.Between(1, static_cast<int64_t>(rest.size())));
    submissions.push_back(rest.first(size));
    rest.remove_prefix(size);
  }
  return machine_.Commit(submissions);
}

void Life::Send(Fate fate) {
  using Fault = JournalFaults::Fault;
  const bool is_there = fate == Fate::kWell || fate == Fate::kKept || fate == Fate::kCrashAfter;
  const bool is_applied = is_there && !disk_full_;
  Batch batch = DrawBatch(is_applied);
  if (fate == Fate::kCrashBefore) {
    ++tally_.crashes_before;
    tally_.operations += static_cast<int64_t>(batch.operations.size());
    SetAside(batch);
    return Restart();
  }

  const Fault fault = fate == Fate::kFull   ? Fault::kFull
                      : fate == Fate::kLost ? Fault::kLost
                      : fate == Fate::kKept ? Fault::kKept
                                            : Fault::kNone;
  machine_.faults().FailNextAppend(fault);
  const std::vector<AccountFacts> before = fault == Fault::kNone && !disk_full_
                                               ? std::vector<AccountFacts>()
                                               : AllFacts(machine_.engine().books());
  const int64_t appends = machine_.faults().append_count();
  CommitResult result = Commit(batch);
  const bool was_appended = machine_.faults().append_count() > appends;
  machine_.faults().FailNextAppend(Fault::kNone);

  const bool is_refused = disk_full_ || (was_appended && fault != Fault::kNone);
  if (!is_refused) {
    // Nothing was to be written, so no fault was met.
    if (!is_applied) {
      model_.BeginBatch(machine_.clock().Now());
      for (size_t i = 0; i < batch.operations.size(); ++i) Apply(&batch, i);
    }
    if (was_appended == model_.batch().empty()) Fail("appends what is not to be, or does not");
    return CheckDone(batch, fate, std::move(result));
  }
  reminders_wait_ = machine_.clock().Now() + kReminderPause;
  const bool is_full = disk_full_ || fault == Fault::kFull;
  CheckRefused(batch, is_full ? Reason::kStorageFull : Reason::kStorageFailed, was_appended,
               std::move(result));
  if (!AreSame(before, AllFacts(machine_.engine().books()))) {
    Fail("a read shows what is not known to be durable");
  }
  if (is_full) return;
  ++(fault == Fault::kKept ? tally_.kept_batches : tally_.lost_batches);
  while (ok() && random_.OneIn(2)) SendToFailed();
  if (ok()) Restart();
}

void Life::SetAside(const Batch& batch) {
  unanswered_.insert(unanswered_.end(), batch.operations.begin(), batch.operations.end());
}

void Life::SendToFailed() {
  MoveClock();
  const Batch batch = DrawBatch(false);
  const int64_t appends = machine_.faults().append_count();
  CheckRefused(batch, Reason::kStorageFailed, false, Commit(batch));
  if (machine_.faults().append_count() != appends) Fail("appends after an unknown outcome");
}

// ---- What is checked

void Life::Answer(const Batch& batch, absl::Span<const Outcome> outcomes, bool is_told) {
  std::string bytes;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    tally_.Count(outcomes[i]);
    history_.AddOutcome(batch.numbers[i], TextOf(outcomes[i]));
    if (!is_told) unanswered_.push_back(batch.operations[i]);
  }
}

void Life::CheckDone(const Batch& batch, Fate fate, CommitResult result) {
  if (!result.status.ok()) Fail(absl::StrCat("a commit fails: ", result.status.ToString()));
  if (!ok()) return;
  Fail(CompareBatch(result.entries, model_));
  Fail(CheckTaken(result.entries));
  const auto expired =
      std::count_if(result.entries.begin(), result.entries.end(),
                    [](const Entry& entry) { return entry.kind == EntryKind::kHoldExpired; });
  if (result.expired != expired) Fail("says that another number of holds expired");
  for (const Entry& entry : result.entries) tally_.Count(entry);

  CheckTouched(result.entries);
  const std::vector<Outcome> outcomes = result.TakeOutcomes(batch.operations.size());
  Answer(batch, outcomes, fate != Fate::kCrashAfter);
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const std::string problem = CompareOutcome(outcomes[i], batch.expected[i]);
    if (!problem.empty()) Fail(absl::StrCat("operation ", batch.numbers[i], " is ", problem));
  }
  CheckReminder();
  if (fate != Fate::kCrashAfter || !ok()) return;
  ++tally_.crashes_after;
  Restart();
}

void Life::CheckRefused(const Batch& batch, Reason reason, bool is_decided, CommitResult result) {
  if (GetReason(result.status) != reason) {
    Fail(absl::StrCat("a commit that has to fail: ", result.status.ToString()));
  }
  if (!result.entries.empty() || !result.signals.empty()) Fail("tells of what is not durable");
  const EntryId durable = machine_.engine().head().last;
  const std::vector<Outcome> outcomes = result.TakeOutcomes(batch.operations.size());
  Answer(batch, outcomes, false);
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const Operation& operation = batch.operations[i];
    // What was durable before is answered still, where it was looked at.
    std::optional<Model::Answer> replay;
    const bool is_over = operation.deadline < machine_.clock().Now();
    if (is_decided && !is_over) replay = model_.FindReplay(operation);
    const bool was_durable =
        replay.has_value() && replay->error == Reason::kNone && replay->entry.id <= durable;
    const std::string problem =
        CompareOutcome(outcomes[i], was_durable ? *replay : Model::Answer{.error = reason});
    if (!problem.empty()) Fail(absl::StrCat("operation ", batch.numbers[i], " is ", problem));
  }
}

void Life::CheckTouched(absl::Span<const Entry> entries) {
  std::set<AccountNumber> touched;
  for (const Entry& entry : entries) touched.insert(entry.account);
  const Books& books = machine_.engine().books();
  for (const AccountNumber number : touched) {
    const absl::StatusOr<AccountFacts> facts = books.Find(number);
    Fail(facts.ok() ? CompareAccount(books, facts->account_id, model_) : "an account is not there");
  }
}

void Life::CheckReminder() {
  // A warning and the expiry of what is open, and one of each that has expired.
  open_holds_max_ = std::max(open_holds_max_, model_.open_hold_count());
  const size_t needed_max = 2 * open_holds_max_ + model_.expired_hold_count();
  size_t kept_max = std::max(habits_.engine.reminders_kept_max, 2 * needed_max);
  // While some are dropped others come: two with each hold of a batch.
  kept_max = 3 * (kept_max + static_cast<size_t>(6 * habits_.batch_size_max)) / 2;
  if (machine_.engine().reminders() > kept_max) Fail("keeps reminders of what has ended");
  // However the clock is set.
  reminders_wait_ = std::min(reminders_wait_, machine_.clock().Now() + kReminderPause);
  const absl::Time due = std::max(model_.NextExpiryByClock(), reminders_wait_);
  if (machine_.NextDue() > due) Fail("would sleep through an expiry");
}

void Life::CheckAll() {
  const BatchHead& head = machine_.engine().head();
  if (head.last != model_.last_entry()) {
    Fail(absl::StrCat("the last entry is ", head.last, ", expected ", model_.last_entry()));
  } else if (head.last != 0 && head.time != model_.journal_time()) {
    Fail("the journal's time is another");
  }
  Fail(CompareBooks(machine_.engine().books(), model_));
  CheckReminder();
}

void Life::Verify() {
  if (!ok()) return;
  ++tally_.verifications;
  const absl::StatusOr<std::unique_ptr<JournalReader>> reader = machine_.journal().NewReader();
  const absl::StatusOr<VerifyReport> report = VerifyJournal(reader->get());
  if (!report.ok()) return Fail(absl::StrCat("cannot verify: ", report.status().ToString()));
  Fail(CompareReport(*report, model_));
  if (report->head != machine_.engine().head()) Fail("the chain ends in another batch");
  history_.Mix(HexOf(report->head.hash));
}

}  // namespace farebox::simulation
