#include "server/recharge/recharge_rules.h"

#include <gtest/gtest.h>

#include <vector>

namespace farebox::server {
namespace {

using stored::v1::PaymentCard;
using stored::v1::PaymentProfile;

constexpr Micros kChargeMax(500'000'000);

absl::Time At(int month, int day, int hour) {
  return absl::FromCivil(absl::CivilHour(2026, month, day, hour), absl::UTCTimeZone());
}

Micros Units(int64_t units) { return Micros(units * 1'000'000); }

PaymentProfile SomeProfile(v1::RechargeMode mode = v1::RECHARGE_MODE_FIXED) {
  PaymentProfile profile;
  v1::AutoRecharge& settings = *profile.mutable_auto_recharge();
  settings.set_enabled(true);
  settings.set_mode(mode);
  settings.set_amount_micros(Units(60).value());
  settings.set_threshold_micros(Units(15).value());
  settings.set_daily_charges_max(5);
  settings.set_monthly_sum_max_micros(Units(1200).value());
  profile.add_cards()->set_token("card-1");
  return profile;
}

RechargeSubject With(Micros available) {
  return {.available = available,
          .time_zone = absl::UTCTimeZone(),
          .charge_step = Micros(10'000),
          .charge_min = Micros(500'000)};
}

RechargePlan Plan(const PaymentProfile& profile, Micros available) {
  return PlanRecharge(profile, With(available), kChargeMax, At(3, 10, 12));
}

TEST(PlanRechargeTest, AFixedAmountIsMultipliedUntilItClearsTheThreshold) {
  struct Case {
    int64_t available;
    int64_t charged;
  };
  for (const Case& c : std::vector<Case>{{14, 60}, {0, 60}, {-45, 60}, {-46, 120}, {-105, 120}}) {
    const RechargePlan plan = Plan(SomeProfile(), Units(c.available));
    EXPECT_EQ(plan.obstacle, RechargeObstacle::kNone);
    EXPECT_EQ(plan.amount, Units(c.charged)) << c.available;
  }
}

TEST(PlanRechargeTest, ATargetIsReachedAndPassedByLessThanACent) {
  const PaymentProfile profile = SomeProfile(v1::RECHARGE_MODE_TARGET);

  EXPECT_EQ(Plan(profile, Units(-10)).amount, Units(70));
  EXPECT_EQ(Plan(profile, Micros(12'340'000)).amount, Micros(47'660'000));
  EXPECT_EQ(Plan(profile, Micros(12'340'001)).amount, Micros(47'660'000));
  EXPECT_EQ(Plan(profile, Micros(12'349'999)).amount, Micros(47'660'000));
}

TEST(PlanRechargeTest, OnlyWholeCentsOfWhatIsLeftOfTheMonthAreCharged) {
  PaymentProfile profile = SomeProfile(v1::RECHARGE_MODE_TARGET);
  profile.set_month(202603);
  profile.set_month_sum_micros(Units(1200).value() - 529'999);
  EXPECT_EQ(Plan(profile, Units(0)).amount, Micros(520'000));
}

TEST(PlanRechargeTest, ARestOfTheMonthThatIsTooSmallToBeChargedIsItsEnd) {
  PaymentProfile profile = SomeProfile(v1::RECHARGE_MODE_TARGET);
  profile.set_month(202603);
  profile.set_month_sum_micros(Units(1200).value() - 500'000);
  EXPECT_EQ(Plan(profile, Units(0)).amount, Micros(500'000));

  profile.set_month_sum_micros(Units(1200).value() - 499'999);
  EXPECT_EQ(Plan(profile, Units(0)).obstacle, RechargeObstacle::kMonthlyCap);
  EXPECT_EQ(Plan(profile, Units(0)).until, At(4, 1, 0));
}

TEST(PlanRechargeTest, LessThanCanBeChargedIsMadeThatMuch) {
  PaymentProfile profile = SomeProfile(v1::RECHARGE_MODE_TARGET);
  profile.mutable_auto_recharge()->set_threshold_micros(59'900'000);

  EXPECT_EQ(Plan(profile, Micros(59'800'000)).amount, Micros(500'000));
  EXPECT_EQ(Plan(profile, Micros(59'490'000)).amount, Micros(510'000));
}

TEST(PlanRechargeTest, NoChargeIsLargerThanOneMayBe) {
  EXPECT_EQ(Plan(SomeProfile(), Units(-10'000)).amount, Units(480));
  EXPECT_EQ(Plan(SomeProfile(v1::RECHARGE_MODE_TARGET), Units(-10'000)).amount, Units(500));
  EXPECT_EQ(Plan(SomeProfile(), Micros::Min()).amount, Units(480));
}

TEST(PlanRechargeTest, AFixedAmountThatTheLimitsAllowNoMoreIsMadeOneThatTheyDo) {
  PaymentProfile profile = SomeProfile();
  v1::AutoRecharge& settings = *profile.mutable_auto_recharge();
  settings.set_amount_micros(Units(800).value());
  EXPECT_EQ(Plan(profile, Units(0)).amount, Units(500));
  EXPECT_EQ(Plan(profile, Units(-10'000)).amount, Units(500));

  settings.set_amount_micros(60'005'000);
  EXPECT_EQ(Plan(profile, Units(0)).amount, Units(60)) << "in whole cents";

  settings.set_amount_micros(200'000);
  settings.set_threshold_micros(Units(15).value());
  EXPECT_EQ(Plan(profile, Micros(14'900'000)).amount, Micros(600'000)) << "at least 0.50";
  profile.set_month(202603);
  profile.set_month_sum_micros(Units(1200).value() - 500'000);
  EXPECT_EQ(Plan(profile, Micros(14'900'000)).obstacle, RechargeObstacle::kMonthlyCap);
}

TEST(PlanRechargeTest, WhatIsLeftOfTheMonthIsCharged) {
  PaymentProfile profile = SomeProfile();
  profile.set_month(202603);
  profile.set_month_sum_micros(Units(1100).value());
  EXPECT_EQ(Plan(profile, Units(-100)).amount, Units(60));

  profile.set_month_sum_micros(Units(1141).value());
  const RechargePlan plan = Plan(profile, Units(0));
  EXPECT_EQ(plan.obstacle, RechargeObstacle::kMonthlyCap);
  EXPECT_EQ(plan.until, At(4, 1, 0));

  profile.set_month(202602);
  EXPECT_EQ(Plan(profile, Units(0)).obstacle, RechargeObstacle::kNone);
}

TEST(PlanRechargeTest, ADayHasItsCharges) {
  PaymentProfile profile = SomeProfile();
  profile.set_day(20260310);
  profile.set_day_charges(5);

  const RechargePlan plan = Plan(profile, Units(0));
  EXPECT_EQ(plan.obstacle, RechargeObstacle::kDailyCap);
  EXPECT_EQ(plan.until, At(3, 11, 0));

  profile.set_day(20260309);
  EXPECT_EQ(Plan(profile, Units(0)).obstacle, RechargeObstacle::kNone);
}

TEST(PlanRechargeTest, DaysAreTheAccounts) {
  absl::TimeZone tokyo;
  ASSERT_TRUE(absl::LoadTimeZone("Asia/Tokyo", &tokyo));

  EXPECT_EQ(DayOf(At(3, 31, 16), tokyo), 20260401);
  EXPECT_EQ(MonthOf(At(3, 31, 16), tokyo), 202604);
  EXPECT_EQ(DayOf(At(3, 31, 16), absl::UTCTimeZone()), 20260331);
}

TEST(PlanRechargeTest, EachObstacleHasItsName) {
  PaymentProfile off = SomeProfile();
  off.mutable_auto_recharge()->set_enabled(false);
  PaymentProfile stopped = SomeProfile();
  stopped.set_stop(stored::v1::RECHARGE_STOP_DECLINED);
  PaymentProfile without_card = SomeProfile();
  without_card.clear_cards();
  PaymentProfile waiting = SomeProfile();
  waiting.set_not_before_micros(absl::ToUnixMicros(At(3, 10, 13)));

  EXPECT_EQ(Plan(SomeProfile(), Units(15)).obstacle, RechargeObstacle::kNotLow);
  EXPECT_EQ(Plan(off, Units(0)).obstacle, RechargeObstacle::kNotEnabled);
  EXPECT_EQ(Plan(stopped, Units(0)).obstacle, RechargeObstacle::kStopped);
  EXPECT_EQ(Plan(without_card, Units(0)).obstacle, RechargeObstacle::kNoCard);
  EXPECT_EQ(Plan(waiting, Units(0)).obstacle, RechargeObstacle::kBackOff);
  EXPECT_EQ(Plan(waiting, Units(0)).until, At(3, 10, 13));
}

TEST(ForgetDeclinesTest, ACardThatWasRefusedForGoodStaysSoWhenAnotherPays) {
  PaymentProfile profile = SomeProfile();
  profile.mutable_cards(0)->set_refused_code("stolen_card");
  PaymentCard* const second = profile.add_cards();
  second->set_token("card-2");
  second->set_refused_code("expired_card");
  profile.set_declines_in_a_row(2);
  profile.set_not_before_micros(absl::ToUnixMicros(At(3, 10, 13)));

  ForgetDeclinesOf("card-2", &profile);
  EXPECT_EQ(profile.cards(0).refused_code(), "stolen_card");
  EXPECT_EQ(profile.cards(1).refused_code(), "");
  EXPECT_EQ(profile.declines_in_a_row(), 0);
  EXPECT_EQ(Plan(profile, Units(0)).card, 1u);

  ForgetDeclines(&profile);
  EXPECT_EQ(Plan(profile, Units(0)).card, 0u);
}

// A clock that runs a month ahead for a while.
constexpr absl::Duration kAhead = absl::Hours(24 * 30);

stored::v1::RechargeAttempt SomeAttempt(absl::Time now) {
  stored::v1::RechargeAttempt attempt;
  attempt.set_day(DayOf(now, absl::UTCTimeZone()));
  attempt.set_month(MonthOf(now, absl::UTCTimeZone()));
  attempt.set_amount_micros(Units(60).value());
  return attempt;
}

TEST(ClockAheadTest, APauseThatItHasBegunHoldsNothingBack) {
  PaymentProfile profile = SomeProfile();
  for (int i = 0; i < 3; ++i) {
    NoteDecline("card-1", "do_not_honor", /*is_hard=*/false, At(3, 10, 12) + kAhead, &profile);
  }
  EXPECT_EQ(Plan(profile, Units(0)).obstacle, RechargeObstacle::kNone);

  // The longest there is.
  profile = SomeProfile();
  for (int i = 0; i < 4; ++i) {
    NoteDecline("card-1", "do_not_honor", /*is_hard=*/false, At(3, 10, 12), &profile);
  }
  profile.clear_stop();
  EXPECT_EQ(Plan(profile, Units(0)).obstacle, RechargeObstacle::kBackOff);
  EXPECT_EQ(Plan(profile, Units(0)).until, At(3, 13, 12));
}

TEST(ClockAheadTest, WhatTheDayAndTheMonthHadIsKnownOnceTheClockIsRight) {
  const absl::Time now = At(3, 10, 12);
  PaymentProfile profile = SomeProfile();
  profile.mutable_auto_recharge()->set_daily_charges_max(20);
  for (int i = 0; i < 19; ++i) CountCharge(SomeAttempt(now), &profile);
  CountCharge(SomeAttempt(now + kAhead), &profile);

  EXPECT_EQ(Plan(profile, Units(-1000)).amount, Units(60)) << "19 of 20 times 60 are used";
  CountCharge(SomeAttempt(now), &profile);
  EXPECT_EQ(Plan(profile, Units(0)).obstacle, RechargeObstacle::kDailyCap);
  profile.mutable_auto_recharge()->set_daily_charges_max(100);
  EXPECT_EQ(Plan(profile, Units(0)).obstacle, RechargeObstacle::kMonthlyCap);
  UncountCharge(SomeAttempt(now), &profile);
  EXPECT_EQ(Plan(profile, Units(0)).obstacle, RechargeObstacle::kNone);

  // The days and months after that are counted as ever.
  CountCharge(SomeAttempt(now + absl::Hours(24)), &profile);
  EXPECT_EQ(profile.earlier_day(), 20260311);
  EXPECT_EQ(profile.earlier_day_charges(), 1);
  EXPECT_EQ(profile.earlier_month_sum_micros(), Units(20 * 60).value());
}

TEST(ClockAheadTest, ACapIsToldThoughItWasToldAhead) {
  const RechargeSubject subject = With(Units(0));
  PaymentProfile profile = SomeProfile();
  for (const RechargeObstacle cap : {RechargeObstacle::kDailyCap, RechargeObstacle::kMonthlyCap}) {
    EXPECT_TRUE(TellCap(cap, subject, At(3, 10, 12) + kAhead, &profile));

    EXPECT_TRUE(TellCap(cap, subject, At(3, 10, 12), &profile));
    EXPECT_FALSE(TellCap(cap, subject, At(3, 10, 13), &profile));
  }
}

TEST(CountChargeTest, WhatIsHeardOfLateCountsAsFarAsItsDayAndMonthAreKnown) {
  PaymentProfile profile = SomeProfile();
  CountCharge(SomeAttempt(At(3, 9, 12)), &profile);
  CountCharge(SomeAttempt(At(3, 10, 12)), &profile);

  for (const int day : {8, 9, 10}) CountLateCharge(SomeAttempt(At(3, day, 12)), &profile);

  EXPECT_EQ(profile.day(), 20260310);
  EXPECT_EQ(profile.day_charges(), 2);
  EXPECT_EQ(profile.earlier_day(), 20260309);
  EXPECT_EQ(profile.earlier_day_charges(), 2);
  EXPECT_EQ(profile.month_sum_micros(), Units(5 * 60).value());
}

TEST(CountChargeTest, WhatFailedDoesNotCount) {
  PaymentProfile profile = SomeProfile();
  stored::v1::RechargeAttempt attempt = SomeAttempt(At(3, 10, 12));

  CountCharge(attempt, &profile);
  CountCharge(attempt, &profile);
  UncountCharge(attempt, &profile);
  EXPECT_EQ(profile.day_charges(), 1);
  EXPECT_EQ(profile.month_sum_micros(), Units(60).value());

  attempt.set_day(20260401);
  attempt.set_month(202604);
  CountCharge(attempt, &profile);
  EXPECT_EQ(profile.day_charges(), 1);
  EXPECT_EQ(profile.month_sum_micros(), Units(60).value());
}

}  // namespace
}  // namespace farebox::server
