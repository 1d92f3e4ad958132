#include "server/metrics/commit_metrics.h"

namespace farebox::server {
namespace {

const prometheus::Histogram::BucketBoundaries kSeconds = {
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
    0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};

prometheus::Histogram* AddHistogram(prometheus::Registry* registry, const char* name,
                                    const char* help,
                                    const prometheus::Histogram::BucketBoundaries& bounds) {
  return &prometheus::BuildHistogram().Name(name).Help(help).Register(*registry).Add({}, bounds);
}

}  // namespace

CommitMetrics::CommitMetrics(prometheus::Registry* registry)
    : seconds_(AddHistogram(registry, "farebox_commit_seconds",
                            "Time for a batch of entries to become durable", kSeconds)),
      sync_seconds_(AddHistogram(registry, "farebox_sync_seconds",
                                 "The part of it that waited for the disk", kSeconds)),
      checkpoint_seconds_(AddHistogram(registry, "farebox_checkpoint_seconds",
                                       "The part of it that emptied the write-ahead log, where "
                                       "that was due",
                                       kSeconds)),
      entries_(AddHistogram(registry, "farebox_commit_entries",
                            "Entries that became durable together",
                            {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000})) {}

void CommitMetrics::Observe(const CommitFacts& commit) {
  seconds_->Observe(absl::ToDoubleSeconds(commit.duration));
  sync_seconds_->Observe(absl::ToDoubleSeconds(commit.times.sync));
  if (commit.times.checkpoint > absl::ZeroDuration()) {
    checkpoint_seconds_->Observe(absl::ToDoubleSeconds(commit.times.checkpoint));
  }
  entries_->Observe(static_cast<double>(commit.entries));
}

}  // namespace farebox::server
