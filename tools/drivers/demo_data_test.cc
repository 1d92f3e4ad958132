// The generated demo data, read by the server's parser and by the drivers' own.
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/rating/deck_csv.h"
#include "server/rating/item.h"
#include "server/rating/rate_deck.h"
#include "server/rating/tariff.h"
#include "server/rating/text_segments.h"
#include "tests/support/price_oracle.h"
#include "tools/drivers/call_log.h"
#include "tools/drivers/csv_table.h"
#include "tools/drivers/deck_prices.h"

namespace farebox::drivers {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

class DemoData : public ::testing::Test {
 protected:
  static std::string Read(const std::string& name) {
    return ReadFile(absl::StrCat(FAREBOX_DEMO_DATA, "/", name)).value();
  }

  DemoData() {
    const std::string deck = Read("deck.csv");
    rating::DeckCsvParser parser;
    parser.Feed(deck);
    rating::DeckCsvParser::Result result = std::move(parser).Finish();
    for (const rating::DeckCsvError& error : result.errors) errors_.push_back(ToString(error));
    deck_ = result.deck;
    prices_ = DeckPrices::Parse(deck).value();
    calls_ = ParseCallLog(Read("calls.csv")).value();
    texts_ = ParseTextLog(Read("texts.csv")).value();
  }

  const absl::Time now_ = absl::FromCivil(absl::CivilSecond(2026, 7, 1), absl::UTCTimeZone());
  std::vector<std::string> errors_;
  std::shared_ptr<const rating::RateDeck> deck_;
  DeckPrices prices_;
  std::vector<LoggedCall> calls_;
  std::vector<LoggedText> texts_;
};

TEST_F(DemoData, DeckIsOneThatTheServerTakes) { EXPECT_THAT(errors_, IsEmpty()); }

TEST_F(DemoData, DeckHasARateForEveryKindOfNumber) {
  for (const char* const number :
       {"+12125550123", "+19075550123", "+12425550123", "+18005550123", "+4930123456",
        "+8613812345678", "+27821234567", "+97145551234", "+5511987654321", "+881612345678"}) {
    EXPECT_NE(deck_->Lookup(rating::Item::kOutboundCall, number, now_), nullptr) << number;
    EXPECT_NE(deck_->Lookup(rating::Item::kOutgoingText, number, now_), nullptr) << number;
    EXPECT_NE(deck_->Lookup(rating::Item::kPhoneNumberRenewal, number, now_), nullptr) << number;
  }
}

TEST_F(DemoData, LogIsAsLongAsItIsCalled) {
  EXPECT_THAT(calls_, SizeIs(10'000));
  EXPECT_THAT(AccountsOf(calls_), SizeIs(200));
}

TEST_F(DemoData, ThreeOfTenCallsAreNotAnswered) {
  int64_t unanswered = 0;
  for (const LoggedCall& call : calls_) unanswered += call.answered ? 0 : 1;

  EXPECT_THAT(unanswered, AllOf(Ge(2'800), Le(3'200)));
}

TEST_F(DemoData, SomeDestinationsHaveNoRate) {
  int64_t without_rate = 0;
  for (const LoggedCall& call : calls_) {
    const rating::Item item =
        call.party.outbound ? rating::Item::kOutboundCall : rating::Item::kInboundCall;
    without_rate += deck_->Lookup(item, call.party.to, now_) == nullptr ? 1 : 0;
  }

  EXPECT_THAT(without_rate, AllOf(Ge(20), Le(400)));
}

TEST_F(DemoData, BothReadersPriceEveryCallAlike) {
  for (const LoggedCall& call : calls_) {
    const rating::Item item =
        call.party.outbound ? rating::Item::kOutboundCall : rating::Item::kInboundCall;
    const absl::string_view name = ItemName(item);
    const rating::RateRow* const theirs = deck_->Lookup(item, call.party.to, now_);
    const DeckRate* const ours = prices_.Find(name, call.party.to, now_);
    ASSERT_EQ(theirs == nullptr, ours == nullptr) << call.party.to;
    if (theirs == nullptr) continue;
    ASSERT_EQ(theirs->prefix, ours->prefix) << call.party.to;
    ASSERT_EQ(rating::PriceOfCallRoundedUp(theirs->tariff, call.seconds)->value(),
              price_oracle::PriceOfCallMicros(ours->call, call.seconds))
        << call.party.to << " for " << call.seconds;
  }
}

TEST_F(DemoData, BothCountersCountEveryTextAlike) {
  for (const LoggedText& text : texts_) {
    if (text.body.empty()) continue;
    ASSERT_EQ(rating::CountSegments(text.body)->segments, text.segments) << text.body;
  }
}

}  // namespace
}  // namespace farebox::drivers
