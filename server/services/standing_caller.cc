#include "server/services/standing_caller.h"

#include "storage/status_macros.h"

namespace farebox::server {
namespace {

constexpr absl::Duration kLookPause = absl::Milliseconds(500);

}  // namespace

absl::Status StandingCaller::Check() {
  const absl::Time now = method_.Now();
  const absl::Duration left =
      absl::FromUnixMicros(look_again_micros_.load(std::memory_order_relaxed)) - now;
  // More than a pause is left where the clock was set back.
  if (left > absl::ZeroDuration() && left <= kLookPause) return absl::OkStatus();
  // Where they have lost it, every further look says so too.
  FAREBOX_RETURN_IF_ERROR(method_.CheckIsKnown(call_));
  look_again_micros_.store(absl::ToUnixMicros(now + kLookPause), std::memory_order_relaxed);
  return absl::OkStatus();
}

}  // namespace farebox::server
