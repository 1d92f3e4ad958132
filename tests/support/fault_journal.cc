#include "tests/support/fault_journal.h"

#include "storage/check.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox {

void JournalFaults::FailNextAppend(Fault fault) {
  MutexLock lock(&mu_);
  next_ = fault;
}

void JournalFaults::SetDiskFull(bool full) {
  MutexLock lock(&mu_);
  disk_full_ = full;
}

void JournalFaults::SetDiskLow(bool low) {
  MutexLock lock(&mu_);
  disk_low_ = low;
}

void JournalFaults::CloseGate() {
  MutexLock lock(&mu_);
  gate_closed_ = true;
}

void JournalFaults::OpenGate() {
  MutexLock lock(&mu_);
  gate_closed_ = false;
  changed_.SignalAll();
}

void JournalFaults::WaitUntilBlocked() {
  MutexLock lock(&mu_);
  while (!blocked_) changed_.Wait(&mu_);
}

void JournalFaults::SetDerivedLags(bool lags) {
  MutexLock lock(&mu_);
  derived_lags_ = lags;
  changed_.SignalAll();
}

void JournalFaults::WaitUntilDerivedIsAwaited() {
  MutexLock lock(&mu_);
  while (!derived_is_awaited_) changed_.Wait(&mu_);
}

int64_t JournalFaults::append_count() const {
  MutexLock lock(&mu_);
  return append_count_;
}

EntryId JournalFaults::durable_through() const {
  MutexLock lock(&mu_);
  return durable_through_;
}

JournalFaults::Fault JournalFaults::BeginAppend() {
  MutexLock lock(&mu_);
  ++append_count_;
  blocked_ = gate_closed_;
  changed_.SignalAll();
  while (gate_closed_) changed_.Wait(&mu_);
  blocked_ = false;
  return std::exchange(next_, Fault::kNone);
}

void JournalFaults::EndAppend(EntryId durable_through) {
  MutexLock lock(&mu_);
  durable_through_ = durable_through;
}

bool JournalFaults::has_space(SpaceFor purpose) const {
  MutexLock lock(&mu_);
  return !disk_full_ && (!disk_low_ || purpose == SpaceFor::kEndingHolds);
}

void JournalFaults::WaitForDerived() {
  MutexLock lock(&mu_);
  derived_is_awaited_ = derived_lags_;
  changed_.SignalAll();
  while (derived_lags_) changed_.Wait(&mu_);
  derived_is_awaited_ = false;
}

absl::Status FaultJournal::CheckSpace(SpaceFor purpose) {
  if (!faults_.has_space(purpose)) return error::StorageFull("the test says so");
  return journal_.CheckSpace(purpose);
}

absl::Status FaultJournal::Append(const BatchHead& head, absl::Span<const Entry> entries) {
  using Fault = JournalFaults::Fault;
  FAREBOX_CHECK(!outcome_unknown_);
  const Fault fault = faults_.BeginAppend();
  if (fault == Fault::kFull) return error::StorageFull("the test says so");
  outcome_unknown_ = fault != Fault::kNone;
  if (fault == Fault::kLost) return error::StorageFailed("the test says so");
  FAREBOX_RETURN_IF_ERROR(journal_.Append(head, entries));
  if (fault == Fault::kKept) return error::StorageFailed("the test says so");
  faults_.EndAppend(head.last);
  return absl::OkStatus();
}

void FaultJournal::WaitForDerived() {
  faults_.WaitForDerived();
  journal_.WaitForDerived();
}

}  // namespace farebox
