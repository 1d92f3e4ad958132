#include "server/base/log_turns.h"

#include <utility>

namespace farebox::server {

bool LogTurns::Take(int64_t* left_out) {
  const absl::Time now = clock_->Now();
  MutexLock lock(&mu_);
  // The clock may have been set back.
  if (now < second_start_ || now - second_start_ >= absl::Seconds(1)) {
    second_start_ = now;
    lines_ = 0;
  }
  if (lines_ == lines_per_second_) {
    ++left_out_;
    return false;
  }
  ++lines_;
  *left_out = std::exchange(left_out_, 0);
  return true;
}

}  // namespace farebox::server
