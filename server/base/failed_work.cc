#include "server/base/failed_work.h"

namespace farebox::server {

void FailedWork::Add(absl::string_view name) {
  MutexLock lock(&mu_);
  failed_[name] = clock_->Now();
}

bool FailedWork::Rests(absl::string_view name) const {
  MutexLock lock(&mu_);
  return failed_.contains(name);
}

std::vector<std::string> FailedWork::TakeRested() {
  std::vector<std::string> rested;
  MutexLock lock(&mu_);
  // Under the lock: what is added meanwhile would seem to have failed later than now.
  const absl::Time now = clock_->Now();
  absl::erase_if(failed_, [&](const auto& failed) {
    const absl::Duration since = now - failed.second;
    if (since >= absl::ZeroDuration() && since < rest_) return false;
    rested.push_back(failed.first);
    return true;
  });
  return rested;
}

}  // namespace farebox::server
