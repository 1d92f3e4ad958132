#include "server/numbers/number_worker.h"

#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "server/base/limits.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// Whether it waits longer than a clock that is right has anything wait.
bool IsPutOff(const RentalRecord& record, absl::Time now) {
  switch (record.rental.state()) {
    case v1::NUMBER_STATE_PAST_DUE:
      return record.document.due > now + limits::kUnpaidPause;
    case v1::NUMBER_STATE_UNSPECIFIED:
      // A purchase that was begun is due at once.
      return record.document.due > now;
    default:
      return false;
  }
}

}  // namespace

NumberWorker::NumberWorker(Parts parts)
    : parts_(std::move(parts)),
      clock_watch_(parts_.last_entry_time),
      records_(parts_.documents),
      failed_(parts_.clock, limits::kRenewalFailurePause),
      lanes_("fbx-numbers", parts_.threads) {}

absl::StatusOr<std::unique_ptr<NumberWorker>> NumberWorker::Start(Parts parts) {
  std::unique_ptr<NumberWorker> worker(new NumberWorker(std::move(parts)));
  worker->parts_.ledger->AddListener(worker.get());
  FAREBOX_RETURN_IF_ERROR(worker->FindUnpaid());
  worker->is_clock_believed_ = worker->clock_watch_.Believes(worker->parts_.clock->Now());
  worker->due_thread_.Start(limits::kRenewalPause);
  return worker;
}

NumberWorker::~NumberWorker() { Drain(); }

void NumberWorker::Drain() {
  parts_.ledger->RemoveListener(this);
  due_thread_.Stop();
  lanes_.Drain();
}

bool NumberWorker::Run(const std::string& account_id, absl::AnyInvocable<void()> work) {
  return lanes_.Post(account_id, std::move(work));
}

// What is past due is due within a day or so. Those beyond the bound are tried in their time.
absl::Status NumberWorker::FindUnpaid() {
  const absl::Time end = parts_.clock->Now() + 2 * limits::kUnpaidPause;
  FAREBOX_ASSIGN_OR_RETURN(const std::vector<RentalRecord> due,
                           records_.ListDue(end, limits::kUnpaidSoughtMax));
  MutexLock lock(&mu_);
  for (const RentalRecord& record : due) {
    if (record.rental.state() != v1::NUMBER_STATE_PAST_DUE) continue;
    unpaid_[record.document.account] = record.rental.account_id();
  }
  return absl::OkStatus();
}

void NumberWorker::OnCommit(absl::Span<const Entry> entries, absl::Span<const Signal>) {
  std::vector<AccountNumber> paid_in;
  {
    MutexLock lock(&mu_);
    if (unpaid_.empty()) return;
    for (const Entry& entry : entries) {
      if (entry.amount.is_positive() && unpaid_.contains(entry.account)) {
        paid_in.push_back(entry.account);
      }
    }
  }
  for (const AccountNumber account : paid_in) TryUnpaid(account);
}

void NumberWorker::TryUnpaid(AccountNumber account) {
  // What is past due is tried daily in any case.
  if (!is_clock_believed_) return;
  std::string account_id;
  {
    MutexLock lock(&mu_);
    const auto found = unpaid_.find(account);
    if (found == unpaid_.end()) return;
    account_id = found->second;
  }
  lanes_.Post(account_id, [this, account, account_id] {
    const absl::StatusOr<bool> is_unpaid = parts_.rental->TryUnpaid(account_id);
    // What failed stays on the list, and is due by itself.
    if (!is_unpaid.ok()) return parts_.on_error(account_id, is_unpaid.status());
    MutexLock lock(&mu_);
    if (!*is_unpaid) unpaid_.erase(account);
  });
}

// ---- What is due

absl::Duration NumberWorker::LookAround() {
  const absl::Time now = parts_.clock->Now();
  is_clock_believed_ = clock_watch_.Believes(now);
  if (is_clock_believed_) {
    if (clock_watch_.TakeSetBack()) put_off_sought_at_ = now;
    LookAtPutOff();
    LookAtDue();
    LookAgainAtFailed();
  }
  return limits::kRenewalPause;
}

void NumberWorker::LookAtDue() {
  const absl::StatusOr<std::vector<RentalRecord>> due =
      records_.ListDue(parts_.clock->Now(), limits::kDueRentalsMax);
  if (!due.ok()) return parts_.on_error("", due.status());
  // An account that is being worked on since an earlier look has its turn already.
  absl::flat_hash_set<std::string> taken;
  for (const RentalRecord& record : *due) {
    const std::string& account_id = record.rental.account_id();
    if (failed_.Rests(record.rental.rental_id())) continue;
    if (!taken.contains(account_id) && lanes_.IsBusy(account_id)) continue;
    taken.insert(account_id);
    Work(record);
  }
}

void NumberWorker::LookAtPutOff() {
  const absl::Time now = parts_.clock->Now();
  if (now < put_off_sought_at_) return;
  put_off_sought_at_ = absl::InfiniteFuture();
  const absl::Status status = WorkOnPutOff(now);
  if (status.ok()) return;
  parts_.on_error("", status);
  put_off_sought_at_ = now + limits::kRenewalFailurePause;
}

absl::Status NumberWorker::WorkOnPutOff(absl::Time now) {
  int64_t before = std::numeric_limits<int64_t>::max();
  for (size_t sought = 0; sought < limits::kUnpaidSoughtMax; sought += limits::kRentalPageSize) {
    FAREBOX_ASSIGN_OR_RETURN(const std::vector<RentalRecord> page,
                             records_.List(/*account=*/0, before, limits::kRentalPageSize));
    if (page.empty()) break;
    for (const RentalRecord& record : page) {
      if (IsPutOff(record, now)) Work(record);
    }
    before = page.back().document.id;
  }
  return absl::OkStatus();
}

void NumberWorker::LookAgainAtFailed() {
  for (const std::string& rental_id : failed_.TakeRested()) {
    const absl::StatusOr<std::optional<RentalRecord>> record = records_.Find(rental_id);
    if (!record.ok()) {
      parts_.on_error(rental_id, record.status());
      failed_.Add(rental_id);
      continue;
    }
    if (record->has_value()) Work(**record);
  }
}

void NumberWorker::Work(const RentalRecord& due) {
  const std::string account_id = due.rental.account_id();
  lanes_.Post(account_id, [this, account_id, account = due.document.account,
                           rental_id = due.rental.rental_id()] {
    // Before it goes past due: money that comes in at that moment is heard of.
    const bool is_first = NoteUnpaid(account, account_id);
    absl::Status status = parts_.rental->Work(rental_id);
    absl::StatusOr<std::optional<RentalRecord>> after = records_.Find(rental_id);
    if (status.ok()) status = after.status();
    if (!status.ok()) {
      parts_.on_error(rental_id, status);
      failed_.Add(rental_id);
      return;
    }
    const bool is_unpaid =
        after->has_value() && (*after)->rental.state() == v1::NUMBER_STATE_PAST_DUE;
    MutexLock lock(&mu_);
    // An account that was on the list before may have another number there.
    if (is_first && !is_unpaid) unpaid_.erase(account);
  });
}

bool NumberWorker::NoteUnpaid(AccountNumber account, const std::string& account_id) {
  MutexLock lock(&mu_);
  return unpaid_.emplace(account, account_id).second;
}

}  // namespace farebox::server
