#include "server/recharge/recharge_states.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/recharge/limits.h"

namespace farebox::server {
namespace {

using stored::v1::RechargeAttempt;

void Enter(v1::RechargeState state, absl::Time now, absl::Time due, RechargeAttempt* attempt) {
  if (attempt->state() != state) attempt->set_update_micros(absl::ToUnixMicros(now));
  attempt->set_state(state);
  attempt->set_due_micros(due == absl::InfiniteFuture() ? 0 : absl::ToUnixMicros(due));
}

absl::Time NextRetry(const CardCharge& charge, absl::Time now, const RechargeAttempt& attempt) {
  const size_t before = static_cast<size_t>(std::max(attempt.deliveries() - 1, 0));
  const absl::Duration pause =
      limits::kAttemptPauses.at(std::min(before, limits::kAttemptPauses.size() - 1));
  return now + std::clamp(charge.retry_after, pause, limits::kAttemptPauseMax);
}

// Since it was first sent; very long where it was not.
absl::Duration AgeOf(const RechargeAttempt& attempt, absl::Time now) {
  return now - absl::FromUnixMicros(attempt.first_sent_micros());
}

// Of an attempt that was not sent yet, as far as is known.
NextStep FirstStepOf(const RechargeAttempt& attempt, absl::Time now, bool is_from_backup) {
  // It is delivered within moments: one so old has most likely come out of a backup, or nobody
  // waits for it any more.
  const bool is_old = now - absl::FromUnixMicros(attempt.create_micros()) >= limits::kKeyLife;
  if (is_old) return NextStep::kFind;
  if (attempt.has_namesake_doubt()) return NextStep::kFindElseTake;
  if (is_from_backup) return NextStep::kFind;
  // One that had to be looked up once is not sent without.
  return attempt.state() == v1::RECHARGE_STATE_INTENT ? NextStep::kTake : NextStep::kFind;
}

// The provider knows of it, so it was sent, also where this ledger is too old to know.
void NoteSentBefore(RechargeAttempt* attempt) {
  attempt->clear_has_namesake_doubt();
  if (attempt->first_sent_micros() != 0) return;
  attempt->set_first_sent_micros(attempt->create_micros());
  attempt->set_key_is_doubtful(true);
  attempt->set_deliveries(std::max(attempt->deliveries(), 1));
}

void NoteTaken(const CardCharge& charge, absl::Time now, RechargeAttempt* attempt) {
  if (IsWhatWasAskedFor(charge, *attempt)) {
    return Enter(v1::RECHARGE_STATE_SUCCEEDED, now, now, attempt);
  }
  attempt->set_message(absl::StrCat("the provider charged ", charge.amount.value(), " micros ",
                                    charge.currency_code, ", which is not what was asked for"));
  Enter(v1::RECHARGE_STATE_UNKNOWN, now, now + limits::kAttemptPauses.back(), attempt);
}

}  // namespace

bool IsWhatWasAskedFor(const CardCharge& charge, const RechargeAttempt& attempt) {
  return charge.amount == Micros(attempt.amount_micros()) &&
         charge.currency_code == attempt.currency_code();
}

bool HasItsPayment(const RechargeAttempt& attempt) {
  const bool is_charged = attempt.state() == v1::RECHARGE_STATE_CREDITED ||
                          attempt.state() == v1::RECHARGE_STATE_SUCCEEDED || attempt.paid_back();
  return is_charged && !attempt.payment_id().empty();
}

bool IsOpen(const RechargeAttempt& attempt) {
  switch (attempt.state()) {
    case v1::RECHARGE_STATE_CREDITED:
    case v1::RECHARGE_STATE_DECLINED:
    case v1::RECHARGE_STATE_ABANDONED:
      return false;
    default:
      return true;
  }
}

bool IsDue(const RechargeAttempt& attempt, absl::Time now) {
  const absl::Duration left = absl::FromUnixMicros(attempt.due_micros()) - now;
  return left <= absl::ZeroDuration() || left > limits::kAttemptPauseMax;
}

NextStep NextStepOf(const RechargeAttempt& attempt, absl::Time now, bool is_from_backup) {
  if (attempt.state() == v1::RECHARGE_STATE_SUCCEEDED) return NextStep::kCredit;
  if (attempt.first_sent_micros() == 0) return FirstStepOf(attempt, now, is_from_backup);
  const absl::Duration age = AgeOf(attempt, now);
  if (attempt.state() == v1::RECHARGE_STATE_ACTION_REQUIRED) {
    return age < limits::kActionPatience ? NextStep::kFind : NextStep::kCancel;
  }
  // What is still pending by then stays so.
  if (age >= limits::kKeyLife) return attempt.is_pending() ? NextStep::kCancel : NextStep::kFind;
  return attempt.key_is_doubtful() ? NextStep::kFindElseTake : NextStep::kTake;
}

void NoteClock(absl::Time now, RechargeAttempt* attempt) {
  if (now >= absl::FromUnixMicros(attempt->first_sent_micros())) return;
  attempt->set_key_is_doubtful(true);
  attempt->set_first_sent_micros(absl::ToUnixMicros(now));
}

void NoteLookUp(RechargeAttempt* attempt) {
  // What waits for the customer is asked about at its own pace.
  if (attempt->state() == v1::RECHARGE_STATE_ACTION_REQUIRED) return;
  attempt->set_deliveries(attempt->deliveries() + 1);
}

void NoteSending(absl::Time now, RechargeAttempt* attempt) {
  attempt->clear_has_namesake_doubt();
  if (attempt->first_sent_micros() == 0) attempt->set_first_sent_micros(absl::ToUnixMicros(now));
  attempt->set_deliveries(attempt->deliveries() + 1);
  const bool is_first = attempt->state() == v1::RECHARGE_STATE_INTENT;
  // Due at once: who finds it so took no answer, and has nothing to wait for.
  Enter(is_first ? v1::RECHARGE_STATE_SENT : attempt->state(), now, now, attempt);
}

void NoteCharge(const CardCharge& charge, absl::Time now, RechargeAttempt* attempt) {
  if (!charge.payment_id.empty()) {
    attempt->set_payment_id(charge.payment_id);
    NoteSentBefore(attempt);
  }
  if (charge.state != ChargeState::kUnknown) {
    attempt->set_is_pending(charge.state == ChargeState::kPending);
  }
  attempt->set_message(charge.message);
  attempt->set_action_url(charge.action_url);
  switch (charge.state) {
    case ChargeState::kCharged:
      return NoteTaken(charge, now, attempt);
    case ChargeState::kDeclined:
      attempt->set_decline_code(charge.decline_code);
      return Enter(v1::RECHARGE_STATE_DECLINED, now, absl::InfiniteFuture(), attempt);
    case ChargeState::kActionRequired:
      return Enter(v1::RECHARGE_STATE_ACTION_REQUIRED, now, now + limits::kActionPause, attempt);
    case ChargeState::kRejected:
      return Enter(v1::RECHARGE_STATE_ABANDONED, now, absl::InfiniteFuture(), attempt);
    case ChargeState::kAbsent:
      // Nothing can be on its way after so long, or where nothing was sent.
      if (AgeOf(*attempt, now) < limits::kKeyLife) break;
      attempt->set_message("the provider knows of no such payment");
      return Enter(v1::RECHARGE_STATE_ABANDONED, now, absl::InfiniteFuture(), attempt);
    case ChargeState::kPending:
    case ChargeState::kUnknown:
      break;
  }
  Enter(v1::RECHARGE_STATE_UNKNOWN, now, NextRetry(charge, now, *attempt), attempt);
}

void NotePaidBack(const absl::Status& refund, absl::Time now, RechargeAttempt* attempt) {
  if (refund.ok()) {
    attempt->set_message("the account was closed meanwhile; the money went back to the card");
    attempt->set_paid_back(true);
    return Enter(v1::RECHARGE_STATE_ABANDONED, now, absl::InfiniteFuture(), attempt);
  }
  attempt->set_message(absl::StrCat(
      "charged, but the account was closed meanwhile, and the money could not be sent back yet: ",
      refund.message()));
  Enter(v1::RECHARGE_STATE_SUCCEEDED, now, now + limits::kAttemptPauses.back(), attempt);
}

void NoteNotPaidBack(RechargeAttempt* attempt) {
  attempt->set_paid_back(false);
  attempt->set_message(
      "charged, but the account was closed meanwhile, and the refund failed at the bank");
}

void NoteCredited(int64_t entry_id, absl::Time now, RechargeAttempt* attempt) {
  attempt->set_entry_id(entry_id);
  Enter(v1::RECHARGE_STATE_CREDITED, now, absl::InfiniteFuture(), attempt);
}

ChargeRequest RequestOf(const RechargeAttempt& attempt) {
  const stored::v1::PaymentCard& card = attempt.card();
  return {.attempt_id = attempt.recharge_id(),
          .account_id = attempt.account_id(),
          .amount = Micros(attempt.amount_micros()),
          .currency_code = attempt.currency_code(),
          .card = {.token = card.token(),
                   .customer = card.customer(),
                   .brand = card.brand(),
                   .last_four = card.last_four(),
                   .expiry_month = card.expiry_month(),
                   .expiry_year = card.expiry_year()}};
}

ChargeReference ReferenceOf(const RechargeAttempt& attempt) {
  if (attempt.has_namesake_doubt()) {
    return {.attempt_id = attempt.recharge_id(), .account_id = attempt.account_id()};
  }
  return {.attempt_id = attempt.recharge_id(),
          .payment_id = attempt.payment_id(),
          .customer = attempt.card().customer(),
          .account_id = attempt.account_id()};
}

}  // namespace farebox::server
