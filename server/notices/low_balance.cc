#include "server/notices/low_balance.h"

#include "server/recharge/recharge_rules.h"
#include "storage/limits.h"

namespace farebox::server {
namespace {

using stored::v1::LowBalanceNotice;

bool IsLow(const AccountState& state) {
  const Micros threshold = state.terms.low_balance_threshold;
  return state.terms.status == AccountStatus::kOpen && threshold.is_positive() &&
         state.available() < threshold;
}

}  // namespace

Micros FundsOf(const AccountState& state) {
  return Micros(state.balance.value() + state.terms.credit_limit.value());
}

LowBalanceStep NextStepOf(const LowBalanceNotice& notice, const AccountState& state, EntryId rise) {
  const bool is_low = IsLow(state);
  const bool is_other_threshold =
      notice.threshold_micros() != state.terms.low_balance_threshold.value();
  const bool has_more = FundsOf(state).value() > notice.funds_micros();
  const bool is_over = rise > notice.entry_id() || is_other_threshold || (!is_low && has_more);
  if (is_low) return !notice.is_low() || is_over ? LowBalanceStep::kFall : LowBalanceStep::kNone;
  return notice.is_low() && is_over ? LowBalanceStep::kEnd : LowBalanceStep::kNone;
}

void NoteStep(LowBalanceStep step, const AccountState& state, LowBalanceNotice* notice) {
  if (step == LowBalanceStep::kNone) return;
  notice->set_is_low(step == LowBalanceStep::kFall);
  if (step == LowBalanceStep::kFall) notice->set_falls(notice->falls() + 1);
  notice->set_funds_micros(FundsOf(state).value());
  notice->set_entry_id(state.last_entry);
  notice->set_threshold_micros(state.terms.low_balance_threshold.value());
}

bool IsRecharged(const stored::v1::PaymentProfile& profile, absl::Time now) {
  // As if it were lower already than where it is charged.
  const RechargeSubject subject = {.available =
                                       Micros(profile.auto_recharge().threshold_micros() - 1)};
  switch (PlanRecharge(profile, subject, limits::kAmountMax, now).obstacle) {
    case RechargeObstacle::kNotEnabled:
    case RechargeObstacle::kStopped:
    case RechargeObstacle::kNoCard:
    case RechargeObstacle::kNotOpen:
    case RechargeObstacle::kNotLow:
      return false;
    case RechargeObstacle::kNone:
    case RechargeObstacle::kBackOff:
    case RechargeObstacle::kDailyCap:
    case RechargeObstacle::kMonthlyCap:
      return true;
  }
  return false;
}

}  // namespace farebox::server
