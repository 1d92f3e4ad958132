#ifndef FAREBOX_SERVER_SERVICES_PENDING_CALL_H_
#define FAREBOX_SERVER_SERVICES_PENDING_CALL_H_

#include <utility>

#include "storage/errors.h"

namespace farebox::server {

// A call that waits for a thread, as a part of what is posted there: answered SHUTTING_DOWN where
// that is dropped. `Call` is a UnaryCall. Thread-compatible.
template <typename Call>
class PendingCall {
 public:
  explicit PendingCall(Call* call) : call_(call) {}
  ~PendingCall() {
    if (call_ != nullptr) call_->Finish(error::ShuttingDown());
  }
  PendingCall(PendingCall&& other) noexcept : call_(std::exchange(other.call_, nullptr)) {}
  PendingCall& operator=(PendingCall&&) = delete;

  // For whoever answers it now.
  Call* Take() { return std::exchange(call_, nullptr); }

 private:
  Call* call_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_PENDING_CALL_H_
