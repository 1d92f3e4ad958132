#include "server/recharge/money_back.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/recharge/limits.h"

namespace farebox::server {
namespace {

using stored::v1::MoneyBackCause;
using stored::v1::RechargeAttempt;

}  // namespace

std::string RefundIdOf(const RechargeAttempt& attempt) {
  return absl::StrCat(attempt.recharge_id(), "-back");
}

absl::Status NoteCause(absl::string_view cause_id, bool has_come_again, RechargeAttempt* attempt) {
  if (cause_id.empty()) return absl::InvalidArgumentError("it has no name");
  auto& causes = *attempt->mutable_money_back_causes();
  const auto known = std::find_if(causes.begin(), causes.end(), [&](const MoneyBackCause& cause) {
    return cause.cause_id() == cause_id;
  });
  if (known != causes.end()) {
    // What has come again had gone before.
    if (!has_come_again || known->came_again()) return absl::AlreadyExistsError("it is known");
    known->set_came_again(true);
    return absl::OkStatus();
  }
  if (causes.size() >= limits::kMoneyBackCausesMax) {
    return absl::ResourceExhaustedError("there were too many of this charge");
  }
  MoneyBackCause& cause = *causes.Add();
  cause.set_cause_id(std::string(cause_id));
  cause.set_came_again(has_come_again);
  return absl::OkStatus();
}

bool IsWithCustomer(const RechargeAttempt& attempt) {
  const auto& causes = attempt.money_back_causes();
  return std::any_of(causes.begin(), causes.end(),
                     [](const MoneyBackCause& cause) { return !cause.came_again(); });
}

}  // namespace farebox::server
