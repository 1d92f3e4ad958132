#ifndef FAREBOX_CLIENT_CPP_CALLS_H_
#define FAREBOX_CLIENT_CPP_CALLS_H_

#include <grpcpp/alarm.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cpp/errors.h"
#include "client/cpp/options.h"
#include "client/cpp/request_id.h"
#include "client/cpp/retry.h"
#include "farebox/v1/billing.pb.h"

// How one RPC is called until it is answered: shared by all methods of Client.
namespace farebox::client {

absl::Status FromGrpc(const grpc::Status& status);

// Lets the attempt take so long from now, whatever happens to the wall clock meanwhile.
void SetTimeout(absl::Duration timeout, grpc::ClientContext* context);

// What a call ends with that is one too many.
absl::Status TooManyCalls(int calls_max);

// Says which trace the attempt is a part of; nothing where it is empty.
void SetTraceparent(const std::string& traceparent, grpc::ClientContext* context);

// Notes in a failure under which trace id the server has the attempt, where it has said so.
absl::Status WithTraceId(const grpc::ClientContext& context, absl::Status status);

// Waits before the next attempt, and connects meanwhile where there is no connection: gRPC works at
// that only while somebody waits for it, and gives up what takes too long.
void PauseAndConnect(grpc::ChannelInterface* channel, absl::Duration pause);

// How long ago it was made, by a clock that nobody sets. Thread-compatible.
class Stopwatch {
 public:
  absl::Duration Elapsed() const {
    return absl::FromChrono(std::chrono::steady_clock::now() - start_);
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void FillOperationId(v1::Operation* operation);

// The ids of a batch's operations, in order; empty ones where there is no operation.
std::vector<std::string> RequestIdsOf(const v1::ApplyBatchRequest& batch);

// Notes in a result that is an error which id its operation was sent with.
void NoteRequestId(const v1::Operation& operation, v1::OperationResult* result);

// Notes it in all results of a batch. Other answers have no failures in them.
void NoteRequestIds(const v1::ApplyBatchRequest& batch, v1::ApplyBatchResponse* response);
template <typename Request, typename Response>
void NoteRequestIds(const Request& /*request*/, Response* /*response*/) {}

// Counts the calls that are under way, so that what they use can be taken down after the last one.
// Thread-safe.
class OpenCalls {
 public:
  // Whether there are fewer than `count_max`, and now one more.
  bool Begin(int count_max) {
    const absl::MutexLock lock(&mu_);
    if (count_ >= count_max) return false;
    ++count_;
    return true;
  }
  void End() {
    const absl::MutexLock lock(&mu_);
    --count_;
  }
  // From now on a call that failed is not attempted again. Returns when the last has ended.
  void Close() {
    const absl::MutexLock lock(&mu_);
    is_closing_ = true;
    mu_.Await(absl::Condition(
        +[](int* count) { return *count == 0; }, &count_));
  }
  bool is_closing() {
    const absl::MutexLock lock(&mu_);
    return is_closing_;
  }

 private:
  absl::Mutex mu_;
  int count_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_closing_ ABSL_GUARDED_BY(mu_) = false;
};

// Names the change, where the request is one and has no name yet; in a batch, each of them.
template <typename Request>
void FillRequestId(Request* request) {
  if constexpr (requires { request->set_request_id(std::string()); }) {
    if (request->request_id().empty()) request->set_request_id(MakeRequestId());
  } else if constexpr (requires { request->mutable_operations(); }) {
    for (v1::Operation& operation : *request->mutable_operations()) FillOperationId(&operation);
  }
}

// Whether it ends a call, which is to be done even where nothing new can be begun: a hold that is
// not ended locks money, and time that was talked is not charged.
template <typename Request>
bool EndsCall(const Request& request) {
  if constexpr (std::is_same_v<Request, v1::DebitRequest>) return request.has_settlement();
  return std::is_same_v<Request, v1::ReleaseRequest>;
}

template <typename Request>
absl::Status WithRequestId(const Request& request, absl::Status status) {
  if constexpr (requires { request.request_id(); }) {
    SetRequestId(request.request_id(), &status);
  } else if constexpr (requires { request.operations(); }) {
    SetRequestIds(RequestIdsOf(request), &status);
  }
  return status;
}

// What the call ends with, after an attempt that no other follows. A read has changed nothing.
template <typename Request>
absl::Status EndOf(const Request& request, const RetryPlan& retry, absl::Status last) {
  if constexpr (
      requires { request.request_id(); } || requires { request.operations(); }) {
    return WithRequestId(request, retry.EndOfChange(std::move(last)));
  }
  return last;
}

// A method of a generated stub that waits for its answer.
template <typename Stub, typename Request, typename Response>
using BlockingMethod = grpc::Status (Stub::*)(grpc::ClientContext*, const Request&, Response*);

// Calls `method` until it is answered, finally refused, or the plan is at its end.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Call(Stub* stub, BlockingMethod<Stub, Request, Response> method,
                              Request request, CallPlan plan) {
  FillRequestId(&request);
  const Stopwatch stopwatch;
  while (true) {
    grpc::ClientContext context;
    SetTimeout(plan.retry.AttemptTimeout(stopwatch.Elapsed()), &context);
    SetTraceparent(plan.traceparent, &context);
    Response response;
    absl::Status status = FromGrpc((stub->*method)(&context, request, &response));
    if (status.ok()) {
      NoteRequestIds(request, &response);
      return response;
    }
    status = WithTraceId(context, std::move(status));
    absl::BitGen bits;
    const std::optional<absl::Duration> pause =
        plan.retry.PauseAfter(status, stopwatch.Elapsed(), bits);
    if (!pause.has_value()) return EndOf(request, plan.retry, std::move(status));
    PauseAndConnect(plan.channel, *pause);
  }
}

// A method of a generated stub that reports its answer on a thread of gRPC's.
template <typename Async, typename Request, typename Response>
using ReportingMethod = void (Async::*)(grpc::ClientContext*, const Request*, Response*,
                                        std::function<void(grpc::Status)>);

// The same as Call, without a thread that waits. Keeps itself alive until `done` has returned.
template <typename Async, typename Request, typename Response>
class AsyncCall : public std::enable_shared_from_this<AsyncCall<Async, Request, Response>> {
 public:
  using Method = ReportingMethod<Async, Request, Response>;
  using Done = std::function<void(absl::StatusOr<Response>)>;

  // `stub` and `open_calls` outlive the call; `open_calls` counts it, up to `calls_max`.
  static void Start(Async* stub, Method method, Request request, CallPlan plan,
                    OpenCalls* open_calls, int calls_max, Done done) {
    FillRequestId(&request);
    if (!open_calls->Begin(EndsCall(request) ? std::numeric_limits<int>::max() : calls_max)) {
      return done(WithRequestId(request, TooManyCalls(calls_max)));
    }
    const std::shared_ptr<AsyncCall> call(new AsyncCall(
        stub, method, std::move(request), std::move(plan), open_calls, std::move(done)));
    call->Attempt();
  }

 private:
  AsyncCall(Async* stub, Method method, Request request, CallPlan plan, OpenCalls* open_calls,
            Done done)
      : stub_(stub),
        method_(method),
        request_(std::move(request)),
        open_calls_(open_calls),
        plan_(std::move(plan)),
        done_(std::move(done)) {}

  void Attempt() {
    context_.emplace();
    SetTimeout(plan_.retry.AttemptTimeout(stopwatch_.Elapsed()), &*context_);
    SetTraceparent(plan_.traceparent, &*context_);
    response_.Clear();
    (stub_->*method_)(&*context_, &request_, &response_,
                      [self = this->shared_from_this()](const grpc::Status& status) {
                        self->TakeStatus(FromGrpc(status));
                      });
  }

  void TakeStatus(absl::Status status) {
    if (status.ok()) {
      NoteRequestIds(request_, &response_);
      return Finish(std::move(response_));
    }
    status = WithTraceId(*context_, std::move(status));
    absl::BitGen bits;
    const std::optional<absl::Duration> pause =
        plan_.retry.PauseAfter(status, stopwatch_.Elapsed(), bits);
    if (!pause.has_value() || open_calls_->is_closing()) {
      return Finish(EndOf(request_, plan_.retry, std::move(status)));
    }
    alarm_.emplace();
    alarm_->Set(gpr_time_from_micros(absl::ToInt64Microseconds(*pause), GPR_TIMESPAN),
                [self = this->shared_from_this()](bool) {
                  // The alarm keeps this function, and this function the call.
                  self->alarm_.reset();
                  self->Attempt();
                });
  }

  void Finish(absl::StatusOr<Response> result) {
    done_(std::move(result));
    done_ = nullptr;
    // Holds the channel. From End() on the client may go, and this thread must not be the last to
    // let go of the channel: gRPC would have it wait for itself.
    context_.reset();
    open_calls_->End();
  }

  // Constant after construction.
  Async* const stub_;
  const Method method_;
  const Request request_;
  OpenCalls* const open_calls_;
  const Stopwatch stopwatch_;

  // Used by one thread at a time: whichever has the attempt's answer or the alarm.
  CallPlan plan_;
  Done done_;
  Response response_;
  std::optional<grpc::ClientContext> context_;
  std::optional<grpc::Alarm> alarm_;
};

}  // namespace farebox::client

#endif  // FAREBOX_CLIENT_CPP_CALLS_H_
