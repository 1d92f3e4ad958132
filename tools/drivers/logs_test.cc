#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/drivers/call_log.h"
#include "tools/drivers/deck_prices.h"

namespace farebox::drivers {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kLogsDeck[] =
    "item,prefix,description,connect_fee,rate_per_minute,initial_increment,increment,unit_fee,"
    "effective_from,effective_to\n"
    "OUTBOUND_CALL,1,\"North America, other\",0.5,0.0085,6,6,,,\n"
    "OUTBOUND_CALL,1212,New York,,0.01,,,,,2024-01-01\n"
    "OUTBOUND_CALL,1212,New York,,0.02,,,,2024-01-01,\n"
    "OUTBOUND_CALL,exact:911,Emergency,,0,,,,,\n"
    "OUTGOING_TEXT,,Anywhere,,,,,0.0075,,\n";

class DeckPricesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<DeckPrices> prices = DeckPrices::Parse(kLogsDeck);
    ASSERT_TRUE(prices.ok()) << prices.status();
    prices_ = *std::move(prices);
  }

  std::string PrefixOf(absl::string_view item, absl::string_view destination) {
    const DeckRate* const rate = prices_.Find(item, destination, now_);
    return rate == nullptr ? "none" : rate->prefix;
  }

  const absl::Time now_ = absl::FromCivil(absl::CivilSecond(2024, 1, 1), absl::UTCTimeZone());
  DeckPrices prices_;
};

TEST_F(DeckPricesTest, LongestPrefixCounts) {
  EXPECT_EQ(PrefixOf("OUTBOUND_CALL", "+12125550123"), "1212");
  EXPECT_EQ(PrefixOf("OUTBOUND_CALL", "12135550123"), "1");
  EXPECT_EQ(PrefixOf("OUTBOUND_CALL", "+4930123456"), "none");
}

TEST_F(DeckPricesTest, ShortCodesAndUsersHaveNoPrefix) {
  EXPECT_EQ(PrefixOf("OUTBOUND_CALL", "911"), "exact:911");
  EXPECT_EQ(PrefixOf("OUTBOUND_CALL", "1212"), "none");
  EXPECT_EQ(PrefixOf("OUTBOUND_CALL", "alice"), "none");
  EXPECT_EQ(PrefixOf("OUTGOING_TEXT", "1212"), "");
}

TEST_F(DeckPricesTest, RateOfTheMomentCounts) {
  const DeckRate* const old_rate =
      prices_.Find("OUTBOUND_CALL", "+12125550123", now_ - absl::Nanoseconds(1));
  const DeckRate* const new_rate = prices_.Find("OUTBOUND_CALL", "+12125550123", now_);

  EXPECT_EQ(old_rate->call.rate_nanos_per_minute, 10'000'000);
  EXPECT_EQ(new_rate->call.rate_nanos_per_minute, 20'000'000);
}

TEST_F(DeckPricesTest, DecimalsAreReadExactly) {
  const DeckRate* const call = prices_.Find("OUTBOUND_CALL", "+13125550123", now_);
  const DeckRate* const text = prices_.Find("OUTGOING_TEXT", "+13125550123", now_);

  EXPECT_EQ(call->call.connect_fee_micros, 500'000);
  EXPECT_EQ(call->call.rate_nanos_per_minute, 8'500'000);
  EXPECT_EQ(call->call.initial_increment_seconds, 6);
  EXPECT_EQ(text->unit_fee_micros, 7'500);
}

TEST(CallLogTest, ReadsCallsInTheOrderOfTheirStarts) {
  const absl::StatusOr<std::vector<LoggedCall>> log = ParseCallLog(
      "start,account,direction,from,to,seconds,answered\n"
      "1500,bob,INBOUND,+1212,+1213,30,1\n"
      "500,alice,OUTBOUND,+1214,+1215,0,0\n");

  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_EQ((*log)[0].party.account_id, "alice");
  EXPECT_FALSE((*log)[0].answered);
  EXPECT_EQ((*log)[1].start, absl::Seconds(1));
  EXPECT_EQ((*log)[1].seconds, 30);
  EXPECT_THAT(AccountsOf(*log), ElementsAre("alice", "bob"));
}

TEST(CallLogTest, ReadsTimes) {
  const absl::StatusOr<std::vector<LoggedCall>> log = ParseCallLog(
      "start,account,direction,from,to,seconds,answered\n"
      "2026-01-31T12:00:00Z,a,OUTBOUND,1,2,30,1\n"
      "2026-01-31T12:00:01.5+00:00,a,OUTBOUND,1,2,30,1\n");

  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_EQ((*log)[1].start, absl::Milliseconds(1500));
}

TEST(CallLogTest, NamesLineAndColumnOfWhatIsWrong) {
  const absl::StatusOr<std::vector<LoggedCall>> log = ParseCallLog(
      "start,account,direction,from,to,seconds,answered\n"
      "0,a,OUTBOUND,1,2,30,1\n"
      "0,a,OUTBOUND,1,2,-1,1\n");

  EXPECT_THAT(log.status().message(), HasSubstr("line 3 (seconds): \"-1\""));
}

TEST(CallLogTest, NamesMissingColumns) {
  const absl::StatusOr<std::vector<LoggedCall>> log = ParseCallLog("start,account\n0,a\n");

  EXPECT_THAT(log.status().message(), HasSubstr("no column \"direction\""));
}

TEST(TextLogTest, ReadsBodiesWithCommasAndQuotes) {
  const absl::StatusOr<std::vector<LoggedText>> log = ParseTextLog(
      "start,account,direction,from,to,segments,body\n"
      "0,a,OUTBOUND,1,2,2,\"Hello, \"\"you\"\"\"\n");

  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_EQ((*log)[0].segments, 2);
  EXPECT_EQ((*log)[0].body, "Hello, \"you\"");
}

}  // namespace
}  // namespace farebox::drivers
