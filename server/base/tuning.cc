#include "server/base/tuning.h"

#include <sched.h>

#include "absl/synchronization/mutex.h"

namespace farebox::server {

void TuneThreads() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  if (sched_getscheduler(0) != SCHED_OTHER) return;
  const sched_param param = {};
  // Where a sandbox forbids it nothing is lost but speed.
  (void)sched_setscheduler(0, SCHED_BATCH, &param);
}

}  // namespace farebox::server
