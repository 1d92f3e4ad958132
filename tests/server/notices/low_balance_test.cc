// The rules of low-balance notices.

#include "server/notices/low_balance.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/storage/commands.h"

namespace farebox::server {
namespace {

using stored::v1::LowBalanceNotice;
using Step = LowBalanceStep;

constexpr Micros kThreshold = Cents(10'00);

AccountState StateOf(Micros balance, Micros held = Micros(), Micros credit_limit = Micros()) {
  return {.terms = {.credit_limit = credit_limit, .low_balance_threshold = kThreshold},
          .balance = balance,
          .held = held,
          .last_entry = 7};
}

// It fell, with 9.00 there.
LowBalanceNotice Fallen() {
  LowBalanceNotice notice;
  NoteStep(Step::kFall, StateOf(Cents(9'00)), &notice);
  return notice;
}

TEST(LowBalanceTest, AFallIsOverWhenMoneyHasComeIn) {
  struct Case {
    std::string name;
    LowBalanceNotice notice;
    AccountState state;
    EntryId rise;
    Step step;
  };
  AccountState no_threshold = StateOf(Cents(-1));
  no_threshold.terms.low_balance_threshold = Micros();
  AccountState suspended = StateOf(Cents(1));
  suspended.terms.status = AccountStatus::kSuspended;
  AccountState lower_threshold = StateOf(Cents(8'00));
  lower_threshold.terms.low_balance_threshold = Cents(5'00);
  AccountState higher_threshold = StateOf(Cents(8'00));
  higher_threshold.terms.low_balance_threshold = Cents(50'00);
  const std::vector<Case> cases = {
      {"above", {}, StateOf(Cents(10'00)), 0, Step::kNone},
      {"below", {}, StateOf(Micros(kThreshold.value() - 1)), 0, Step::kFall},
      {"below with what is held", {}, StateOf(Cents(12'00), Cents(3'00)), 0, Step::kFall},
      {"a credit limit counts", {}, StateOf(Cents(9'00), {}, Cents(1'00)), 0, Step::kNone},
      {"no threshold", {}, no_threshold, 0, Step::kNone},
      {"suspended", {}, suspended, 0, Step::kNone},
      {"still low", Fallen(), StateOf(Cents(8'00)), 0, Step::kNone},
      {"a little more, low all the same", Fallen(), StateOf(Cents(9'50)), 0, Step::kNone},
      {"enough again", Fallen(), StateOf(Cents(10'00)), 0, Step::kEnd},
      {"more credit", Fallen(), StateOf(Cents(9'00), {}, Cents(5'00)), 0, Step::kEnd},
      {"rose, and fell again", Fallen(), StateOf(Cents(8'00)), 8, Step::kFall},
      {"rose", Fallen(), StateOf(Cents(20'00)), 8, Step::kEnd},
      {"rose before it fell, and it is only now told so", Fallen(), StateOf(Cents(8'00)), 7,
       Step::kNone},
      {"another threshold, not low", Fallen(), lower_threshold, 0, Step::kEnd},
      {"another threshold, low", Fallen(), higher_threshold, 0, Step::kFall},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(NextStepOf(c.notice, c.state, c.rise), c.step) << c.name;
  }
}

TEST(LowBalanceTest, AHoldThatComesAndGoesIsNoFallOfItsOwn) {
  LowBalanceNotice notice;
  int falls = 0;
  int64_t balance_cents = 10'50;
  for (int call = 0; call < 100; ++call) {
    for (const Micros held : {Cents(2'00), Micros()}) {
      const AccountState state = StateOf(Cents(balance_cents), held);
      const Step step = NextStepOf(notice, state, /*rise=*/0);
      NoteStep(step, state, &notice);
      if (step == Step::kFall) ++falls;
    }
    balance_cents -= 5;
  }

  EXPECT_EQ(falls, 1);
}

TEST(LowBalanceTest, EachFallHasItsNumber) {
  LowBalanceNotice notice = Fallen();
  EXPECT_EQ(notice.falls(), 1);

  NoteStep(Step::kEnd, StateOf(Cents(20'00)), &notice);
  EXPECT_FALSE(notice.is_low());
  NoteStep(Step::kFall, StateOf(Cents(1'00)), &notice);

  EXPECT_TRUE(notice.is_low());
  EXPECT_EQ(notice.falls(), 2);
}

TEST(LowBalanceTest, ACardThatIsChargedByItselfMakesTheNoticeNeedless) {
  struct Case {
    std::string name;
    bool enabled = true;
    bool has_card = true;
    bool refused = false;
    stored::v1::RechargeStop stop = stored::v1::RECHARGE_STOP_UNSPECIFIED;
    absl::Duration not_before;
    bool recharged = false;
  };
  const std::vector<Case> cases = {
      {.name = "charged", .recharged = true},
      {.name = "charged after a pause", .not_before = absl::Hours(1), .recharged = true},
      {.name = "not enabled", .enabled = false},
      {.name = "no card", .has_card = false},
      {.name = "no card that may be charged", .refused = true},
      {.name = "stopped", .stop = stored::v1::RECHARGE_STOP_DECLINED},
  };
  const absl::Time now = absl::FromUnixSeconds(1'770'000'000);
  for (const Case& c : cases) {
    stored::v1::PaymentProfile profile;
    v1::AutoRecharge& settings = *profile.mutable_auto_recharge();
    settings.set_enabled(c.enabled);
    settings.set_amount_micros(Cents(60'00).value());
    settings.set_threshold_micros(Cents(5'00).value());
    settings.set_daily_charges_max(5);
    settings.set_monthly_sum_max_micros(Cents(600'00).value());
    if (c.has_card) profile.add_cards()->set_token("pm");
    if (c.refused) profile.mutable_cards(0)->set_refused_code("lost_card");
    profile.set_stop(c.stop);
    if (c.not_before != absl::ZeroDuration()) {
      profile.set_not_before_micros(absl::ToUnixMicros(now + c.not_before));
    }
    EXPECT_EQ(IsRecharged(profile, now), c.recharged) << c.name;
  }
}

}  // namespace
}  // namespace farebox::server
