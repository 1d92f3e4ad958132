#ifndef FAREBOX_SERVER_BASE_RPC_METRICS_H_
#define FAREBOX_SERVER_BASE_RPC_METRICS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/support/status_code_enum.h"
#include "prometheus/client_metric.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "storage/mutex.h"

namespace farebox::server {

// How often an RPC was answered, and how.
struct RpcCount {
  std::string method;  // "farebox.v1.BillingService/Debit"
  std::string code;    // "OK", "NOT_FOUND"...
  int64_t count = 0;
};

// How long the answers of an RPC took, in seconds.
struct RpcLatency {
  std::string method;
  prometheus::ClientMetric::Histogram seconds;
};

// Counts and times the answers of all RPCs. Thread-safe; a call costs two atomic additions and a
// lock that is free. Outlives what it meters.
class RpcMetrics {
 public:
  // Of one RPC.
  class Meter {
   public:
    void Record(grpc::StatusCode code, absl::Duration took);

   private:
    friend class RpcMetrics;
    static constexpr size_t kCodes = grpc::StatusCode::UNAUTHENTICATED + 1;

    Meter(std::string method, RpcMetrics* metrics);

    const std::string method_;
    RpcMetrics* const metrics_;
    prometheus::Histogram* const latency_;
    // Made at the first answer with a code, so that there is no series for what never happened.
    std::array<std::atomic<prometheus::Counter*>, kCodes> counters_{};
  };

  RpcMetrics();

  // Lives as long as this.
  Meter* AddMeter(absl::string_view method);

  std::vector<RpcCount> Counts() const;
  // Of the RPCs that were answered.
  std::vector<RpcLatency> Latencies() const;

  // For whoever serves the figures.
  const std::shared_ptr<prometheus::Registry>& registry() const { return registry_; }

 private:
  // Synchronise themselves.
  const std::shared_ptr<prometheus::Registry> registry_;
  prometheus::Family<prometheus::Counter>* const answers_;
  prometheus::Family<prometheus::Histogram>* const latencies_;

  mutable Mutex mu_;
  std::vector<std::unique_ptr<Meter>> meters_ ABSL_GUARDED_BY(mu_);
};

// "OK", "CANCELLED"...
absl::string_view CodeName(grpc::StatusCode code);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_RPC_METRICS_H_
