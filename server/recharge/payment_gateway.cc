#include "server/recharge/payment_gateway.h"

#include "server/recharge/safe_message.h"

namespace farebox::server {

absl::string_view ChargeStateName(ChargeState state) {
  switch (state) {
    case ChargeState::kCharged:
      return "CHARGED";
    case ChargeState::kDeclined:
      return "DECLINED";
    case ChargeState::kActionRequired:
      return "ACTION_REQUIRED";
    case ChargeState::kPending:
      return "PENDING";
    case ChargeState::kAbsent:
      return "ABSENT";
    case ChargeState::kRejected:
      return "REJECTED";
    case ChargeState::kUnknown:
      return "UNKNOWN";
  }
  return "UNKNOWN";
}

CardCharge RejectedCharge(absl::string_view message) {
  return {.state = ChargeState::kRejected, .message = SafeMessage(message)};
}

}  // namespace farebox::server
