#include "tools/drivers/player.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/clock.h"
#include "tools/drivers/fake_billing.h"
#include "tools/drivers/session.h"

namespace farebox::drivers {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kCallDeck[] =
    "item,prefix,connect_fee,attempt_fee,rate_per_minute,initial_increment,increment\n"
    "OUTBOUND_CALL,1,,0.01,0.0085,6,6\n"
    "OUTBOUND_CALL,44,0.05,,0.0312345,30,6\n"
    "INBOUND_CALL,,,,0.01,1,1\n";
constexpr int kCalls = 400;
constexpr int kAccounts = 10;
constexpr int64_t kOpeningMicros = 1'500'000;

class CallPlayerTest : public ::testing::Test {
 protected:
  CallPlayerTest() : prices_(DeckPrices::Parse(kCallDeck).value()) {
    options_ = {.calls_at_once = 16, .balance_read_per_mille = 200, .run_id = "test"};
    options_.habits = {.crash_per_mille = 50, .repeat_per_mille = 200, .interim_per_mille = 200};
    for (int i = 0; i < kCalls; ++i) {
      log_.push_back({.start = absl::Milliseconds(i),
                      .party = {.account_id = absl::StrCat("account-", i % kAccounts),
                                .outbound = i % 5 != 0,
                                .from = "+14155550100",
                                .to = i % 3 == 0 ? "+12125550100" : "+442071234567"},
                      .seconds = i % 7 == 0 ? 0 : (i * 37) % 600,
                      .answered = i % 7 != 0 && i * 37 % 600 > 0});
    }
  }

  void Play(FakeFaults faults = {}) {
    billing_ = std::make_unique<FakeBilling>(&prices_, faults);
    for (int i = 0; i < kAccounts; ++i) billing_->Open(absl::StrCat("account-", i), kOpeningMicros);
    player_ = std::make_unique<CallPlayer>(options_, &prices_, billing_.get(), &clock_);
    player_->Play(log_);
    const std::map<std::string, AccountReading> readings = billing_->ReadBack();
    balancing_ = player_->books().Balance(readings);
    history::History history = player_->TakeHistory();
    AddReadings(readings, &history);
    violations_ = history::FindViolations(history);
  }

  Tally tally() const { return player_->tally(); }

  ManualClock clock_{absl::UnixEpoch()};
  const DeckPrices prices_;
  PlayerOptions options_;
  std::vector<LoggedCall> log_;
  std::unique_ptr<FakeBilling> billing_;
  std::unique_ptr<CallPlayer> player_;
  Balancing balancing_;
  std::vector<history::Violation> violations_;
};

TEST_F(CallPlayerTest, EverythingBalancesWhereTheLedgerIsRight) {
  Play();

  EXPECT_THAT(tally().problems, IsEmpty());
  EXPECT_THAT(tally().errors, IsEmpty());
  EXPECT_THAT(balancing_.problems, IsEmpty());
  EXPECT_THAT(violations_, IsEmpty());
  EXPECT_THAT(balancing_.charged_micros, Gt(0));
  EXPECT_EQ(balancing_.charged_micros, balancing_.expected_micros);
}

TEST_F(CallPlayerTest, EveryCallComesToItsEnd) {
  Play();

  EXPECT_EQ(tally().uses, kCalls);
  EXPECT_EQ(tally().settled + tally().released + tally().forgotten, tally().granted);
  EXPECT_THAT(tally().first_answer_nanos, SizeIs(kCalls));
}

TEST_F(CallPlayerTest, MeetsEverythingThatARouterMeets) {
  Play();

  EXPECT_THAT(tally().denied["INSUFFICIENT_BALANCE"], Gt(0));
  EXPECT_THAT(tally().reauthorizations, Gt(0));
  EXPECT_THAT(tally().interim_settlements, Gt(0));
  EXPECT_THAT(tally().cut_off, Gt(0));
  EXPECT_THAT(tally().released, Gt(0));
  EXPECT_THAT(tally().forgotten, Gt(0));
  EXPECT_THAT(tally().repeated, Gt(0));
  EXPECT_EQ(tally().repeated, tally().replayed);
  EXPECT_THAT(tally().balance_reads, Gt(0));
}

TEST_F(CallPlayerTest, DestinationWithoutRateIsDenied) {
  log_[1].party.to = "+49301234567";

  Play();

  EXPECT_EQ(tally().denied["NO_RATE"], 1);
  EXPECT_THAT(tally().problems, IsEmpty());
}

TEST_F(CallPlayerTest, ForgottenHoldsStayOpen) {
  Play();

  EXPECT_EQ(balancing_.holds_still_open, tally().forgotten);
}

TEST_F(CallPlayerTest, OverchargingLedgerIsFound) {
  Play({.overcharge_micros = 1});

  EXPECT_THAT(balancing_.problems, Contains(HasSubstr("the price is")));
}

TEST_F(CallPlayerTest, LedgerThatChargesRepeatsIsFound) {
  Play({.charges_repeats = true});

  EXPECT_THAT(violations_, Contains(Field(&history::Violation::check, history::Check::kOnce)));
}

TEST_F(CallPlayerTest, LedgerThatKeepsHoldsIsFound) {
  Play({.keeps_holds = true});

  EXPECT_THAT(balancing_.problems, Contains(HasSubstr("still open, but its call is over")));
}

TEST_F(CallPlayerTest, LedgerThatPricesWhatHasNoRateIsFound) {
  log_[1].party.to = "+49301234567";

  Play({.prices_what_has_no_rate = true});

  EXPECT_THAT(tally().problems, Contains(HasSubstr("+49301234567 has no rate in the deck")));
}

TEST_F(CallPlayerTest, LostAnswersLeaveTheBooksRight) {
  Play({.lose_every = 10});

  EXPECT_THAT(tally().unanswered, Gt(0));
  EXPECT_THAT(balancing_.problems, IsEmpty());
  EXPECT_THAT(violations_, IsEmpty());
}

TEST_F(CallPlayerTest, BalancesAtASpeedToo) {
  options_.speed = 100'000;

  Play();

  EXPECT_EQ(tally().settled + tally().released + tally().forgotten, tally().granted);
  EXPECT_THAT(balancing_.problems, IsEmpty());
  EXPECT_THAT(violations_, IsEmpty());
}

}  // namespace
}  // namespace farebox::drivers
