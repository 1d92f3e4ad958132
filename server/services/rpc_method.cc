#include "server/services/rpc_method.h"

#include <algorithm>
#include <chrono>

#include "server/errors.h"
#include "server/log.h"
#include "server/services/message.h"
#include "storage/check.h"
#include "storage/errors.h"

namespace farebox::server {

RpcMethod::RpcMethod(const RpcEnvironment& environment, absl::string_view name, RpcBounds bounds)
    : clock_(environment.clock),
      is_closing_(environment.is_closing),
      name_(name),
      bounds_(bounds),
      meter_(environment.metrics->AddMeter(name)) {
  FAREBOX_CHECK(clock_ != nullptr && is_closing_ != nullptr);
}

absl::Status RpcMethod::Admit(const grpc::CallbackServerContext&) const {
  if (is_closing_->load(std::memory_order_relaxed)) return error::ShuttingDown();
  return absl::OkStatus();
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
