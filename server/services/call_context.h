#ifndef FAREBOX_SERVER_SERVICES_CALL_CONTEXT_H_
#define FAREBOX_SERVER_SERVICES_CALL_CONTEXT_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "server/base/trace.h"
#include "server/security/caller.h"
#include "server/transport/client_socket.h"

namespace farebox::server {

// One call of an RPC as it is seen from outside: since when, from where, by whom, and under which
// trace it is written about. One a call; thread-compatible.
class CallContext {
 public:
  // gRPC's context outlives it.
  CallContext(grpc::CallbackServerContext* context, absl::Time start_time)
      : context_(context), start_time_(start_time) {}
  CallContext(const CallContext&) = delete;
  CallContext& operator=(const CallContext&) = delete;

  const grpc::CallbackServerContext& grpc() const { return *context_; }
  absl::Time start_time() const { return start_time_; }
  std::string peer() const { return context_->peer(); }

  // Null until RpcMethod::Admit has found out who calls.
  const CallerPtr& caller() const { return caller_; }
  void set_caller(CallerPtr caller) { caller_ = std::move(caller); }

  // What it came by; null where nobody watches that.
  const ClientSocketPtr& socket() const { return socket_; }
  void set_socket(ClientSocketPtr socket) { socket_ = std::move(socket); }

  // What log lines and the audit log have of this call: a span of the trace that its caller has
  // named, or of a new one. Whoever asks for it has its caller be told of it.
  const TraceSpan& trace();

  // Tells the caller under which trace something has been written, or it has named itself, in the
  // trailing metadata. Before the call is finished.
  void TellTrace();

 private:
  // Whether the caller sent the header at all.
  bool HasTraceparent() const;

  grpc::CallbackServerContext* const context_;
  const absl::Time start_time_;
  CallerPtr caller_;
  ClientSocketPtr socket_;
  std::optional<TraceSpan> trace_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_CALL_CONTEXT_H_
