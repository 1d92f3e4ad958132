#include "server/recharge/money_back.h"

#include "absl/strings/str_cat.h"

namespace farebox::server {
namespace {

using stored::v1::RechargeAttempt;

}  // namespace

std::string RefundIdOf(const RechargeAttempt& attempt) {
  return absl::StrCat(attempt.recharge_id(), "-back");
}

}  // namespace farebox::server
