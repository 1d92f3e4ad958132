#include <grpcpp/grpcpp.h>

#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "farebox/v1/billing.grpc.pb.h"
#include "storage/clock.h"
#include "storage/mutex.h"
#include "storage/thread.h"
#include "tools/benchmark/latency.h"
#include "tools/benchmark/load.h"
#include "tools/benchmark/requests.h"

namespace farebox::benchmark {
namespace {

// How many more operations may be sent. Thread-safe.
class Window {
 public:
  explicit Window(int size) : free_(size) {}

  void Take() {
    MutexLock lock(&mu_);
    while (free_ == 0) changed_.Wait(&mu_);
    --free_;
  }
  void GiveBack() {
    {
      MutexLock lock(&mu_);
      ++free_;
    }
    changed_.SignalOne();
  }

 private:
  Mutex mu_;
  CondVar changed_;
  int free_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

absl::StatusOr<LoadResult> RunStreamLoad(const LoadOptions& options) {
  const SystemClock clock;
  const auto stub = v1::BillingService::NewStub(
      grpc::CreateChannel(options.server, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  const auto stream = stub->ApplyStream(&context);
  const absl::Time begin = clock.Now() + absl::Seconds(options.warmup_seconds);
  const absl::Time end = begin + absl::Seconds(options.seconds);

  RequestMaker maker(options.accounts);
  Window window(options.outstanding);
  std::thread sender = StartThread("load-sender", [&] {
    v1::ApplyStreamRequest request;
    while (clock.Now() < end) {
      window.Take();
      maker.Fill(request.mutable_operation()->mutable_debit());
      request.set_correlation_id(absl::ToUnixMicros(clock.Now()));
      if (!stream->Write(request)) break;
    }
    stream->WritesDone();
  });

  LatencyRecorder latencies;
  LoadResult result;
  int64_t counted = 0;
  v1::ApplyStreamResponse response;
  while (stream->Read(&response)) {
    window.GiveBack();
    const absl::Time now = clock.Now();
    if (now < begin || now >= end) continue;
    latencies.Add(now - absl::FromUnixMicros(response.correlation_id()));
    response.result().has_debit() ? ++counted : ++result.errors;
  }
  window.GiveBack();  // The sender may be waiting on a stream that has ended.
  sender.join();
  const grpc::Status status = stream->Finish();
  if (!status.ok()) {
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }
  result.operations_per_second = static_cast<double>(counted) / options.seconds;
  result.p50_micros = latencies.Percentile(50);
  result.p99_micros = latencies.Percentile(99);
  return result;
}

}  // namespace farebox::benchmark
