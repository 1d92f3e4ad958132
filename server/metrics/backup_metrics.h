#ifndef FAREBOX_SERVER_METRICS_BACKUP_METRICS_H_
#define FAREBOX_SERVER_METRICS_BACKUP_METRICS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/registry.h"

namespace farebox::server {

// How backups went. Thread-safe; the registry outlives it.
//
//   farebox_backups_total{outcome}               counter   made, failed or cancelled
//   farebox_backup_last_timestamp_seconds        gauge     when the newest one was made; 0 for
//   never farebox_backup_last_duration_seconds         gauge     how long it took
//   farebox_backup_last_bytes                    gauge     its file
class BackupMetrics {
 public:
  explicit BackupMetrics(prometheus::Registry* registry);

  void Count(const absl::Status& outcome);
  // What was there before this process.
  void ShowNewest(absl::Time time);
  void ShowMade(absl::Time time, absl::Duration duration, int64_t bytes);

 private:
  prometheus::Family<prometheus::Counter>& outcomes_;
  prometheus::Counter* const made_;
  prometheus::Counter* const failed_;
  prometheus::Counter* const cancelled_;
  prometheus::Gauge* const timestamp_;
  prometheus::Gauge* const duration_;
  prometheus::Gauge* const bytes_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_METRICS_BACKUP_METRICS_H_
