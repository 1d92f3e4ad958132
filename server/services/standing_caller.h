#ifndef FAREBOX_SERVER_SERVICES_STANDING_CALLER_H_
#define FAREBOX_SERVER_SERVICES_STANDING_CALLER_H_

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "server/services/call_context.h"
#include "server/services/rpc_method.h"

namespace farebox::server {

// The caller of a stream, who may lose the right to it while it goes on: a key is revoked or
// expires, a session ends. Thread-safe.
class StandingCaller {
 public:
  // Both outlive it. The call has been admitted, or will be before anything is asked.
  StandingCaller(const RpcMethod& method, const CallContext& call) : method_(method), call_(call) {}

  // To be asked before something is done for them. UNAUTHENTICATED within half a second after they
  // lost it; in between it costs a look at the clock.
  absl::Status Check();

 private:
  const RpcMethod& method_;
  const CallContext& call_;
  std::atomic<int64_t> look_again_micros_{0};
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_STANDING_CALLER_H_
