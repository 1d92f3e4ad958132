#include "tools/benchmark/noop_stream.h"

#include <deque>

#include "absl/time/time.h"
#include "server/services/message.h"
#include "storage/mutex.h"

namespace farebox::benchmark {
namespace {

// Reads go on while answers are written; the stream is over when the last of both is done.
class NoopStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  NoopStream(const server::RpcMethod& method, grpc::CallbackServerContext* context, FillResult fill)
      : method_(method), fill_(fill), context_(context, method.Now()) {
    StartRead(&incoming_);
  }

  void OnReadDone(bool ok) override {
    const bool answered = ok && Answer();
    if (answered) return StartRead(&incoming_);
    MutexLock lock(&mu_);
    is_read_out_ = true;
    FinishOnce();
  }

  void OnWriteDone(bool ok) override {
    MutexLock lock(&mu_);
    is_writing_ = false;
    if (!ok) results_.clear();
    Write();
    FinishOnce();
  }

  void OnDone() override { delete this; }

 private:
  bool Answer() {
    v1::ApplyStreamRequest request;
    if (!method_.Parse(incoming_, &request).ok()) return false;
    v1::ApplyStreamResponse response;
    response.set_correlation_id(request.correlation_id());
    fill_(request.operation(), response.mutable_result());
    for (const v1::StreamOperation& further : request.more()) {
      v1::StreamResult* const result = response.add_more();
      result->set_correlation_id(further.correlation_id());
      fill_(further.operation(), result->mutable_result());
    }
    MutexLock lock(&mu_);
    grpc::ByteBuffer result = server::SerializeMessage(response);
    results_.emplace_back().Swap(&result);
    Write();
    return true;
  }

  void Write() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (is_writing_ || results_.empty()) return;
    outgoing_.Swap(&results_.front());
    results_.pop_front();
    is_writing_ = true;
    StartWrite(&outgoing_,
               results_.empty() ? grpc::WriteOptions() : grpc::WriteOptions().set_buffer_hint());
  }

  void FinishOnce() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (!is_read_out_ || is_writing_ || is_finished_) return;
    is_finished_ = true;
    Finish(method_.End(absl::OkStatus(), /*request=*/nullptr, &context_));
  }

  const server::RpcMethod& method_;
  const FillResult fill_;

  // Used by one reaction at a time.
  server::CallContext context_;
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;

  Mutex mu_;
  std::deque<grpc::ByteBuffer> results_ ABSL_GUARDED_BY(mu_);
  bool is_writing_ ABSL_GUARDED_BY(mu_) = false;
  bool is_read_out_ ABSL_GUARDED_BY(mu_) = false;
  bool is_finished_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ServeNoopStream(
    const server::RpcMethod& method, grpc::CallbackServerContext* context, FillResult fill) {
  return new NoopStream(method, context, fill);
}

}  // namespace farebox::benchmark
