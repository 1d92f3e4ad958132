#include "server/numbers/clock_watch.h"

#include "server/limits.h"

namespace farebox::server {

bool ClockWatch::Believes(absl::Time now) {
  const absl::Duration leap = now - last_;
  last_ = now;
  const bool is_even = leap <= limits::kClockLeapForwardMax && leap >= -limits::kClockLeapBackMax;
  if (!is_even) believed_from_ = now + limits::kClockTrial;
  return now >= believed_from_;
}

}  // namespace farebox::server
