#include "tools/drivers/text_player.h"

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

constexpr char kTextDeck[] =
    "item,prefix,unit_fee\n"
    "OUTGOING_TEXT,1,0.0079\n"
    "INCOMING_TEXT,,0.0075\n";
constexpr int kTexts = 100;

class TextPlayerTest : public ::testing::Test {
 protected:
  TextPlayerTest() : prices_(DeckPrices::Parse(kTextDeck).value()) {
    options_ = {.texts_at_once = 8, .repeat_per_mille = 200, .run_id = "test"};
    for (int i = 0; i < kTexts; ++i) {
      log_.push_back({.party = {.account_id = i % 2 == 0 ? "rich" : "poor",
                                .outbound = i % 3 != 0,
                                .from = "+14155550100",
                                .to = "+12125550100"},
                      .segments = 1 + i % 4});
    }
  }

  void Play(FakeFaults faults = {}) {
    billing_ = std::make_unique<FakeBilling>(&prices_, faults);
    billing_->Open("rich", 100'000'000);
    billing_->Open("poor", 100'000);
    player_ = std::make_unique<TextPlayer>(options_, &prices_, billing_.get(), &clock_);
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
  TextPlayerOptions options_;
  std::vector<LoggedText> log_;
  std::unique_ptr<FakeBilling> billing_;
  std::unique_ptr<TextPlayer> player_;
  Balancing balancing_;
  std::vector<history::Violation> violations_;
};

TEST_F(TextPlayerTest, EverythingBalancesWhereTheLedgerIsRight) {
  Play();

  EXPECT_THAT(tally().problems, IsEmpty());
  EXPECT_THAT(tally().errors, IsEmpty());
  EXPECT_THAT(balancing_.problems, IsEmpty());
  EXPECT_THAT(violations_, IsEmpty());
  EXPECT_THAT(tally().denied["INSUFFICIENT_BALANCE"], Gt(0));
  EXPECT_THAT(tally().repeated, Gt(0));
  EXPECT_EQ(tally().granted + tally().denied["INSUFFICIENT_BALANCE"], kTexts);
}

TEST_F(TextPlayerTest, OverchargingLedgerIsFound) {
  Play({.overcharge_micros = 1});

  EXPECT_THAT(balancing_.problems, Contains(HasSubstr("the price is")));
}

TEST_F(TextPlayerTest, LedgerThatChargesRepeatsIsFound) {
  Play({.charges_repeats = true});

  EXPECT_THAT(violations_, Contains(Field(&history::Violation::check, history::Check::kOnce)));
}

TEST_F(TextPlayerTest, WrongCountOfSegmentsIsFound) {
  log_[0].body = "Hello";
  log_[0].segments = 2;

  Play();

  EXPECT_THAT(tally().problems, Contains(HasSubstr("of 2 segments was counted as 1: Hello")));
}

TEST_F(TextPlayerTest, DestinationWithoutRateIsRefused) {
  log_[1].party.to = "+4479";

  Play();

  EXPECT_EQ(tally().denied["NO_RATE"], 1);
}

TEST_F(TextPlayerTest, LostAnswersLeaveTheBooksRight) {
  Play({.lose_every = 5});

  EXPECT_THAT(tally().unanswered, Gt(0));
  EXPECT_THAT(balancing_.problems, IsEmpty());
  EXPECT_THAT(violations_, IsEmpty());
}

}  // namespace
}  // namespace farebox::drivers
