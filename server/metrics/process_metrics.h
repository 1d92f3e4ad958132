#ifndef FAREBOX_SERVER_METRICS_PROCESS_METRICS_H_
#define FAREBOX_SERVER_METRICS_PROCESS_METRICS_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "prometheus/collectable.h"

namespace farebox::server {

struct ProcessFigures {
  absl::Duration cpu_time;
  int64_t resident_bytes = 0;
  int64_t virtual_bytes = 0;
  int64_t open_descriptors = 0;
  int64_t descriptors_max = 0;
  int64_t threads = 0;
};
ProcessFigures ReadProcess();

// The process as the system sees it, under the names that Prometheus' own libraries give.
// Thread-safe.
//
//   process_start_time_seconds      gauge     since 1970
//   process_cpu_seconds_total       counter   of all threads, in the program and the system
//   process_resident_memory_bytes   gauge
//   process_virtual_memory_bytes    gauge
//   process_open_fds                gauge
//   process_max_fds                 gauge
//   process_threads                 gauge
class ProcessMetrics : public prometheus::Collectable {
 public:
  explicit ProcessMetrics(absl::Time start_time) : start_time_(start_time) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const absl::Time start_time_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_METRICS_PROCESS_METRICS_H_
