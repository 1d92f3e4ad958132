#include "server/services/watch_stream.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "farebox/v1/billing.pb.h"
#include "google/protobuf/arena.h"
#include "server/base/errors.h"
#include "server/services/entries.h"
#include "server/services/fields.h"
#include "server/services/message.h"
#include "server/services/serial_runner.h"
#include "server/services/standing_caller.h"
#include "server/services/stream_limits.h"
#include "storage/errors.h"
#include "storage/mutex.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

v1::Signal::Kind ToProto(Signal::Kind kind) {
  switch (kind) {
    case Signal::Kind::kLowBalance:
      return v1::Signal::KIND_LOW_BALANCE;
    case Signal::Kind::kHoldExpiring:
      return v1::Signal::KIND_HOLD_EXPIRING;
    case Signal::Kind::kDisconnect:
      return v1::Signal::KIND_DISCONNECT;
  }
  return v1::Signal::KIND_UNSPECIFIED;
}

grpc::ByteBuffer EntryEvent(const Entry& entry, absl::string_view account_id) {
  google::protobuf::Arena arena;
  auto* const event = google::protobuf::Arena::CreateMessage<v1::WatchAccountResponse>(&arena);
  FillEntry(entry, account_id, event->mutable_entry());
  return SerializeMessage(*event);
}

grpc::ByteBuffer SignalEvent(const Signal& signal) {
  v1::WatchAccountResponse event;
  event.mutable_signal()->set_kind(ToProto(signal.kind));
  event.mutable_signal()->set_hold_id(signal.hold);
  event.mutable_signal()->set_available_micros(signal.available.value());
  event.mutable_signal()->set_account_id(signal.account_id);
  return SerializeMessage(event);
}

// Whoever has seen an entry that is not there watches a ledger that is not the one it was: what
// comes would be taken for known, up to that entry. 1 is where a watch of everything begins.
absl::Status CheckHasBeen(EntryId from, const Ledger& ledger) {
  const EntryId last = ledger.Stats().last_entry;
  if (from <= std::max<EntryId>(last, 1)) return absl::OkStatus();
  return error::FieldInvalid("from_entry_id",
                             absl::StrCat("is ", from, ", but the ledger ends with entry ", last,
                                          ": it was restored from before, or is another one"));
}

// Thread-safe. Keeps itself alive until gRPC is done with it.
class WatchStream final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                          public Watcher,
                          public std::enable_shared_from_this<WatchStream> {
 public:
  WatchStream(const RpcMethod& method, grpc::CallbackServerContext* context, WatchHub* hub)
      : method_(method), hub_(hub), context_(context, method.Now()) {}

  void Begin(const grpc::ByteBuffer& request, const Ledger& ledger) {
    const BlockedHandlers::Scope running = method_.Running();
    self_ = shared_from_this();
    const absl::Status begun = Watch(request, ledger);
    if (begun.ok()) {
      // So that the caller knows that nothing after this is missed.
      StartSendInitialMetadata();
    } else {
      OnEnd(begun);
    }
  }

  void OnEntries(std::vector<Entry> entries, std::vector<std::string> account_ids) override {
    {
      MutexLock lock(&mu_);
      const bool is_heard = IsHeard();
      for (size_t i = 0; is_heard && i < entries.size(); ++i) {
        entries_.push_back(EntryEvent(entries[i], account_ids[i]));
      }
    }
    Proceed();
  }

  void OnSignal(const Signal& signal) override {
    {
      MutexLock lock(&mu_);
      const bool has_room = signals_.size() < limits::kWatchSignalsMax;
      if (IsHeard() && has_room) signals_.push_back(SignalEvent(signal));
      if (!has_room && !end_.has_value()) end_ = WatcherTooSlow();
    }
    Proceed();
  }

  void OnEnd(const absl::Status& status) override {
    {
      MutexLock lock(&mu_);
      if (!end_.has_value()) end_ = status;
    }
    Proceed();
  }

  void OnWriteDone(bool ok) override {
    const BlockedHandlers::Scope running = method_.Running();
    bool is_drained = false;
    {
      MutexLock lock(&mu_);
      is_writing_ = false;
      if (!ok && !end_.has_value()) end_ = absl::CancelledError();
      is_drained = wrote_entry_ && entries_.empty();
    }
    if (is_drained) hub_->Drained(this);
    Proceed();
  }

  void OnCancel() override {
    method_.NoteCancelled(context_);
    OnEnd(absl::CancelledError());
  }

  void OnDone() override {
    hub_->Remove(this);
    self_.reset();
  }

 private:
  absl::Status Watch(const grpc::ByteBuffer& bytes, const Ledger& ledger) {
    FAREBOX_RETURN_IF_ERROR(method_.Admit(&context_, bytes.Length()));
    v1::WatchAccountRequest request;
    FAREBOX_RETURN_IF_ERROR(method_.Parse(bytes, &request));
    FAREBOX_RETURN_IF_ERROR(method_.CheckMayAsk(&context_, request));
    if (request.from_entry_id() < 0) {
      return error::FieldInvalid("from_entry_id", "must not be negative");
    }
    FAREBOX_RETURN_IF_ERROR(CheckHasBeen(request.from_entry_id(), ledger));
    AccountNumber account = 0;
    if (!request.account_id().empty()) {
      FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
      FAREBOX_ASSIGN_OR_RETURN(const AccountFacts facts, ledger.FindAccount(request.account_id()));
      account = facts.number;
    }
    return hub_->Add(self_, {.account = account,
                             .account_id = request.account_id(),
                             .from = request.from_entry_id(),
                             .is_customers = context_.caller()->role == v1::ROLE_CUSTOMER});
  }

  // Whether there is somebody to tell. Ends the stream where its caller is nobody any more. The hub
  // may still be at a call that is over: only until it is finished does gRPC keep what tells who
  // is calling, and nothing is finished while the lock is held.
  bool IsHeard() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (is_finished_) return false;
    const absl::Status known = caller_.Check();
    if (!known.ok() && !end_.has_value()) end_ = known;
    return known.ok();
  }

  void Proceed() {
    const std::shared_ptr<WatchStream> alive = shared_from_this();
    runner_.Run([this] { TakeStep(); });
  }

  // Starts the next write, or the end, unless a write is under way. What waits since its caller was
  // somebody is not told when they no longer are.
  void TakeStep() {
    std::optional<absl::Status> end;
    {
      MutexLock lock(&mu_);
      if (is_writing_ || is_finished_) return;
      if (end_.has_value() || !IsHeard()) {
        is_finished_ = true;
        end = end_;
      } else if (!TakeEvent()) {
        return;
      }
    }
    if (end.has_value()) {
      Finish(method_.End(*end, /*request=*/nullptr, &context_));
    } else {
      StartWrite(&outgoing_);
    }
  }

  bool TakeEvent() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    std::deque<grpc::ByteBuffer>& queue = signals_.empty() ? entries_ : signals_;
    if (queue.empty()) return false;
    wrote_entry_ = signals_.empty();
    outgoing_.Swap(&queue.front());
    queue.pop_front();
    is_writing_ = true;
    return true;
  }

  // Constant after construction.
  const RpcMethod& method_;
  WatchHub* const hub_;
  std::shared_ptr<WatchStream> self_;  // Until gRPC is done.

  // Synchronises itself.
  SerialRunner runner_;

  CallContext context_;  // Used at the beginning and at the end.
  StandingCaller caller_{method_, context_};
  grpc::ByteBuffer outgoing_;  // Used by one write at a time.

  Mutex mu_;
  std::deque<grpc::ByteBuffer> entries_ ABSL_GUARDED_BY(mu_);
  std::deque<grpc::ByteBuffer> signals_ ABSL_GUARDED_BY(mu_);
  bool is_writing_ ABSL_GUARDED_BY(mu_) = false;
  bool wrote_entry_ ABSL_GUARDED_BY(mu_) = false;
  bool is_finished_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

grpc::ServerWriteReactor<grpc::ByteBuffer>* ServeWatch(const RpcMethod& method,
                                                       grpc::CallbackServerContext& context,
                                                       const grpc::ByteBuffer& request,
                                                       const Ledger& ledger, WatchHub* hub) {
  const auto stream = std::make_shared<WatchStream>(method, &context, hub);
  stream->Begin(request, ledger);
  return stream.get();
}

}  // namespace farebox::server
