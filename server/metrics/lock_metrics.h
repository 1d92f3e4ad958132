#ifndef FAREBOX_SERVER_METRICS_LOCK_METRICS_H_
#define FAREBOX_SERVER_METRICS_LOCK_METRICS_H_

#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/registry.h"

namespace farebox::server {

// Whether another program keeps the journal from being written. Thread-safe; the registry outlives
// it.
//
//   farebox_journal_locked        gauge     1 while it does
//   farebox_journal_locks_total   counter   times that it began
class LockMetrics {
 public:
  explicit LockMetrics(prometheus::Registry* registry);

  void Note(bool is_locked);

 private:
  prometheus::Gauge* const locked_;
  prometheus::Counter* const locks_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_METRICS_LOCK_METRICS_H_
