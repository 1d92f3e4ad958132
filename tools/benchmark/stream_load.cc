#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "farebox/v1/billing.grpc.pb.h"
#include "storage/clock.h"
#include "storage/mutex.h"
#include "storage/thread.h"
#include "tools/benchmark/identity.h"
#include "tools/benchmark/latency.h"
#include "tools/benchmark/load.h"
#include "tools/benchmark/requests.h"

namespace farebox::benchmark {
namespace {

// How many more operations may be sent. One that is used up opens again when a quarter is free:
// waking the sender for each would measure wake-ups. Thread-safe.
class Window {
 public:
  explicit Window(int size) : size_(size), free_(size) {}

  // Returns how many may be sent now, at least one, until the window is closed.
  int TakeAll() {
    MutexLock lock(&mu_);
    while (free_ < Reopening() && !closed_) changed_.Wait(&mu_);
    return std::exchange(free_, 0);
  }
  void GiveBack(int count) {
    {
      MutexLock lock(&mu_);
      const bool was_open = free_ >= Reopening();
      free_ += count;
      if (was_open || free_ < Reopening()) return;
    }
    changed_.SignalOne();
  }
  void Close() {
    {
      MutexLock lock(&mu_);
      closed_ = true;
    }
    changed_.SignalOne();
  }

 private:
  int Reopening() const { return std::max(1, size_ / 4); }

  const int size_;
  Mutex mu_;
  CondVar changed_;
  int free_ ABSL_GUARDED_BY(mu_);
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

using Stream = grpc::ClientReaderWriter<v1::ApplyStreamRequest, v1::ApplyStreamResponse>;

// Sends `count` operations, up to `batch_size` in a message.
bool Send(int count, int batch_size, const Clock& clock, RequestMaker* maker, Stream* stream) {
  while (count > 0) {
    const int together = std::min(count, batch_size);
    count -= together;
    v1::ApplyStreamRequest request;
    const int64_t now = absl::ToUnixMicros(clock.Now());
    request.set_correlation_id(now);
    maker->Fill(request.mutable_operation()->mutable_debit());
    for (int i = 1; i < together; ++i) {
      v1::StreamOperation* const further = request.add_more();
      further->set_correlation_id(now);
      maker->Fill(further->mutable_operation()->mutable_debit());
    }
    const bool is_last = count == 0;
    if (!stream->Write(request,
                       is_last ? grpc::WriteOptions() : grpc::WriteOptions().set_buffer_hint())) {
      return false;
    }
  }
  return true;
}

}  // namespace

absl::StatusOr<LoadResult> RunStreamLoad(const LoadOptions& options) {
  const SystemClock clock;
  const auto stub =
      v1::BillingService::NewStub(grpc::CreateChannel(options.server, Credentials(options)));
  grpc::ClientContext context;
  AddHeaders(options, &context);
  const auto stream = stub->ApplyStream(&context);
  const absl::Time begin = clock.Now() + absl::Seconds(options.warmup_seconds);
  const absl::Time end = begin + absl::Seconds(options.seconds);

  RequestMaker maker(options.accounts);
  Window window(options.outstanding);
  std::thread sender = StartThread("load-sender", [&] {
    while (clock.Now() < end &&
           Send(window.TakeAll(), options.batch_size, clock, &maker, stream.get())) {
    }
    stream->WritesDone();
  });

  LatencyRecorder latencies;
  LoadResult result;
  int64_t counted = 0;
  v1::ApplyStreamResponse response;
  absl::Time now;
  const auto count = [&](int64_t correlation_id, const v1::OperationResult& outcome) {
    if (now < begin || now >= end) return;
    latencies.Add(now - absl::FromUnixMicros(correlation_id));
    outcome.has_debit() ? ++counted : ++result.errors;
  };
  while (stream->Read(&response)) {
    window.GiveBack(1 + response.more_size());
    now = clock.Now();
    count(response.correlation_id(), response.result());
    for (const v1::StreamResult& further : response.more()) {
      count(further.correlation_id(), further.result());
    }
  }
  window.Close();  // The sender may be waiting on a stream that has ended.
  sender.join();
  const grpc::Status status = stream->Finish();
  if (!status.ok()) {
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }
  result.operations_per_second = static_cast<double>(counted) / options.seconds;
  result.p50_micros = latencies.Percentile(50);
  result.p99_micros = latencies.Percentile(99);
  result.max_micros = latencies.Percentile(100);
  return result;
}

}  // namespace farebox::benchmark
