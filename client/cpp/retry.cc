#include "client/cpp/retry.h"

#include <algorithm>

#include "absl/random/uniform_real_distribution.h"
#include "absl/strings/string_view.h"
#include "client/cpp/errors.h"

namespace farebox::client {
namespace {

constexpr absl::string_view kPaymentPending = "PAYMENT_PENDING";

}  // namespace

bool IsRetryable(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return ErrorOf(status).reason != kPaymentPending;
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
      return true;
    case absl::StatusCode::kResourceExhausted:
      return ErrorOf(status).retry_after.has_value();
    default:
      return false;
  }
}

absl::Duration Backoff::Next(absl::BitGenRef bits) {
  const absl::Duration pause = std::min(pause_, pause_max_);
  pause_ = pause * 2;
  return pause * absl::uniform_real_distribution<double>(0.5, 1.0)(bits);
}

absl::Duration RetryPlan::AttemptTimeout(absl::Duration elapsed) const {
  return std::clamp(timeout_ - elapsed, absl::ZeroDuration(), options_.attempt_timeout);
}

std::optional<absl::Duration> RetryPlan::PauseAfter(const absl::Status& status,
                                                    absl::Duration elapsed, absl::BitGenRef bits) {
  ++attempts_;
  if (!IsRetryable(status) || attempts_ >= options_.attempts_max) return std::nullopt;
  absl::Duration pause = backoff_.Next(bits);
  const std::optional<absl::Duration> asked = ErrorOf(status).retry_after;
  if (asked.has_value() && *asked > pause) {
    // Not before the time that was asked for, and not all at that time.
    pause = *asked * absl::uniform_real_distribution<double>(1.0, 1.25)(bits);
  }
  if (elapsed + pause >= timeout_) return std::nullopt;
  return pause;
}

}  // namespace farebox::client
