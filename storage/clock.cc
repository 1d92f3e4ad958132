#include "storage/clock.h"

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace farebox {

absl::Time SystemClock::Now() const { return absl::Now(); }

void Pause(absl::Duration duration) { absl::SleepFor(duration); }

}  // namespace farebox
