#ifndef FAREBOX_SERVER_SERVICES_RPC_METHOD_H_
#define FAREBOX_SERVER_SERVICES_RPC_METHOD_H_

#include <atomic>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/status.h"
#include "server/limits.h"
#include "server/rpc_metrics.h"
#include "storage/clock.h"

namespace farebox::server {

// What every RPC needs, all of it. Outlives the services.
struct RpcEnvironment {
  const Clock* clock = nullptr;
  RpcMetrics* metrics = nullptr;
  // Set when the server is about to stop: what comes then is turned away.
  const std::atomic<bool>* is_closing = nullptr;
};

struct RpcBounds {
  size_t request_bytes_max = limits::kRequestBytesMax;
  absl::Duration default_timeout = limits::kDefaultTimeout;
};

// What is the same for all calls of one RPC. Thread-safe; constant after construction.
class RpcMethod {
 public:
  // `name` as in "farebox.v1.BillingService/Debit".
  RpcMethod(const RpcEnvironment& environment, absl::string_view name, RpcBounds bounds = {});
  RpcMethod(const RpcMethod&) = delete;
  RpcMethod& operator=(const RpcMethod&) = delete;

  absl::Time Now() const { return clock_->Now(); }

  // The first step of every call: who is calling, and whether they may. Nobody is asked who they
  // are yet; SHUTTING_DOWN is all it fails with.
  absl::Status Admit(const grpc::CallbackServerContext& context) const;

  // Fails with MESSAGE_TOO_LARGE or FIELD_INVALID.
  absl::Status Parse(const grpc::ByteBuffer& bytes, google::protobuf::Message* message) const;

  // When the caller stops waiting, by the server's clock: the caller's deadline, or the default.
  absl::Time DeadlineOf(const grpc::CallbackServerContext& context) const;

  // Turns a call's end into the form in which its caller gets it, counts it, and logs what is the
  // server's own fault.
  grpc::Status End(const absl::Status& status, absl::Time start) const;

 private:
  const Clock* const clock_;
  const std::atomic<bool>* const is_closing_;
  const absl::string_view name_;
  const RpcBounds bounds_;
  RpcMetrics::Meter* const meter_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_RPC_METHOD_H_
