#ifndef FAREBOX_SERVER_SERVICES_RPC_METHOD_H_
#define FAREBOX_SERVER_SERVICES_RPC_METHOD_H_

#include <atomic>
#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/status.h"
#include "server/base/blocked_handlers.h"
#include "server/base/lanes.h"
#include "server/base/limits.h"
#include "server/base/rpc_metrics.h"
#include "server/security/access_control.h"
#include "server/security/access_rules.h"
#include "server/security/audit_log.h"
#include "server/services/audited_call.h"
#include "server/services/call_context.h"
#include "server/services/call_gate.h"
#include "server/services/call_log.h"
#include "server/transport/connection_table.h"
#include "storage/clock.h"
#include "storage/urgency.h"

namespace farebox::server {

// What every RPC needs, all of it. Outlives the services.
struct RpcEnvironment {
  const Clock* clock = nullptr;
  RpcMetrics* metrics = nullptr;
  // Set when the server is about to stop: what comes then is turned away.
  const std::atomic<bool>* is_closing = nullptr;
  const AccessControl* access = nullptr;
  AuditLog* audit = nullptr;
  CallLog* call_log = nullptr;
  // Null where nobody watches connections.
  ConnectionTable* connections = nullptr;
  BlockedHandlers* handlers = nullptr;
  // Null where nobody is turned away for what there is to do.
  CallGate* gate = nullptr;
};

struct RpcBounds {
  absl::Duration default_timeout = limits::kDefaultTimeout;
  // The most urgent that a call of it may be: with less the ledger refuses what is less.
  Urgency urgency = Urgency::kReads;
  // When its lines in the audit log have their turn.
  Lanes::Turn audit_turn = Lanes::Turn::kInOrder;
};

// What is the same for all calls of one RPC. Thread-safe; constant after construction.
class RpcMethod {
 public:
  // `name` as in "farebox.v1.BillingService/Debit".
  RpcMethod(const RpcEnvironment& environment, absl::string_view name, RpcBounds bounds = {},
            DescribeBefore describe_before = nullptr);
  RpcMethod(const RpcMethod&) = delete;
  RpcMethod& operator=(const RpcMethod&) = delete;

  absl::Time Now() const { return clock_->Now(); }

  // For as long as a handler runs on one of gRPC's threads.
  BlockedHandlers::Scope Running() const { return BlockedHandlers::Scope(handlers_, &name_); }

  // The first step of every call: whether there is room for it, who is calling, and whether their
  // role may call this. Fails with SHUTTING_DOWN, OVERLOADED, UNAUTHENTICATED or PERMISSION_DENIED,
  // and is Cancelled where nobody waits any more. A stream has no bytes of a request yet.
  absl::Status Admit(CallContext* call, size_t request_bytes) const;

  // So many more bytes of a stream's requests came.
  void NoteBytes(const CallContext& call, size_t request_bytes) const;

  // The caller has given up the call. On any thread.
  void NoteCancelled(const CallContext& call) const;

  // Whether the caller is still somebody: a stream may outlive a key. UNAUTHENTICATED where not.
  absl::Status CheckIsKnown(const CallContext& call) const;

  // The second, once the request is read: whether the caller may ask for that, and now.
  template <typename Request>
  absl::Status CheckMayAsk(CallContext* call, const Request& request) const {
    absl::Status may = CheckRequest(*call->caller(), request);
    if (absl::IsPermissionDenied(may)) NoteDenied(call, may);
    if (!may.ok() || gate_ == nullptr) return may;
    return gate_->CheckRates(*call->caller(), request);
  }

  // The same for an operation of a stream, and for one of a batch whose caller has been asked.
  absl::Status CheckStreamed(CallContext* call, const v1::Operation& operation) const;
  absl::Status CheckBatched(CallContext* call, const v1::Operation& operation) const;

  // The third, where the audit log is to know; null where not. The request outlives it.
  std::unique_ptr<AuditedCall> Audit(CallContext* call,
                                     const google::protobuf::Message& request) const;

  // Fails with MESSAGE_TOO_LARGE or FIELD_INVALID.
  absl::Status Parse(const grpc::ByteBuffer& bytes, google::protobuf::Message* message) const;

  // When the caller stops waiting, by the server's clock: the caller's deadline, or the default.
  absl::Time DeadlineOf(const CallContext& call) const;

  // Turns a call's end into the form in which its caller gets it, counts it, and logs what is the
  // server's own fault and what the call log wants. `request` is null for streams.
  grpc::Status End(const absl::Status& status, const google::protobuf::Message* request,
                   CallContext* call) const;

 private:
  absl::Status AdmitCaller(CallContext* call) const;
  absl::Status CheckOperationOf(CallContext* call, const v1::Operation& operation) const;
  void NoteDenied(CallContext* call, const absl::Status& status) const;
  v1::AuditRecord About(CallContext* call) const;

  const Clock* const clock_;
  const std::atomic<bool>* const is_closing_;
  const AccessControl* const access_;
  AuditLog* const audit_;
  CallLog* const call_log_;
  ConnectionTable* const connections_;
  BlockedHandlers* const handlers_;
  CallGate* const gate_;
  const absl::string_view name_;
  const RpcBounds bounds_;
  const size_t request_bytes_max_;
  const DescribeBefore describe_before_;
  const AccessRule rule_;
  RpcMetrics::Meter* const meter_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_RPC_METHOD_H_
