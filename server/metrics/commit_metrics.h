#ifndef FAREBOX_SERVER_METRICS_COMMIT_METRICS_H_
#define FAREBOX_SERVER_METRICS_COMMIT_METRICS_H_

#include "prometheus/client_metric.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "storage/ledger.h"

namespace farebox::server {

// Histograms of the ledger's batches: how long each took to become durable, where that time went,
// and how many entries shared it. Thread-safe; the registry outlives it.
//
//   farebox_commit_seconds       histogram   a batch, from its write to the disk's word
//   farebox_sync_seconds         histogram   the part of it that waited for the disk
//   farebox_checkpoint_seconds   histogram   the part of it that emptied the write-ahead log, where
//                                            that was due
//   farebox_commit_entries       histogram   entries in a batch
class CommitMetrics {
 public:
  explicit CommitMetrics(prometheus::Registry* registry);

  // Called once a batch, on the ledger's writer thread.
  void Observe(const CommitFacts& commit);

  prometheus::ClientMetric::Histogram seconds() const { return seconds_->Collect().histogram; }
  prometheus::ClientMetric::Histogram sync_seconds() const {
    return sync_seconds_->Collect().histogram;
  }

 private:
  prometheus::Histogram* const seconds_;
  prometheus::Histogram* const sync_seconds_;
  prometheus::Histogram* const checkpoint_seconds_;
  prometheus::Histogram* const entries_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_METRICS_COMMIT_METRICS_H_
