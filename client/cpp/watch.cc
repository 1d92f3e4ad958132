#include "client/cpp/watch.h"

#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>
#include <pthread.h>

#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/random/random.h"
#include "absl/synchronization/mutex.h"
#include "client/cpp/calls.h"
#include "client/cpp/errors.h"
#include "client/cpp/retry.h"
#include "client/cpp/streams.h"

namespace farebox::client {
namespace {

// A stream that lived so long had found its server.
constexpr absl::Duration kConnectedAfter = absl::Seconds(1);

// Reasons to open the stream again: the server is away, or wants it to begin anew. gRPC cancels
// what is begun on a connection that goes away.
bool MayGoOn(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status) ||
         absl::IsCancelled(status);
}

class GrpcWatch final : public Watch {
 public:
  GrpcWatch(v1::BillingService::Stub* stub, v1::WatchAccountRequest request, OnEvent on_event,
            WatchOptions options, const RetryOptions& retry)
      : stub_(stub),
        on_event_(std::move(on_event)),
        options_(options),
        retry_(retry),
        request_(std::move(request)),
        watcher_([this] { Run(); }) {}

  ~GrpcWatch() override {
    RequestStop();
    watcher_.join();
  }

  absl::Status Wait() override {
    const absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&is_ended_));
    return end_;
  }

  void Stop() override { RequestStop(); }

 private:
  void RequestStop() {
    const absl::MutexLock lock(&mu_);
    is_stopping_ = true;
    if (context_ != nullptr) context_->TryCancel();
  }

  // The watch's thread.
  void Run() {
    pthread_setname_np(pthread_self(), "watch");
    absl::Status end = Follow();
    const absl::MutexLock lock(&mu_);
    end_ = is_stopping_ ? absl::OkStatus() : std::move(end);
    is_ended_ = true;
  }

  // Opens streams until it is stopped, refused, or the patience is at its end.
  absl::Status Follow() {
    absl::BitGen bits;
    Backoff backoff(retry_);
    std::optional<Stopwatch> away;  // Since the server was there last.
    while (true) {
      const Stopwatch lived;
      bool has_event = false;
      const absl::Status status = ReadOneStream(&has_event);
      if (!MayGoOn(status)) return status;
      if (has_event || lived.Elapsed() >= kConnectedAfter) {
        away.reset();
        backoff = Backoff(retry_);
      }
      if (!away.has_value()) away.emplace();
      absl::Duration pause = backoff.Next(bits);
      pause = std::max(pause, ErrorOf(status).retry_after.value_or(absl::ZeroDuration()));
      if (away->Elapsed() + pause > options_.patience) return status;
      if (IsStoppedWithin(pause)) return absl::OkStatus();
    }
  }

  absl::Status ReadOneStream(bool* has_event) {
    grpc::ClientContext context;
    {
      const absl::MutexLock lock(&mu_);
      if (is_stopping_) return absl::CancelledError("stopped");
      context_ = &context;
    }
    const auto stream = stub_->WatchAccount(&context, request_);
    v1::WatchAccountResponse event;
    while (stream->Read(&event)) {
      *has_event = true;
      if (event.has_entry()) request_.set_from_entry_id(event.entry().entry_id());
      on_event_(event);
    }
    const absl::Status status = FromGrpc(stream->Finish());
    const absl::MutexLock lock(&mu_);
    context_ = nullptr;
    // A watch has no end of its own: a stream that ends without a reason is as one that broke.
    return status.ok() ? absl::UnavailableError("the server ended the stream") : status;
  }

  bool IsStoppedWithin(absl::Duration pause) {
    const absl::MutexLock lock(&mu_);
    return mu_.AwaitWithTimeout(absl::Condition(&is_stopping_), pause);
  }

  // Constant after construction.
  v1::BillingService::Stub* const stub_;
  const OnEvent on_event_;
  const WatchOptions options_;
  const RetryOptions retry_;

  // Used only on the watch's thread.
  v1::WatchAccountRequest request_;  // Says from where to go on.

  absl::Mutex mu_;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mu_) = nullptr;  // Of the stream that is open.
  bool is_stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool is_ended_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status end_ ABSL_GUARDED_BY(mu_);

  std::thread watcher_;  // Last: starts when all above is built.
};

}  // namespace

std::unique_ptr<Watch> StartWatch(v1::BillingService::Stub* stub, v1::WatchAccountRequest request,
                                  Watch::OnEvent on_event, WatchOptions options,
                                  const RetryOptions& retry) {
  return std::make_unique<GrpcWatch>(stub, std::move(request), std::move(on_event), options, retry);
}

}  // namespace farebox::client
