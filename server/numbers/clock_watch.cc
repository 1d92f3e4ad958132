#include "server/numbers/clock_watch.h"

#include "server/base/limits.h"

namespace farebox::server {

bool ClockWatch::Believes(absl::Time now) {
  const absl::Duration leap = now - last_;
  last_ = now;
  const bool is_set_back = leap < -limits::kClockLeapBackMax;
  was_set_back_ = was_set_back_ || is_set_back;
  const bool is_even = leap <= limits::kClockLeapForwardMax && !is_set_back;
  if (!is_even) believed_from_ = now + limits::kClockTrial;
  return now >= believed_from_;
}

}  // namespace farebox::server
