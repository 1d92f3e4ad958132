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

// Operations in one message: so many cost little more than one, and their results do not wait long
// for each other. The server takes 1,000.
constexpr size_t kOperationsPerMessageMax = 256;

// Where operations are long, a message has fewer: the server takes 512 KiB.
constexpr size_t kOperationsBytesMax = 256 * 1024;

class GrpcApplyStream final : public ApplyStream {
 public:
  GrpcApplyStream(v1::BillingService::Stub* stub, OnResult on_result, ApplyStreamOptions options)
      : options_(options),
        on_result_(std::move(on_result)),
        stream_(stub->ApplyStream(&context_)),
        sender_([this] { SendAll(); }),
        reader_([this] { Read(); }) {}

  ~GrpcApplyStream() override {
    context_.TryCancel();
    reader_.join();
    sender_.join();
  }

  absl::Status Send(v1::ApplyStreamRequest request) override {
    FillOperationId(request.mutable_operation());
    const absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(this, &GrpcApplyStream::HasRoom));
    const bool is_open = !are_reads_over_ && !is_finishing_;
    unanswered_.push_back(std::move(request));
    if (is_open) return absl::OkStatus();
    mu_.Await(absl::Condition(&is_ended_));
    return end_.ok() ? absl::UnavailableError("the stream has ended") : end_;
  }

  absl::Status Finish() override {
    const absl::MutexLock lock(&mu_);
    is_finishing_ = true;
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
    sent_ = 0;
    return requests;
  }

 private:
  bool HasRoom() const ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return are_reads_over_ || is_finishing_ || unanswered_.size() < options_.in_flight_max;
  }

  bool HasToSend() const ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return are_reads_over_ || is_finishing_ || sent_ < unanswered_.size();
  }

  // The sender thread: what has gathered while one message was on the wire is the next one.
  void SendAll() {
    pthread_setname_np(pthread_self(), "apply-send");
    v1::ApplyStreamRequest message;
    while (TakeMessage(&message)) {
      if (!stream_->Write(message)) break;
    }
    stream_->WritesDone();
    const absl::MutexLock lock(&mu_);
    are_writes_over_ = true;
  }

  // False where nothing is to be sent any more.
  bool TakeMessage(v1::ApplyStreamRequest* message) {
    const absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(this, &GrpcApplyStream::HasToSend));
    if (are_reads_over_ || sent_ == unanswered_.size()) return false;
    *message = unanswered_[sent_++];
    size_t bytes = message->ByteSizeLong();
    for (size_t i = 1; i < kOperationsPerMessageMax && sent_ < unanswered_.size(); ++i) {
      const v1::ApplyStreamRequest& request = unanswered_[sent_];
      bytes += request.ByteSizeLong();
      if (bytes > kOperationsBytesMax) break;
      ++sent_;
      v1::StreamOperation* const further = message->add_more();
      further->set_correlation_id(request.correlation_id());
      *further->mutable_operation() = request.operation();
    }
    return true;
  }

  // The reader thread.
  void Read() {
    pthread_setname_np(pthread_self(), "apply-stream");
    v1::ApplyStreamResponse response;
    while (stream_->Read(&response)) {
      v1::ApplyStreamResponse result;
      google::protobuf::RepeatedPtrField<v1::StreamResult> more;
      more.Swap(response.mutable_more());
      Tell(&response);
      for (v1::StreamResult& further : more) {
        result.set_correlation_id(further.correlation_id());
        result.mutable_result()->Swap(further.mutable_result());
        Tell(&result);
      }
    }
    {
      const absl::MutexLock lock(&mu_);
      are_reads_over_ = true;
      // A Write that waits for room in the connection fails now.
      mu_.Await(absl::Condition(&are_writes_over_));
    }
    const absl::Status end = FromGrpc(stream_->Finish());
    const absl::MutexLock lock(&mu_);
    end_ = end;
    is_ended_ = true;
  }

  void Tell(v1::ApplyStreamResponse* result) {
    {
      const absl::MutexLock lock(&mu_);
      if (sent_ > 0) {
        NoteRequestId(unanswered_.front().operation(), result->mutable_result());
        unanswered_.pop_front();
        --sent_;
      }
    }
    on_result_(*result);
  }

  // Constant after construction.
  const ApplyStreamOptions options_;
  const OnResult on_result_;

  // Synchronises itself.
  grpc::ClientContext context_;

  absl::Mutex mu_;
  // In the order of Send; the first sent_ of them are on their way.
  std::deque<v1::ApplyStreamRequest> unanswered_ ABSL_GUARDED_BY(mu_);
  size_t sent_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_finishing_ ABSL_GUARDED_BY(mu_) = false;
  bool are_reads_over_ ABSL_GUARDED_BY(mu_) = false;
  bool are_writes_over_ ABSL_GUARDED_BY(mu_) = false;
  bool is_ended_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status end_ ABSL_GUARDED_BY(mu_);

  // Written by the sender thread, read and finished by the reader thread.
  const std::unique_ptr<grpc::ClientReaderWriter<v1::ApplyStreamRequest, v1::ApplyStreamResponse>>
      stream_;

  // Last: they start when all above is built.
  std::thread sender_;
  std::thread reader_;
};

}  // namespace

std::unique_ptr<ApplyStream> StartApplyStream(v1::BillingService::Stub* stub,
                                              ApplyStream::OnResult on_result,
                                              ApplyStreamOptions options) {
  return std::make_unique<GrpcApplyStream>(stub, std::move(on_result), options);
}

}  // namespace farebox::client
