#include "server/services/apply_stream.h"

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "google/protobuf/arena.h"
#include "server/errors.h"
#include "server/limits.h"
#include "server/services/answers.h"
#include "server/services/message.h"
#include "server/services/serial_runner.h"
#include "storage/errors.h"
#include "storage/mutex.h"

namespace farebox::server {
namespace {

// One operation on its way, with the memory for its result.
class StreamOperation {
 public:
  StreamOperation()
      : arena_(block_.data(), block_.size()),
        request_(google::protobuf::Arena::CreateMessage<v1::ApplyStreamRequest>(&arena_)),
        response_(google::protobuf::Arena::CreateMessage<v1::ApplyStreamResponse>(&arena_)) {}

  v1::ApplyStreamRequest* request() { return request_; }

  grpc::ByteBuffer Result(const Outcome& outcome) {
    response_->set_correlation_id(request_->correlation_id());
    FillResult(request_->operation(), outcome, response_->mutable_result());
    return SerializeMessage(*response_);
  }

  grpc::ByteBuffer Error(const absl::Status& status) {
    response_->set_correlation_id(request_->correlation_id());
    FillRpcStatus(status, response_->mutable_result()->mutable_error());
    return SerializeMessage(*response_);
  }

 private:
  alignas(8) std::array<char, 2048> block_;
  google::protobuf::Arena arena_;
  v1::ApplyStreamRequest* const request_;
  v1::ApplyStreamResponse* const response_;
};

//   reads -> in flight -> results -> writes
//
// Thread-safe. Keeps itself alive until gRPC is done with it and no operation is in flight.
class ApplyStreamCall final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                              public OpenStream,
                              public std::enable_shared_from_this<ApplyStreamCall> {
 public:
  struct Parts {
    const RpcMethod& method;
    const CommandFactory& commands;
    Ledger* ledger;
    OpenStreams* streams;
  };

  ApplyStreamCall(const Parts& parts, grpc::CallbackServerContext* context)
      : parts_(parts), context_(context, parts.method.Now()) {}

  void Begin() {
    self_ = shared_from_this();
    absl::Status taken = parts_.method.Admit(&context_, 0);
    if (taken.ok()) taken = parts_.streams->Enter(self_);
    if (!taken.ok()) EndWith(taken);
    Proceed();
  }

  void OnReadDone(bool ok) override {
    const BlockedHandlers::Scope running = parts_.method.Running();
    if (ok) Take();
    {
      MutexLock lock(&mu_);
      is_reading_ = false;
      if (!ok) is_read_out_ = true;
    }
    Proceed();
  }

  void OnWriteDone(bool ok) override {
    const BlockedHandlers::Scope running = parts_.method.Running();
    {
      MutexLock lock(&mu_);
      is_writing_ = false;
      if (!ok) is_broken_ = true;
    }
    Proceed();
  }

  void OnCancel() override { parts_.method.NoteCancelled(context_); }

  void OnDone() override {
    parts_.streams->Leave(this);
    self_.reset();
  }

  void EndSoon() override {
    EndWith(error::ShuttingDown());
    Proceed();
  }

 private:
  // What to start next; at most one of them.
  enum class Step { kNothing, kRead, kWrite, kFinish };

  // Turns the message that was read into a command, or into its error.
  void Take() {
    NoteBytes();
    auto operation = std::make_unique<StreamOperation>();
    const absl::Status parsed = parts_.method.Parse(incoming_, operation->request());
    // Without its correlation number there is nobody to answer.
    if (!parsed.ok()) return EndWith(parsed);
    const absl::Status may =
        parts_.method.CheckStreamed(*context_.caller(), operation->request()->operation());
    if (!may.ok()) return AddResult(operation->Error(may));
    absl::StatusOr<Command> command =
        parts_.commands.Make(operation->request()->operation(), absl::InfiniteFuture());
    if (!command.ok()) return AddResult(operation->Error(command.status()));

    {
      MutexLock lock(&mu_);
      ++in_flight_;
    }
    std::vector<Command> submitted;
    submitted.push_back(*std::move(command));
    parts_.ledger->Submit(std::move(submitted),
                          [self = shared_from_this(),
                           operation = std::move(operation)](std::vector<Outcome> outcomes) {
                            self->AddResult(operation->Result(outcomes[0]), /*from_flight=*/true);
                            self->Proceed();
                          });
  }

  void NoteBytes() {
    unnoted_bytes_ += incoming_.Length() + limits::kMessageOverheadBytes;
    if (unnoted_bytes_ < limits::kTrafficPieceBytes) return;
    parts_.method.NoteBytes(context_, std::exchange(unnoted_bytes_, 0));
  }

  void AddResult(grpc::ByteBuffer result, bool from_flight = false) {
    MutexLock lock(&mu_);
    if (from_flight) --in_flight_;
    if (!is_broken_) results_.emplace_back().Swap(&result);
  }

  void EndWith(const absl::Status& status) {
    MutexLock lock(&mu_);
    if (!end_.has_value()) end_ = status;
  }

  void Proceed() {
    const std::shared_ptr<ApplyStreamCall> alive = shared_from_this();
    runner_.Run([this] {
      while (TakeStep()) {
      }
    });
  }

  bool TakeStep() {
    absl::Status end;
    bool is_more = false;
    Step step = Step::kNothing;
    {
      MutexLock lock(&mu_);
      step = NextStep();
      end = end_.value_or(absl::OkStatus());
      is_more = !results_.empty();
    }
    switch (step) {
      case Step::kNothing:
        return false;
      case Step::kRead:
        StartRead(&incoming_);
        return true;
      case Step::kWrite:
        // What is followed by more need not be sent at once.
        StartWrite(&outgoing_,
                   is_more ? grpc::WriteOptions().set_buffer_hint() : grpc::WriteOptions());
        return true;
      case Step::kFinish:
        Finish(parts_.method.End(end, /*request=*/nullptr, &context_));
        return false;
    }
    return false;
  }

  Step NextStep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (is_finished_) return Step::kNothing;
    if (is_broken_) results_.clear();
    if (!is_writing_ && !results_.empty()) {
      outgoing_.Swap(&results_.front());
      results_.pop_front();
      is_writing_ = true;
      return Step::kWrite;
    }
    const bool is_ending = end_.has_value() || is_read_out_ || is_broken_;
    if (is_ending && in_flight_ == 0 && results_.empty() && !is_writing_) {
      is_finished_ = true;
      return Step::kFinish;
    }
    const bool has_room = in_flight_ + results_.size() < limits::kStreamOperationsMax;
    if (!is_ending && !is_reading_ && has_room) {
      is_reading_ = true;
      return Step::kRead;
    }
    return Step::kNothing;
  }

  // Constant after construction.
  const Parts parts_;
  std::shared_ptr<ApplyStreamCall> self_;  // Until gRPC is done.

  // Synchronises itself.
  SerialRunner runner_;

  // Used before anything is read, and at the end.
  CallContext context_;
  // Used by one reaction at a time.
  grpc::ByteBuffer incoming_;
  size_t unnoted_bytes_ = 0;
  grpc::ByteBuffer outgoing_;

  Mutex mu_;
  size_t in_flight_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<grpc::ByteBuffer> results_ ABSL_GUARDED_BY(mu_);
  bool is_reading_ ABSL_GUARDED_BY(mu_) = false;
  bool is_writing_ ABSL_GUARDED_BY(mu_) = false;
  bool is_read_out_ ABSL_GUARDED_BY(mu_) = false;  // The caller sends no more, or is gone.
  bool is_broken_ ABSL_GUARDED_BY(mu_) = false;    // Nothing can be written any more.
  bool is_finished_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ServeApplyStream(
    const RpcMethod& method, grpc::CallbackServerContext& context, const CommandFactory& commands,
    Ledger* ledger, OpenStreams* streams) {
  const auto call = std::make_shared<ApplyStreamCall>(
      ApplyStreamCall::Parts{
          .method = method, .commands = commands, .ledger = ledger, .streams = streams},
      &context);
  call->Begin();
  return call.get();
}

}  // namespace farebox::server
