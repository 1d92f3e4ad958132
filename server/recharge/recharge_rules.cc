#include "server/recharge/recharge_rules.h"

#include <algorithm>
#include <optional>

#include "absl/time/civil_time.h"
#include "server/recharge/limits.h"

namespace farebox::server {
namespace {

using stored::v1::PaymentCard;
using stored::v1::PaymentProfile;
using stored::v1::RechargeAttempt;

// The last of so many declines in a row stops auto-recharge.
constexpr int32_t kDeclinesMax = static_cast<int32_t>(limits::kDeclinePauses.size());

// Between the first time zone that has a new day, and the last.
constexpr absl::Duration kZonesApart = absl::Hours(26);

std::optional<size_t> FirstChargeable(const PaymentProfile& profile) {
  for (int i = 0; i < profile.cards_size(); ++i) {
    if (profile.cards(i).refused_code().empty()) return static_cast<size_t>(i);
  }
  return std::nullopt;
}

absl::Time StartOfNextDay(absl::Time now, const absl::TimeZone& time_zone) {
  return absl::FromCivil(absl::ToCivilDay(now, time_zone) + 1, time_zone);
}

absl::Time StartOfNextMonth(absl::Time now, const absl::TimeZone& time_zone) {
  return absl::FromCivil(absl::ToCivilMonth(now, time_zone) + 1, time_zone);
}

RechargePlan Obstacle(RechargeObstacle obstacle, absl::Time until = absl::InfiniteFuture()) {
  return {.obstacle = obstacle, .until = until};
}

int32_t ChargesOfDay(const PaymentProfile& profile, int32_t day) {
  if (profile.day() == day) return profile.day_charges();
  return profile.earlier_day() == day ? profile.earlier_day_charges() : 0;
}

void SetChargesOfDay(int32_t day, int32_t charges, PaymentProfile* profile) {
  if (day > profile->day()) {
    profile->set_earlier_day(profile->day());
    profile->set_earlier_day_charges(profile->day_charges());
    profile->set_day(day);
  }
  if (day == profile->day()) return profile->set_day_charges(charges);
  profile->set_earlier_day(day);
  profile->set_earlier_day_charges(charges);
}

int64_t SumOfMonth(const PaymentProfile& profile, int32_t month) {
  if (profile.month() == month) return profile.month_sum_micros();
  return profile.earlier_month() == month ? profile.earlier_month_sum_micros() : 0;
}

void SetSumOfMonth(int32_t month, int64_t sum_micros, PaymentProfile* profile) {
  if (month > profile->month()) {
    profile->set_earlier_month(profile->month());
    profile->set_earlier_month_sum_micros(profile->month_sum_micros());
    profile->set_month(month);
  }
  if (month == profile->month()) return profile->set_month_sum_micros(sum_micros);
  profile->set_earlier_month(month);
  profile->set_earlier_month_sum_micros(sum_micros);
}

void CountForDay(const RechargeAttempt& attempt, PaymentProfile* profile) {
  SetChargesOfDay(attempt.day(), ChargesOfDay(*profile, attempt.day()) + 1, profile);
}

void CountForMonth(const RechargeAttempt& attempt, PaymentProfile* profile) {
  const int64_t sum = SumOfMonth(*profile, attempt.month()) + attempt.amount_micros();
  SetSumOfMonth(attempt.month(), sum, profile);
}

// The end of a pause. One that is longer than any was begun by a clock that ran ahead.
absl::Time EndOfPause(const PaymentProfile& profile, absl::Time now) {
  const absl::Time not_before = absl::FromUnixMicros(profile.not_before_micros());
  return not_before - now <= limits::kDeclinePauses.back() ? not_before : now;
}

int64_t QuotientRoundedUp(int64_t dividend, int64_t divisor) {
  return dividend / divisor + (dividend % divisor != 0 ? 1 : 0);
}

// What is missing up to `target` in whole steps, at least the least charge, as far as there is
// room.
Micros MissingWithin(Micros target, const RechargeSubject& subject, Micros room) {
  const int64_t step = subject.charge_step.value();
  const Micros most(room.value() / step * step);
  if (most < subject.charge_min) return Micros();
  const std::optional<Micros> missing = CheckedSubtract(target, subject.available);
  if (!missing.has_value() || *missing >= most) return most;
  return std::max(Micros(QuotientRoundedUp(missing->value(), step) * step), subject.charge_min);
}

// A multiple of the amount, as far as there is room. An amount that can no longer be charged, as
// the limits were changed since it was set, is made one that can.
Micros MultipleWithin(const v1::AutoRecharge& settings, const RechargeSubject& subject,
                      Micros charge_max, Micros month_room) {
  const int64_t step = subject.charge_step.value();
  const int64_t unit = std::min(settings.amount_micros(), charge_max.value()) / step * step;
  if (unit <= 0) return Micros();
  const int64_t most = std::min(charge_max, month_room).value() / unit;
  const int64_t least = std::max<int64_t>(QuotientRoundedUp(subject.charge_min.value(), unit), 1);
  if (most < least) return Micros();
  const std::optional<Micros> missing =
      CheckedSubtract(Micros(settings.threshold_micros()), subject.available);
  const int64_t wanted = missing.has_value() ? QuotientRoundedUp(missing->value(), unit) : most;
  return Micros(std::clamp(wanted, least, most) * unit);
}

// What would be charged; zero or less where the month has no room for even the least.
Micros AmountWithin(const v1::AutoRecharge& settings, const RechargeSubject& subject,
                    Micros charge_max, Micros month_room) {
  if (settings.mode() == v1::RECHARGE_MODE_TARGET) {
    return MissingWithin(Micros(settings.amount_micros()), subject,
                         std::min(charge_max, month_room));
  }
  return MultipleWithin(settings, subject, charge_max, month_room);
}

}  // namespace

RechargePlan PlanRecharge(const PaymentProfile& profile, const RechargeSubject& subject,
                          Micros charge_max, absl::Time now) {
  const v1::AutoRecharge& settings = profile.auto_recharge();
  if (!settings.enabled()) return Obstacle(RechargeObstacle::kNotEnabled);
  if (!subject.is_open) return Obstacle(RechargeObstacle::kNotOpen);
  if (subject.available >= Micros(settings.threshold_micros())) {
    return Obstacle(RechargeObstacle::kNotLow);
  }
  if (profile.stop() == stored::v1::RECHARGE_STOP_DECLINED) {
    return Obstacle(RechargeObstacle::kStopped);
  }
  const std::optional<size_t> card = FirstChargeable(profile);
  if (!card.has_value()) return Obstacle(RechargeObstacle::kNoCard);
  const absl::Time not_before = EndOfPause(profile, now);
  if (now < not_before) return Obstacle(RechargeObstacle::kBackOff, not_before);

  const int32_t day = DayOf(now, subject.time_zone);
  if (ChargesOfDay(profile, day) >= settings.daily_charges_max()) {
    return Obstacle(RechargeObstacle::kDailyCap, StartOfNextDay(now, subject.time_zone));
  }
  const int64_t month_sum = SumOfMonth(profile, MonthOf(now, subject.time_zone));
  const Micros month_room(settings.monthly_sum_max_micros() - month_sum);
  const Micros amount = AmountWithin(settings, subject, charge_max, month_room);
  if (!amount.is_positive()) {
    return Obstacle(RechargeObstacle::kMonthlyCap, StartOfNextMonth(now, subject.time_zone));
  }
  return {.obstacle = RechargeObstacle::kNone, .amount = amount, .card = *card};
}

int32_t DayOf(absl::Time now, const absl::TimeZone& time_zone) {
  const absl::CivilDay day = absl::ToCivilDay(now, time_zone);
  return static_cast<int32_t>(day.year() * 10'000 + day.month() * 100 + day.day());
}

int32_t MonthOf(absl::Time now, const absl::TimeZone& time_zone) {
  return DayOf(now, time_zone) / 100;
}

void CountCharge(const RechargeAttempt& attempt, PaymentProfile* profile) {
  CountForDay(attempt, profile);
  CountForMonth(attempt, profile);
}

void CountLateCharge(const RechargeAttempt& attempt, PaymentProfile* profile) {
  // One that is older than both that are kept would take the place of the newer one's count.
  const int32_t oldest_day = std::min(profile->day(), profile->earlier_day());
  if (attempt.day() >= oldest_day) CountForDay(attempt, profile);
  const int32_t oldest_month = std::min(profile->month(), profile->earlier_month());
  if (attempt.month() >= oldest_month) CountForMonth(attempt, profile);
}

void UncountCharge(const RechargeAttempt& attempt, PaymentProfile* profile) {
  // One that is not known any more has no count to be taken from.
  if (const int32_t charges = ChargesOfDay(*profile, attempt.day()); charges > 0) {
    SetChargesOfDay(attempt.day(), charges - 1, profile);
  }
  if (const int64_t sum = SumOfMonth(*profile, attempt.month()); sum > 0) {
    SetSumOfMonth(attempt.month(), std::max<int64_t>(sum - attempt.amount_micros(), 0), profile);
  }
}

AfterDecline NoteDecline(absl::string_view card_token, absl::string_view decline_code, bool is_hard,
                         absl::Time now, PaymentProfile* profile) {
  profile->set_last_decline_code(std::string(decline_code));
  if (is_hard) {
    for (PaymentCard& card : *profile->mutable_cards()) {
      if (card.token() == card_token) card.set_refused_code(std::string(decline_code));
    }
    if (FirstChargeable(*profile).has_value()) return AfterDecline::kNextCard;
    profile->set_stop(stored::v1::RECHARGE_STOP_NO_CARD);
    return AfterDecline::kStopped;
  }
  const int32_t declines = std::min(profile->declines_in_a_row() + 1, kDeclinesMax);
  profile->set_declines_in_a_row(declines);
  const absl::Duration pause = limits::kDeclinePauses.at(static_cast<size_t>(declines - 1));
  profile->set_not_before_micros(absl::ToUnixMicros(now + pause));
  if (declines < kDeclinesMax) return AfterDecline::kBackOff;
  profile->set_stop(stored::v1::RECHARGE_STOP_DECLINED);
  return AfterDecline::kStopped;
}

void ForgetDeclines(PaymentProfile* profile) {
  for (PaymentCard& card : *profile->mutable_cards()) card.clear_refused_code();
  profile->clear_stop();
  profile->clear_declines_in_a_row();
  profile->clear_not_before_micros();
  profile->clear_last_decline_code();
}

void ForgetDeclinesOf(absl::string_view card_token, PaymentProfile* profile) {
  const PaymentProfile before = *profile;
  ForgetDeclines(profile);
  for (int i = 0; i < before.cards_size(); ++i) {
    const PaymentCard& card = before.cards(i);
    if (card.token() != card_token)
      profile->mutable_cards(i)->set_refused_code(card.refused_code());
  }
}

void PauseCharges(absl::Time now, PaymentProfile* profile) {
  profile->set_not_before_micros(absl::ToUnixMicros(now + limits::kMisconfiguredPause));
}

bool TellCap(RechargeObstacle cap, const RechargeSubject& subject, absl::Time now,
             PaymentProfile* profile) {
  // A later time zone may bring yesterday back: it has been told of too. What is later than today
  // anywhere was told by a clock that ran ahead.
  const absl::Time latest = now + kZonesApart;
  if (cap == RechargeObstacle::kDailyCap) {
    const int32_t day = DayOf(now, subject.time_zone);
    const int32_t told = profile->cap_told();
    if (told >= day && told <= DayOf(latest, subject.time_zone)) return false;
    profile->set_cap_told(day);
    return true;
  }
  const int32_t month = MonthOf(now, subject.time_zone);
  const int32_t told = profile->month_cap_told();
  if (told >= month && told <= MonthOf(latest, subject.time_zone)) return false;
  profile->set_month_cap_told(month);
  return true;
}

}  // namespace farebox::server
