#include "client/cpp/retry.h"

#include <algorithm>
#include <utility>

#include "absl/random/uniform_real_distribution.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "client/cpp/errors.h"

namespace farebox::client {
namespace {

constexpr absl::string_view kPaymentPending = "PAYMENT_PENDING";
constexpr absl::string_view kStorageFailed = "STORAGE_FAILED";

// Whether the attempt may have made the change, for all that is known.
bool IsLost(const absl::Status& status) {
  const std::string reason = ErrorOf(status).reason;
  if (!reason.empty()) return reason == kStorageFailed;
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsCancelled(status);
}

// Whether the server has looked at the change itself, and so at what an earlier attempt did.
bool IsVerdict(const absl::Status& status) {
  const std::string reason = ErrorOf(status).reason;
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return reason == kPaymentPending;
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
    // A fault of the server's, which may have come before it looked.
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kCancelled:
      return false;
    default:
      return !reason.empty();
  }
}

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
  if (IsLost(status)) lost_ = status;
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

absl::Status RetryPlan::EndOfChange(absl::Status last) const {
  if (lost_.ok() || IsLost(last) || IsVerdict(last)) return last;
  const std::string reason = ErrorOf(last).reason;
  absl::Status end(lost_.code(),
                   absl::StrCat(lost_.message(), "; the last attempt ended ",
                                reason.empty() ? absl::StatusCodeToString(last.code()) : reason));
  lost_.ForEachPayload(
      [&end](absl::string_view url, const absl::Cord& payload) { end.SetPayload(url, payload); });
  return end;
}

}  // namespace farebox::client
