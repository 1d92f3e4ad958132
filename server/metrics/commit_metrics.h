#ifndef FAREBOX_SERVER_METRICS_COMMIT_METRICS_H_
#define FAREBOX_SERVER_METRICS_COMMIT_METRICS_H_

#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "storage/ledger.h"

namespace farebox::server {

// Histograms of the ledger's batches: how long each took to become durable, and how many entries
// shared that. Thread-safe; the registry outlives it.
//
//   farebox_commit_seconds   histogram   a batch, from its write to the disk's word
//   farebox_commit_entries   histogram   entries in a batch
class CommitMetrics {
 public:
  explicit CommitMetrics(prometheus::Registry* registry);

  // Called once a batch, on the ledger's writer thread.
  void Observe(const CommitFacts& commit);

 private:
  prometheus::Histogram* const seconds_;
  prometheus::Histogram* const entries_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_METRICS_COMMIT_METRICS_H_
