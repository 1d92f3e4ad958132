#ifndef FAREBOX_SERVER_RECHARGE_RECHARGE_RULES_H_
#define FAREBOX_SERVER_RECHARGE_RECHARGE_RULES_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "farebox/stored/v1/recharge.pb.h"
#include "storage/micros.h"

// When a card is charged, how much, and what a failure leads to. Pure: no disk, no network, no
// clock of their own, so that every rule can be tested with a table.
namespace farebox::server {

// What an account is like at the moment of a decision.
struct RechargeSubject {
  // Balance, less what is held, plus the credit limit.
  Micros available;
  // Neither suspended nor closed.
  bool is_open = true;
  // Days and months are the account's.
  absl::TimeZone time_zone;
  // Cards are charged multiples of this.
  Micros charge_step = Micros(1);
  // And no less than this, a multiple of the step.
  Micros charge_min = Micros(1);
};

// Why no automatic charge is made.
enum class RechargeObstacle {
  // None: it is made.
  kNone,
  // There is money enough.
  kNotLow,
  // The account is suspended or closed.
  kNotOpen,
  // The customer has not enabled it.
  kNotEnabled,
  // Too many declines in a row.
  kStopped,
  // There is no card, or none that may be charged.
  kNoCard,
  // After a decline, until `until`.
  kBackOff,
  // As many charges as a day may have, or as much money as a month may.
  kDailyCap,
  kMonthlyCap,
};

// A decision about one automatic charge.
struct RechargePlan {
  RechargeObstacle obstacle = RechargeObstacle::kNone;
  // What is charged, and the index of the card, for kNone.
  Micros amount;
  size_t card = 0;
  // When to decide anew although nothing has changed: the end of a back-off, the next day or month.
  absl::Time until = absl::InfiniteFuture();
};

// Decides. A fixed amount is multiplied as often as it takes to clear the threshold and to reach
// the least charge, and less often where that is more than a charge or the month may have. One that
// is more than a charge may be is made that much. A target is reached, or passed by less than a
// step or the least charge. Where there is room for less than that, the month is over.
RechargePlan PlanRecharge(const stored::v1::PaymentProfile& profile, const RechargeSubject& subject,
                          Micros charge_max, absl::Time now);

// The day and the month that a charge at `now` counts for: 20260131 and 202601.
int32_t DayOf(absl::Time now, const absl::TimeZone& time_zone);
int32_t MonthOf(absl::Time now, const absl::TimeZone& time_zone);

// The charge that is `attempt` was decided on: it counts for its day and month.
void CountCharge(const stored::v1::RechargeAttempt& attempt, stored::v1::PaymentProfile* profile);
// It was charged although it did not count: it does from now on, as far as its day and its month
// are still known.
void CountLateCharge(const stored::v1::RechargeAttempt& attempt,
                     stored::v1::PaymentProfile* profile);
// It failed for good: it does not count any more.
void UncountCharge(const stored::v1::RechargeAttempt& attempt, stored::v1::PaymentProfile* profile);

// What a decline leads to.
enum class AfterDecline {
  // Another card is charged at once, under a new attempt.
  kNextCard,
  // It is tried again at not_before.
  kBackOff,
  // Auto-recharge has stopped.
  kStopped,
};

// An automatic charge of this card was refused; `is_hard` as the decline's code says.
AfterDecline NoteDecline(absl::string_view card_token, absl::string_view decline_code, bool is_hard,
                         absl::Time now, stored::v1::PaymentProfile* profile);

// A payment by hand succeeded, a card was registered, or somebody asked to try again: declines are
// forgotten.
void ForgetDeclines(stored::v1::PaymentProfile* profile);

// An automatic charge of this card succeeded: the same, but for other cards that were refused for
// good, which stay so.
void ForgetDeclinesOf(absl::string_view card_token, stored::v1::PaymentProfile* profile);

// The provider takes nothing from this server for now: it is tried again later, and is no decline.
void PauseCharges(absl::Time now, stored::v1::PaymentProfile* profile);

// Whether the customer is to be told that this cap is reached; at most once for each day or month.
bool TellCap(RechargeObstacle cap, const RechargeSubject& subject, absl::Time now,
             stored::v1::PaymentProfile* profile);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_RECHARGE_RULES_H_
