#include "server/services/apply_stream.h"

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/arena.h"
#include "server/services/message.h"
#include "server/services/operations_in_flight.h"
#include "server/services/serial_runner.h"
#include "server/services/standing_caller.h"
#include "server/services/stream_limits.h"
#include "server/transport/flood_limits.h"
#include "storage/errors.h"
#include "storage/mutex.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// What was read at once, on its way, with the memory for its results.
class StreamMessage {
 public:
  StreamMessage()
      : arena_(block_.data(), block_.size()),
        request_(google::protobuf::Arena::CreateMessage<v1::ApplyStreamRequest>(&arena_)),
        response_(google::protobuf::Arena::CreateMessage<v1::ApplyStreamResponse>(&arena_)) {}

  v1::ApplyStreamRequest* request() { return request_; }
  const v1::ApplyStreamResponse& response() const { return *response_; }
  size_t operation_count() const { return 1 + static_cast<size_t>(request_->more_size()); }

  // The commands that its operations are for the caller of `call`.
  std::vector<Command> MakeCommands(const CommandFactory& factory, const RpcMethod& method,
                                    CallContext* call) {
    operations_.Reserve(operation_count());
    const auto add = [&](const v1::Operation& operation) {
      operations_.Add(MakeCommand(factory, method, call, operation));
    };
    add(request_->operation());
    for (const v1::StreamOperation& further : request_->more()) add(further.operation());
    return operations_.TakeCommands();
  }

  // Makes the result, once: `outcomes` are those of its commands.
  void MakeResult(const std::vector<Outcome>& outcomes) {
    response_->set_correlation_id(request_->correlation_id());
    operations_.FillNext(request_->operation(), outcomes, response_->mutable_result());
    response_->mutable_more()->Reserve(request_->more_size());
    for (const v1::StreamOperation& further : request_->more()) {
      v1::StreamResult* const result = response_->add_more();
      result->set_correlation_id(further.correlation_id());
      operations_.FillNext(further.operation(), outcomes, result->mutable_result());
    }
    result_ = SerializeMessage(*response_);
  }

  grpc::ByteBuffer* result() { return &result_; }

 private:
  static absl::StatusOr<Command> MakeCommand(const CommandFactory& factory, const RpcMethod& method,
                                             CallContext* call, const v1::Operation& operation) {
    FAREBOX_RETURN_IF_ERROR(method.CheckStreamed(call, operation));
    return factory.Make(operation, absl::InfiniteFuture());
  }

  alignas(8) std::array<char, 2048> block_;
  google::protobuf::Arena arena_;
  v1::ApplyStreamRequest* const request_;
  v1::ApplyStreamResponse* const response_;
  OperationsInFlight operations_;
  grpc::ByteBuffer result_;
};

//   reads -> places, the oldest first, each until it is resolved -> writes
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
  // A message's place in the order of results.
  struct Place {
    // Used by the one who resolves it, and after that by whoever writes it.
    StreamMessage message;
    size_t bytes = 0;
    // Null where the audit log need not know.
    std::unique_ptr<AuditedCall> audited;
    bool is_resolved = false;  // Guarded by mu_.
  };

  // What to start next; at most one of them.
  enum class Step { kNothing, kRead, kWrite, kFinish };

  // Turns the message that was read into commands.
  void Take() {
    NoteBytes();
    const absl::Status known = caller_.Check();
    if (!known.ok()) return EndWith(known);
    auto owned = std::make_unique<Place>();
    Place* const place = owned.get();
    place->bytes = incoming_.Length();
    StreamMessage& message = place->message;
    absl::Status taken = parts_.method.Parse(incoming_, message.request());
    if (taken.ok() && message.operation_count() > limits::kStreamMessageOperationsMax) {
      taken = error::FieldInvalid(
          "more",
          absl::StrCat("must be at most ", limits::kStreamMessageOperationsMax - 1, " operations"));
    }
    // Without its correlation numbers there is nobody to answer.
    if (!taken.ok()) return EndWith(taken);
    std::vector<Command> commands = message.MakeCommands(parts_.commands, parts_.method, &context_);
    place->audited = parts_.method.Audit(&context_, *message.request());
    {
      MutexLock lock(&mu_);
      operations_ += message.operation_count();
      bytes_ += place->bytes;
      places_.push_back(std::move(owned));
    }
    if (place->audited != nullptr) return SubmitAudited(place, std::move(commands));
    Submit(place, std::move(commands));
  }

  // Nothing is changed before the audit log has a line of the message.
  void SubmitAudited(Place* place, std::vector<Command> commands) {
    const size_t count = commands.size();
    place->audited->Begin([self = shared_from_this(), place, count,
                           commands = std::move(commands)](const absl::Status& noted) mutable {
      if (!noted.ok()) return self->Refuse(place, count, noted);
      self->Submit(place, std::move(commands));
    });
  }

  void Submit(Place* place, std::vector<Command> commands) {
    if (commands.empty()) return Resolve(place, {});
    parts_.ledger->Submit(std::move(commands),
                          [self = shared_from_this(), place](const std::vector<Outcome>& outcomes) {
                            self->Resolve(place, outcomes);
                          });
  }

  void NoteBytes() {
    unnoted_bytes_ += incoming_.Length() + limits::kMessageOverheadBytes;
    if (unnoted_bytes_ < limits::kTrafficPieceBytes) return;
    parts_.method.NoteBytes(context_, std::exchange(unnoted_bytes_, 0));
  }

  // None of the message's commands was applied.
  void Refuse(Place* place, size_t commands, const absl::Status& status) {
    Resolve(place, std::vector<Outcome>(commands, Outcome{.status = status}));
  }

  // The message stays until then: results are written in the order in which messages were read.
  void Resolve(Place* place, const std::vector<Outcome>& outcomes) {
    place->message.MakeResult(outcomes);
    if (place->audited == nullptr) return MarkResolved(place);
    place->audited->End(absl::OkStatus(), place->message.response(),
                        [self = shared_from_this(), place] { self->MarkResolved(place); });
  }

  void MarkResolved(Place* place) {
    {
      MutexLock lock(&mu_);
      place->is_resolved = true;
    }
    Proceed();
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
      is_more = HasResult();
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
    while (is_broken_ && HasResult()) TakeResult();
    if (!is_writing_ && HasResult()) {
      TakeResult();
      is_writing_ = true;
      return Step::kWrite;
    }
    const bool is_ending = end_.has_value() || is_read_out_ || is_broken_;
    if (is_ending && places_.empty() && !is_writing_) {
      is_finished_ = true;
      return Step::kFinish;
    }
    const bool has_room =
        operations_ < limits::kStreamOperationsMax && bytes_ < limits::kStreamBytesMax;
    if (!is_ending && !is_reading_ && has_room) {
      is_reading_ = true;
      return Step::kRead;
    }
    return Step::kNothing;
  }

  bool HasResult() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return !places_.empty() && places_.front()->is_resolved;
  }

  void TakeResult() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    StreamMessage& message = places_.front()->message;
    outgoing_.Swap(message.result());
    operations_ -= message.operation_count();
    bytes_ -= places_.front()->bytes;
    places_.pop_front();
  }

  // Constant after construction.
  const Parts parts_;
  std::shared_ptr<ApplyStreamCall> self_;  // Until gRPC is done.

  // Synchronises itself.
  SerialRunner runner_;

  // Used by one reaction at a time, and at the end.
  CallContext context_;
  StandingCaller caller_{parts_.method, context_};
  grpc::ByteBuffer incoming_;
  size_t unnoted_bytes_ = 0;
  grpc::ByteBuffer outgoing_;

  Mutex mu_;
  // What was read and is not written yet, in that order.
  std::deque<std::unique_ptr<Place>> places_ ABSL_GUARDED_BY(mu_);
  size_t operations_ ABSL_GUARDED_BY(mu_) = 0;  // In all of them.
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;       // Of all of them.
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
