#include "server/services/rpc_method.h"

#include <chrono>
#include <string>
#include <utility>

#include "server/base/errors.h"
#include "server/base/log.h"
#include "server/services/message.h"
#include "server/services/request_bounds.h"
#include "server/transport/flood_limits.h"
#include "storage/check.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {

RpcMethod::RpcMethod(const RpcEnvironment& environment, absl::string_view name, RpcBounds bounds,
                     DescribeBefore describe_before)
    : clock_(environment.clock),
      is_closing_(environment.is_closing),
      access_(environment.access),
      audit_(environment.audit),
      call_log_(environment.call_log),
      connections_(environment.connections),
      handlers_(environment.handlers),
      gate_(environment.gate),
      name_(name),
      bounds_(bounds),
      request_bytes_max_(RequestBytesMax(name)),
      describe_before_(std::move(describe_before)),
      rule_(AccessRule::Of(name)),
      meter_(environment.metrics->AddMeter(name)) {
  FAREBOX_CHECK(clock_ != nullptr && is_closing_ != nullptr && access_ != nullptr &&
                audit_ != nullptr && call_log_ != nullptr && handlers_ != nullptr);
}

absl::Status RpcMethod::Admit(CallContext* call, size_t request_bytes) const {
  absl::Status admitted = AdmitCaller(call);
  if (connections_ != nullptr) {
    call->set_socket(connections_->NoteCall(call->peer(), request_bytes, admitted.ok()));
  }
  return admitted;
}

void RpcMethod::NoteBytes(const CallContext& call, size_t request_bytes) const {
  if (connections_ != nullptr) connections_->NoteBytes(call.peer(), request_bytes);
}

void RpcMethod::NoteCancelled(const CallContext& call) const {
  // Who waited until its deadline has not given up: we were too slow.
  const bool is_reset = DeadlineOf(call) - clock_->Now() > limits::kResetLead;
  if (connections_ != nullptr && is_reset) connections_->NoteReset(call.peer());
}

absl::Status RpcMethod::AdmitCaller(CallContext* call) const {
  if (is_closing_->load(std::memory_order_relaxed)) return error::ShuttingDown();
  // Under an overload calls may wait in gRPC for longer than their callers do.
  if (call->grpc().IsCancelled()) return absl::CancelledError();
  if (gate_ != nullptr) FAREBOX_RETURN_IF_ERROR(gate_->CheckUrgency(bounds_.urgency));
  FAREBOX_ASSIGN_OR_RETURN(CallerPtr caller, access_->Identify(call->grpc()));
  const bool is_allowed = rule_.Allows(*caller);
  call->set_caller(std::move(caller));
  if (is_allowed) return absl::OkStatus();
  absl::Status denied = error::PermissionDenied("the role may not call this");
  NoteDenied(call, denied);
  return denied;
}

absl::Status RpcMethod::CheckIsKnown(const CallContext& call) const {
  return access_->Identify(call.grpc()).status();
}

absl::Status RpcMethod::CheckOperationOf(CallContext* call, const v1::Operation& operation) const {
  absl::Status may = CheckOperation(*call->caller(), operation);
  if (absl::IsPermissionDenied(may)) NoteDenied(call, may);
  return may;
}

absl::Status RpcMethod::CheckStreamed(CallContext* call, const v1::Operation& operation) const {
  FAREBOX_RETURN_IF_ERROR(CheckOperationOf(call, operation));
  return gate_ == nullptr ? absl::OkStatus() : gate_->CheckRates(*call->caller(), operation);
}

absl::Status RpcMethod::CheckBatched(CallContext* call, const v1::Operation& operation) const {
  FAREBOX_RETURN_IF_ERROR(CheckOperationOf(call, operation));
  return gate_ == nullptr ? absl::OkStatus() : gate_->CheckAccountRate(operation);
}

v1::AuditRecord RpcMethod::About(CallContext* call) const {
  v1::AuditRecord about;
  about.set_caller(call->caller()->name);
  about.set_role(call->caller()->role);
  about.set_peer(access_->PeerOf(call->grpc()));
  about.set_method(std::string(name_));
  about.set_call_id(MakeCallId());
  about.set_trace_id(TraceIdText(call->trace()));
  return about;
}

void RpcMethod::NoteDenied(CallContext* call, const absl::Status& status) const {
  audit_->NoteDenied(call->caller()->name, name_, [&] {
    v1::AuditRecord denied = About(call);
    denied.set_event(v1::AUDIT_EVENT_DENIED);
    denied.set_code(std::string(CodeName(grpc::StatusCode::PERMISSION_DENIED)));
    denied.set_problem(std::string(status.message()));
    return denied;
  });
}

std::unique_ptr<AuditedCall> RpcMethod::Audit(CallContext* call,
                                              const google::protobuf::Message& request) const {
  if (!rule_.IsAudited(*call->caller())) return nullptr;
  return std::make_unique<AuditedCall>(audit_, About(call), request, &describe_before_,
                                       bounds_.audit_turn);
}

absl::Status RpcMethod::Parse(const grpc::ByteBuffer& bytes,
                              google::protobuf::Message* message) const {
  return ParseMessage(bytes, request_bytes_max_, message);
}

absl::Time RpcMethod::DeadlineOf(const CallContext& call) const {
  const std::chrono::system_clock::time_point deadline = call.grpc().deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) {
    return clock_->Now() + bounds_.default_timeout;
  }
  // gRPC counts by the machine's clock; what is left is the same by any.
  return clock_->Now() + (absl::FromChrono(deadline) - SystemClock().Now());
}

grpc::Status RpcMethod::End(const absl::Status& status, const google::protobuf::Message* request,
                            CallContext* call) const {
  grpc::Status end = ToGrpcStatus(status);
  const absl::Duration took = clock_->Now() - call->start_time();
  meter_->Record(end.error_code(), took);
  if (end.error_code() == grpc::StatusCode::INTERNAL) {
    Log(LogLevel::kError, "rpc_failed",
        {{"method", name_},
         {"error", status.ToString()},
         {"trace_id", TraceIdText(call->trace())},
         {"span_id", SpanIdText(call->trace())}});
  }
  if (call_log_->Wants(took)) {
    call_log_->Write({.method = name_,
                      .peer = access_->PeerOf(call->grpc()),
                      .status = status,
                      .request = request,
                      .took = took},
                     call);
  }
  call->TellTrace();
  return end;
}

}  // namespace farebox::server
