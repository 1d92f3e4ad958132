#ifndef FAREBOX_TESTS_SUPPORT_STATUS_MATCHERS_H_
#define FAREBOX_TESTS_SUPPORT_STATUS_MATCHERS_H_

// Matchers of a Status, or of the one in a StatusOr: a failed expectation says what it was.

#include <gmock/gmock.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/errors.h"

namespace farebox {

inline const absl::Status& StatusIn(const absl::Status& status) { return status; }
template <typename Value>
const absl::Status& StatusIn(const absl::StatusOr<Value>& result) {
  return result.status();
}

MATCHER(IsOk, "") {
  *result_listener << StatusIn(arg);
  return StatusIn(arg).ok();
}

MATCHER_P(HasCode, code, "") {
  *result_listener << StatusIn(arg);
  return StatusIn(arg).code() == code;
}

MATCHER_P(FailsWith, reason, "fails with " + std::string(ReasonName(reason))) {
  *result_listener << StatusIn(arg);
  return !StatusIn(arg).ok() && GetReason(StatusIn(arg)) == reason;
}

}  // namespace farebox

#endif  // FAREBOX_TESTS_SUPPORT_STATUS_MATCHERS_H_
