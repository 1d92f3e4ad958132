#include "client/cpp/apply_stream.h"

#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>
#include <pthread.h>

#include <deque>
#include <iterator>
#include <memory>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "client/cpp/calls.h"
#include "client/cpp/streams.h"

namespace farebox::client {
namespace {

class GrpcApplyStream final : public ApplyStream {
 public:
  GrpcApplyStream(v1::BillingService::Stub* stub, OnResult on_result, ApplyStreamOptions options)
      : options_(options),
        on_result_(std::move(on_result)),
        stream_(stub->ApplyStream(&context_)),
        reader_([this] { Read(); }) {}

  ~GrpcApplyStream() override {
    context_.TryCancel();
    reader_.join();
  }

  absl::Status Send(v1::ApplyStreamRequest request) override {
    FillOperationId(request.mutable_operation());
    if (Write(request)) return absl::OkStatus();
    const absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&is_ended_));
    return end_.ok() ? absl::UnavailableError("the stream has ended") : end_;
  }

  absl::Status Finish() override {
    {
      const absl::MutexLock lock(&write_mu_);
      if (!std::exchange(is_write_side_closed_, true)) stream_->WritesDone();
    }
    const absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&is_ended_));
    if (end_.ok() && !unanswered_.empty()) {
      return absl::UnavailableError("the stream ended before all results had come");
    }
    return end_;
  }

  void Stop() override { context_.TryCancel(); }

  std::vector<v1::ApplyStreamRequest> TakeUnanswered() override {
    const absl::MutexLock lock(&mu_);
    std::vector<v1::ApplyStreamRequest> requests(std::make_move_iterator(unanswered_.begin()),
                                                 std::make_move_iterator(unanswered_.end()));
    unanswered_.clear();
    return requests;
  }

 private:
  // Whether the operation is on its way; if not, the stream has ended or is about to.
  bool Write(const v1::ApplyStreamRequest& request) {
    const absl::MutexLock write_lock(&write_mu_);
    {
      const absl::MutexLock lock(&mu_);
      mu_.Await(absl::Condition(this, &GrpcApplyStream::HasRoom));
      unanswered_.push_back(request);
      if (are_reads_over_) return false;
    }
    return !is_write_side_closed_ && stream_->Write(request);
  }

  bool HasRoom() const ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return are_reads_over_ || unanswered_.size() < options_.in_flight_max;
  }

  // The reader thread.
  void Read() {
    pthread_setname_np(pthread_self(), "apply-stream");
    v1::ApplyStreamResponse response;
    while (stream_->Read(&response)) {
      {
        const absl::MutexLock lock(&mu_);
        if (!unanswered_.empty()) unanswered_.pop_front();
      }
      on_result_(response);
    }
    {
      const absl::MutexLock lock(&mu_);
      are_reads_over_ = true;
    }
    // A Write that waits for room is let go by this, one on the wire fails.
    const absl::MutexLock write_lock(&write_mu_);
    is_write_side_closed_ = true;
    const absl::Status end = FromGrpc(stream_->Finish());
    const absl::MutexLock lock(&mu_);
    end_ = end;
    is_ended_ = true;
  }

  // Constant after construction.
  const ApplyStreamOptions options_;
  const OnResult on_result_;

  // Synchronises itself, but for writes, one at a time.
  grpc::ClientContext context_;

  absl::Mutex write_mu_ ABSL_ACQUIRED_BEFORE(mu_);  // Held while a message is written.
  bool is_write_side_closed_ ABSL_GUARDED_BY(write_mu_) = false;

  absl::Mutex mu_;
  std::deque<v1::ApplyStreamRequest> unanswered_ ABSL_GUARDED_BY(mu_);
  bool are_reads_over_ ABSL_GUARDED_BY(mu_) = false;
  bool is_ended_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status end_ ABSL_GUARDED_BY(mu_);

  // Read by the reader thread, written under write_mu_.
  const std::unique_ptr<grpc::ClientReaderWriter<v1::ApplyStreamRequest, v1::ApplyStreamResponse>>
      stream_;

  std::thread reader_;  // Last: starts when all above is built.
};

}  // namespace

std::unique_ptr<ApplyStream> StartApplyStream(v1::BillingService::Stub* stub,
                                              ApplyStream::OnResult on_result,
                                              ApplyStreamOptions options) {
  return std::make_unique<GrpcApplyStream>(stub, std::move(on_result), options);
}

}  // namespace farebox::client
