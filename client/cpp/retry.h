#ifndef FAREBOX_CLIENT_CPP_RETRY_H_
#define FAREBOX_CLIENT_CPP_RETRY_H_

#include <optional>
#include <string>

#include "absl/random/bit_gen_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cpp/options.h"

namespace grpc {
class ChannelInterface;
}  // namespace grpc

namespace farebox::client {

// Whether the same request may be answered otherwise a moment later: UNAVAILABLE, DEADLINE_EXCEEDED
// of one attempt, RESOURCE_EXHAUSTED where the server says when to come back (a message that is too
// large stays too large), and CANCELLED, which gRPC says to what arrives while a server's
// connections go away. A payment that is pending is answered: the bank or its customer takes
// minutes or days. Repeating is safe since the request id makes it the same change.
bool IsRetryable(const absl::Status& status);

// The pauses between attempts: growing, and varied. Thread-compatible.
class Backoff {
 public:
  explicit Backoff(const RetryOptions& options)
      : pause_(options.pause_first), pause_max_(options.pause_max) {}

  // Between half and the whole of what it would be without variation.
  absl::Duration Next(absl::BitGenRef bits);

 private:
  absl::Duration pause_;
  absl::Duration pause_max_;
};

// Decides, for one call, how long each attempt may take and whether another follows. Has no clock:
// is told how much of the call's time is over. Thread-compatible.
class RetryPlan {
 public:
  // The whole call may take `timeout`.
  RetryPlan(const RetryOptions& options, absl::Duration timeout)
      : options_(options), timeout_(timeout), backoff_(options) {}

  // How long an attempt that begins now may take.
  absl::Duration AttemptTimeout(absl::Duration elapsed) const;

  // How long to wait before the next attempt; nothing where `status` is how the call ends: it is
  // final, or no time or attempt is left.
  std::optional<absl::Duration> PauseAfter(const absl::Status& status, absl::Duration elapsed,
                                           absl::BitGenRef bits);

  // What a change ends with whose last attempt ended with `last`: that, unless an earlier attempt
  // was lost and `last` does not tell what became of it (OVERLOADED: nothing was done by this one).
  // Then it may have been made, and this is how the earlier one ended.
  absl::Status EndOfChange(absl::Status last) const;

 private:
  const RetryOptions options_;
  const absl::Duration timeout_;
  Backoff backoff_;
  int attempts_ = 0;
  // How the newest attempt ended that may have made the change; OK where there is none.
  absl::Status lost_;
};

// How one call is made.
struct CallPlan {
  RetryPlan retry;
  std::string traceparent;  // Sent with each attempt; none if empty.
  grpc::ChannelInterface* channel = nullptr;
};

}  // namespace farebox::client

#endif  // FAREBOX_CLIENT_CPP_RETRY_H_
