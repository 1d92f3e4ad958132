#include "server/numbers/number_worker.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "server/limits.h"
#include "storage/status_macros.h"
#include "storage/thread.h"

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
      lanes_("fbx-numbers", parts_.threads) {}

absl::StatusOr<std::unique_ptr<NumberWorker>> NumberWorker::Start(Parts parts) {
  std::unique_ptr<NumberWorker> worker(new NumberWorker(std::move(parts)));
  worker->parts_.ledger->AddListener(worker.get());
  FAREBOX_RETURN_IF_ERROR(worker->FindUnpaid());
  worker->is_clock_believed_ = worker->clock_watch_.Believes(worker->parts_.clock->Now());
  worker->due_thread_ = StartThread("fbx-renewals", [raw = worker.get()] { raw->DueLoop(); });
  return worker;
}

NumberWorker::~NumberWorker() { Drain(); }

void NumberWorker::Drain() {
  parts_.ledger->RemoveListener(this);
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  stopped_.SignalAll();
  if (due_thread_.joinable()) due_thread_.join();
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

void NumberWorker::DueLoop() {
  while (true) {
    {
      MutexLock lock(&mu_);
      if (!stopping_) stopped_.WaitFor(&mu_, limits::kRenewalPause);
      if (stopping_) return;
    }
    is_clock_believed_ = clock_watch_.Believes(parts_.clock->Now());
    if (!is_clock_believed_) continue;
    if (clock_watch_.TakeSetBack()) SeekPutOff(parts_.clock->Now());
    LookAtPutOff();
    LookAtDue();
  }
}

bool NumberWorker::Rests(const std::string& rental_id) {
  MutexLock lock(&mu_);
  const auto found = failed_.find(rental_id);
  if (found == failed_.end()) return false;
  if (parts_.clock->Now() < found->second) return true;
  failed_.erase(found);
  return false;
}

void NumberWorker::LookAtDue() {
  const absl::StatusOr<std::vector<RentalRecord>> due =
      records_.ListDue(parts_.clock->Now(), limits::kDueRentalsMax);
  if (!due.ok()) return parts_.on_error("", due.status());
  // An account that is being worked on since an earlier look has its turn already.
  absl::flat_hash_set<std::string> taken;
  for (const RentalRecord& record : *due) {
    const std::string& account_id = record.rental.account_id();
    if (Rests(record.rental.rental_id())) continue;
    if (!taken.contains(account_id) && lanes_.IsBusy(account_id)) continue;
    taken.insert(account_id);
    Work(record);
  }
}

void NumberWorker::SeekPutOff(absl::Time at) {
  MutexLock lock(&mu_);
  put_off_sought_at_ = std::min(put_off_sought_at_, at);
}

void NumberWorker::LookAtPutOff() {
  const absl::Time now = parts_.clock->Now();
  {
    MutexLock lock(&mu_);
    if (now < put_off_sought_at_) return;
    put_off_sought_at_ = absl::InfiniteFuture();
  }
  const absl::Status status = WorkOnPutOff(now);
  if (status.ok()) return;
  parts_.on_error("", status);
  SeekPutOff(now + limits::kRenewalFailurePause);
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

void NumberWorker::Work(const RentalRecord& due) {
  const std::string account_id = due.rental.account_id();
  const bool is_put_off = IsPutOff(due, parts_.clock->Now());
  lanes_.Post(account_id, [this, account_id, is_put_off, account = due.document.account,
                           rental_id = due.rental.rental_id()] {
    // Before it goes past due: money that comes in at that moment is heard of.
    const bool is_first = NoteUnpaid(account, account_id);
    absl::Status status = parts_.rental->Work(rental_id);
    absl::StatusOr<std::optional<RentalRecord>> after = records_.Find(rental_id);
    if (status.ok()) status = after.status();
    if (!status.ok()) parts_.on_error(rental_id, status);
    MutexLock lock(&mu_);
    if (!status.ok()) {
      const absl::Time again = parts_.clock->Now() + limits::kRenewalFailurePause;
      failed_[rental_id] = again;
      // It is not due by itself.
      if (is_put_off) put_off_sought_at_ = std::min(put_off_sought_at_, again);
      return;
    }
    const bool is_unpaid =
        after->has_value() && (*after)->rental.state() == v1::NUMBER_STATE_PAST_DUE;
    // An account that was on the list before may have another number there.
    if (is_first && !is_unpaid) unpaid_.erase(account);
  });
}

bool NumberWorker::NoteUnpaid(AccountNumber account, const std::string& account_id) {
  MutexLock lock(&mu_);
  return unpaid_.emplace(account, account_id).second;
}

}  // namespace farebox::server
