#ifndef FAREBOX_SERVER_SERVICES_UNARY_CALL_H_
#define FAREBOX_SERVER_SERVICES_UNARY_CALL_H_

#include <array>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/protobuf/arena.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/security/caller.h"
#include "server/services/call_context.h"
#include "server/services/message.h"
#include "server/services/rpc_method.h"
#include "server/transport/answers_together.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {

// One call of a unary RPC, from the request's bytes to the answer's: what is the same around every
// handler (size, parse, deadline, memory, metrics, the form of errors).
//
// A handler gets the call, and it or whoever it hands the call to ends it with Finish() once, on
// any thread; the call is gone then. Thread-compatible: one thread at a time has it.
template <typename Request, typename Response>
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  // Parses the request and runs `handler(UnaryCall*)`, or ends the call at once.
  template <typename Handler>
  static grpc::ServerUnaryReactor* Serve(const RpcMethod& method,
                                         grpc::CallbackServerContext& context,
                                         const grpc::ByteBuffer& request,
                                         grpc::ByteBuffer* response, Handler&& handler) {
    const BlockedHandlers::Scope running = method.Running();
    auto* const call = new UnaryCall(method, &context, response);
    const absl::Status taken = call->Take(request);
    if (!taken.ok()) {
      call->Finish(taken);
    } else if (call->audited_ != nullptr) {
      call->HandleAudited(std::forward<Handler>(handler));
    } else {
      handler(call);
    }
    return call;
  }

  const RpcMethod& method() const { return method_; }
  CallContext* context() { return &context_; }
  const Caller& caller() const { return *context_.caller(); }
  const Request& request() const { return *request_; }
  Response* response() { return response_; }
  // Whether the caller waits no more, for whatever reason.
  bool is_given_up() const { return context_.grpc().IsCancelled(); }
  // When the caller stops waiting.
  absl::Time deadline() const { return deadline_; }
  // What has waited for a thread is begun only where this is OK.
  absl::Status CheckIsAwaited() const {
    if (method_.Now() > deadline_) return error::DeadlineExceeded();
    return is_given_up() ? absl::CancelledError("the caller has gone; nothing was done")
                         : absl::OkStatus();
  }
  absl::Time start_time() const { return context_.start_time(); }

  // Answers with response(), or with the error where `status` is one.
  void Finish(const absl::Status& status) {
    if (audited_ == nullptr) return Answer(status);
    audited_->End(status, *response_, [this, status] { Answer(status); });
  }

 private:
  // Most requests and their answers fit in here.
  static constexpr size_t kInitialBlockBytes = 2048;

  UnaryCall(const RpcMethod& method, grpc::CallbackServerContext* context,
            grpc::ByteBuffer* response)
      : method_(method),
        context_(context, method.Now()),
        deadline_(method.DeadlineOf(context_)),
        response_bytes_(response),
        arena_(initial_block_.data(), initial_block_.size()),
        request_(google::protobuf::Arena::CreateMessage<Request>(&arena_)),
        response_(google::protobuf::Arena::CreateMessage<Response>(&arena_)) {}

  void OnCancel() override { method_.NoteCancelled(context_); }

  void OnDone() override { delete this; }

  // What gRPC asks of its own reactors only: both of the above are quick and wait for nothing, so
  // they need no other thread. Otherwise gRPC hands each call's end to one of its executor's.
  bool InternalInlineable() override { return true; }

  absl::Status Take(const grpc::ByteBuffer& request) {
    FAREBOX_RETURN_IF_ERROR(method_.Admit(&context_, request.Length()));
    FAREBOX_RETURN_IF_ERROR(method_.Parse(request, request_));
    FAREBOX_RETURN_IF_ERROR(method_.CheckMayAsk(&context_, *request_));
    audited_ = method_.Audit(&context_, *request_);
    return absl::OkStatus();
  }

  // Nothing is changed before the audit log has a line of it.
  template <typename Handler>
  void HandleAudited(Handler&& handler) {
    audited_->Begin(
        [this, handler = std::forward<Handler>(handler)](const absl::Status& noted) mutable {
          if (noted.ok()) {
            handler(this);
          } else {
            Finish(noted);
          }
        });
  }

  void Answer(const absl::Status& status) {
    if (status.ok()) *response_bytes_ = SerializeMessage(*response_);
    AnswersTogether::BeforeAnswer(context_.socket());
    grpc::ServerUnaryReactor::Finish(method_.End(status, request_, &context_));
  }

  const RpcMethod& method_;
  CallContext context_;
  const absl::Time deadline_;
  grpc::ByteBuffer* const response_bytes_;
  // Null where the audit log need not know.
  std::unique_ptr<AuditedCall> audited_;

  alignas(8) std::array<char, kInitialBlockBytes> initial_block_;
  google::protobuf::Arena arena_;
  Request* const request_;
  Response* const response_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_UNARY_CALL_H_
