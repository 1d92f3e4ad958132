#include "server/base/rpc_metrics.h"

#include <utility>

namespace farebox::server {
namespace {

// Upper bounds in seconds: an answer from memory, one disk sync, a slow disk, a time-out.
const prometheus::Histogram::BucketBoundaries& LatencyBuckets() {
  static const auto* const buckets = new prometheus::Histogram::BucketBoundaries{
      0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5};
  return *buckets;
}

constexpr std::array<absl::string_view, 17> kCodeNames = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

}  // namespace

absl::string_view CodeName(grpc::StatusCode code) {
  const size_t index = static_cast<size_t>(code);
  return index < kCodeNames.size() ? kCodeNames[index] : "UNKNOWN";
}

RpcMetrics::Meter::Meter(std::string method, RpcMetrics* metrics)
    : method_(std::move(method)),
      metrics_(metrics),
      latency_(&metrics->latencies_->Add({{"method", method_}}, LatencyBuckets())) {}

void RpcMetrics::Meter::Record(grpc::StatusCode code, absl::Duration took) {
  size_t index = static_cast<size_t>(code);
  if (index >= kCodes) index = grpc::StatusCode::UNKNOWN;
  prometheus::Counter* counter = counters_[index].load(std::memory_order_acquire);
  if (counter == nullptr) {
    // Adding the same labels twice gives the same counter: a race here is harmless.
    const auto known = static_cast<grpc::StatusCode>(index);
    counter =
        &metrics_->answers_->Add({{"method", method_}, {"code", std::string(CodeName(known))}});
    counters_[index].store(counter, std::memory_order_release);
  }
  counter->Increment();
  latency_->Observe(absl::ToDoubleSeconds(took));
}

RpcMetrics::RpcMetrics()
    : registry_(std::make_shared<prometheus::Registry>()),
      answers_(&prometheus::BuildCounter()
                    .Name("farebox_rpc_answers_total")
                    .Help("RPCs answered, by method and gRPC status code")
                    .Register(*registry_)),
      latencies_(&prometheus::BuildHistogram()
                      .Name("farebox_rpc_seconds")
                      .Help("Time from a request's arrival to its answer, by method")
                      .Register(*registry_)) {}

RpcMetrics::Meter* RpcMetrics::AddMeter(absl::string_view method) {
  MutexLock lock(&mu_);
  meters_.push_back(std::unique_ptr<Meter>(new Meter(std::string(method), this)));
  return meters_.back().get();
}

std::vector<RpcCount> RpcMetrics::Counts() const {
  std::vector<RpcCount> counts;
  MutexLock lock(&mu_);
  for (const std::unique_ptr<Meter>& meter : meters_) {
    for (size_t code = 0; code < Meter::kCodes; ++code) {
      const prometheus::Counter* const counter =
          meter->counters_[code].load(std::memory_order_acquire);
      if (counter == nullptr) continue;
      counts.push_back({.method = meter->method_,
                        .code = std::string(CodeName(static_cast<grpc::StatusCode>(code))),
                        .count = static_cast<int64_t>(counter->Value())});
    }
  }
  return counts;
}

std::vector<RpcLatency> RpcMetrics::Latencies() const {
  std::vector<RpcLatency> latencies;
  MutexLock lock(&mu_);
  for (const std::unique_ptr<Meter>& meter : meters_) {
    RpcLatency latency = {.method = meter->method_,
                          .seconds = meter->latency_->Collect().histogram};
    if (latency.seconds.sample_count > 0) latencies.push_back(std::move(latency));
  }
  return latencies;
}

}  // namespace farebox::server
