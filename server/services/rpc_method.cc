#include "server/services/rpc_method.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "google/protobuf/descriptor.h"
#include "server/errors.h"
#include "server/log.h"
#include "server/services/message.h"
#include "storage/check.h"
#include "storage/errors.h"

namespace farebox::server {

namespace {

// A field of the request by its name, where it has one; of the account in it otherwise.
std::string TextField(const google::protobuf::Message& request, const char* name) {
  const google::protobuf::FieldDescriptor* const field =
      request.GetDescriptor()->FindFieldByName(name);
  if (field != nullptr) return request.GetReflection()->GetString(request, field);
  const google::protobuf::FieldDescriptor* const account =
      request.GetDescriptor()->FindFieldByName("account");
  if (account == nullptr || account->message_type() == nullptr) return "";
  const google::protobuf::Message& inner = request.GetReflection()->GetMessage(request, account);
  const google::protobuf::FieldDescriptor* const inner_field =
      inner.GetDescriptor()->FindFieldByName(name);
  return inner_field == nullptr ? "" : inner.GetReflection()->GetString(inner, inner_field);
}

}  // namespace

// ---- AuditedCall

AuditedCall::AuditedCall(AuditLog* log, v1::AuditRecord about,
                         const google::protobuf::Message& request,
                         const DescribeBefore* describe_before)
    : log_(log), about_(std::move(about)), request_(request), describe_before_(describe_before) {}

void AuditedCall::Begin(absl::AnyInvocable<void(const absl::Status&)> then) {
  v1::AuditRecord asked = about_;
  asked.set_event(v1::AUDIT_EVENT_ASKED);
  asked.set_request_json(AuditJson(request_));
  if (*describe_before_ != nullptr) asked.set_before_json((*describe_before_)(request_));
  log_->Begin(std::move(asked), std::move(then));
}

void AuditedCall::End(const absl::Status& status, const google::protobuf::Message& response,
                      absl::AnyInvocable<void()> then) {
  v1::AuditRecord answered = about_;
  answered.set_event(v1::AUDIT_EVENT_ANSWERED);
  answered.set_code(std::string(CodeName(ToGrpcStatus(status).error_code())));
  if (status.ok()) {
    answered.set_after_json(AuditJson(response));
  } else {
    answered.set_problem(std::string(status.message()));
  }
  log_->End(std::move(answered), std::move(then));
}

// ---- RpcMethod

RpcMethod::RpcMethod(const RpcEnvironment& environment, absl::string_view name, RpcBounds bounds,
                     DescribeBefore describe_before)
    : clock_(environment.clock),
      is_closing_(environment.is_closing),
      access_(environment.access),
      audit_(environment.audit),
      name_(name),
      bounds_(bounds),
      describe_before_(std::move(describe_before)),
      rule_(AccessRule::Of(name)),
      meter_(environment.metrics->AddMeter(name)) {
  FAREBOX_CHECK(clock_ != nullptr && is_closing_ != nullptr && access_ != nullptr &&
                audit_ != nullptr);
}

absl::StatusOr<CallerPtr> RpcMethod::Admit(const grpc::CallbackServerContext& context) const {
  if (is_closing_->load(std::memory_order_relaxed)) return error::ShuttingDown();
  absl::StatusOr<CallerPtr> caller = access_->Identify(context);
  if (!caller.ok() || rule_.Allows(**caller)) return caller;
  const absl::Status denied = error::PermissionDenied("the role may not call this");
  NoteDenied(**caller, context, denied);
  return denied;
}

v1::AuditRecord RpcMethod::About(const Caller& caller,
                                 const grpc::CallbackServerContext& context) const {
  v1::AuditRecord about;
  about.set_caller(caller.name);
  about.set_role(caller.role);
  about.set_peer(access_->PeerOf(context));
  about.set_method(std::string(name_));
  about.set_call_id(MakeCallId());
  return about;
}

void RpcMethod::NoteDenied(const Caller& caller, const grpc::CallbackServerContext& context,
                           const absl::Status& status) const {
  v1::AuditRecord denied = About(caller, context);
  denied.set_event(v1::AUDIT_EVENT_DENIED);
  denied.set_code(std::string(CodeName(grpc::StatusCode::PERMISSION_DENIED)));
  denied.set_problem(std::string(status.message()));
  audit_->NoteDenied(std::move(denied));
}

std::unique_ptr<AuditedCall> RpcMethod::Audit(const Caller& caller,
                                              const grpc::CallbackServerContext& context,
                                              const google::protobuf::Message& request) const {
  if (!rule_.IsAudited(caller)) return nullptr;
  v1::AuditRecord about = About(caller, context);
  about.set_account_id(TextField(request, "account_id"));
  about.set_request_id(TextField(request, "request_id"));
  return std::make_unique<AuditedCall>(audit_, std::move(about), request, &describe_before_);
}

absl::Status RpcMethod::Parse(const grpc::ByteBuffer& bytes,
                              google::protobuf::Message* message) const {
  return ParseMessage(bytes, bounds_.request_bytes_max, message);
}

absl::Time RpcMethod::DeadlineOf(const grpc::CallbackServerContext& context) const {
  const std::chrono::system_clock::time_point deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) {
    return clock_->Now() + bounds_.default_timeout;
  }
  // gRPC counts by the machine's clock; what is left is the same by any.
  return clock_->Now() + (absl::FromChrono(deadline) - SystemClock().Now());
}

grpc::Status RpcMethod::End(const absl::Status& status, absl::Time start) const {
  grpc::Status end = ToGrpcStatus(status);
  meter_->Record(end.error_code(), clock_->Now() - start);
  if (end.error_code() == grpc::StatusCode::INTERNAL) {
    Log(LogLevel::kError, "rpc_failed", {{"method", name_}, {"error", status.ToString()}});
  }
  return end;
}

}  // namespace farebox::server
