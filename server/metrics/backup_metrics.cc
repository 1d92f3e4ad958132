#include "server/metrics/backup_metrics.h"

namespace farebox::server {
namespace {

prometheus::Gauge* AddGauge(prometheus::Registry* registry, const char* name, const char* help) {
  return &prometheus::BuildGauge().Name(name).Help(help).Register(*registry).Add({});
}

}  // namespace

BackupMetrics::BackupMetrics(prometheus::Registry* registry)
    : outcomes_(prometheus::BuildCounter()
                    .Name("farebox_backups_total")
                    .Help("Backups by what became of them")
                    .Register(*registry)),
      made_(&outcomes_.Add({{"outcome", "made"}})),
      failed_(&outcomes_.Add({{"outcome", "failed"}})),
      cancelled_(&outcomes_.Add({{"outcome", "cancelled"}})),
      timestamp_(AddGauge(registry, "farebox_backup_last_timestamp_seconds",
                          "When the newest backup was made, 0 for never")),
      duration_(AddGauge(registry, "farebox_backup_last_duration_seconds",
                         "How long the newest backup took")),
      bytes_(AddGauge(registry, "farebox_backup_last_bytes", "Size of the newest backup")) {}

void BackupMetrics::Count(const absl::Status& outcome) {
  if (outcome.ok()) return made_->Increment();
  absl::IsCancelled(outcome) ? cancelled_->Increment() : failed_->Increment();
}

void BackupMetrics::ShowNewest(absl::Time time) {
  if (time != absl::InfinitePast()) {
    timestamp_->Set(static_cast<double>(absl::ToUnixSeconds(time)));
  }
}

void BackupMetrics::ShowMade(absl::Time time, absl::Duration duration, int64_t bytes) {
  ShowNewest(time);
  duration_->Set(absl::ToDoubleSeconds(duration));
  bytes_->Set(static_cast<double>(bytes));
}

}  // namespace farebox::server
