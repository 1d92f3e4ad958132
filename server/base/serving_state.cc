#include "server/base/serving_state.h"

namespace farebox::server {

void ServingState::TellFromNowOn(grpc::HealthCheckServiceInterface* health) {
  MutexLock lock(&mu_);
  health_ = health;
  Tell();
}

void ServingState::SetJournalLocked(bool is_locked) {
  MutexLock lock(&mu_);
  is_journal_locked_ = is_locked;
  Tell();
}

void ServingState::SetDiskSlow(bool is_slow) {
  MutexLock lock(&mu_);
  is_disk_slow_ = is_slow;
  Tell();
}

void ServingState::Leave() {
  MutexLock lock(&mu_);
  is_leaving_ = true;
  Tell();
}

ServingState::Verdict ServingState::verdict() const {
  MutexLock lock(&mu_);
  return Judge();
}

ServingState::Verdict ServingState::Judge() const {
  if (is_leaving_) return {.is_serving = false, .reason = "shutting down"};
  if (is_journal_locked_) {
    return {.is_serving = false, .reason = "another program locks the journal"};
  }
  if (is_disk_slow_) return {.is_serving = false, .reason = "the disk is slow"};
  return {};
}

void ServingState::Tell() {
  if (health_ == nullptr) return;
  if (is_leaving_) {
    // Who comes to watch later is told so, too.
    health_->Shutdown();
  } else {
    health_->SetServingStatus(Judge().is_serving);
  }
}

}  // namespace farebox::server
