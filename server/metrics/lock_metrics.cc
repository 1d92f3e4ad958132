#include "server/metrics/lock_metrics.h"

namespace farebox::server {

LockMetrics::LockMetrics(prometheus::Registry* registry)
    : locked_(&prometheus::BuildGauge()
                   .Name("farebox_journal_locked")
                   .Help("1 while another program keeps the journal from being written")
                   .Register(*registry)
                   .Add({})),
      locks_(&prometheus::BuildCounter()
                  .Name("farebox_journal_locks_total")
                  .Help("Times that another program began to keep the journal from being written")
                  .Register(*registry)
                  .Add({})) {}

void LockMetrics::Note(bool is_locked) {
  locked_->Set(is_locked ? 1 : 0);
  if (is_locked) locks_->Increment();
}

}  // namespace farebox::server
