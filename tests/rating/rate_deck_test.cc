#include "server/rating/rate_deck.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "server/rating/limits.h"

namespace farebox::rating {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsNull;
using ::testing::NotNull;

absl::Time Day(int64_t day) {
  return absl::FromCivil(absl::CivilDay(2026, 1, 1) + day - 1, absl::UTCTimeZone());
}

const absl::Time kNow = Day(15);

RateRow CallRow(absl::string_view prefix, absl::string_view description = "") {
  return {.item = Item::kOutboundCall, .prefix = prefix, .description = description};
}

class RateDeckTest : public ::testing::Test {
 protected:
  void Add(const RateRow& row) {
    const std::optional<FieldProblem> problem = builder_.Add(row);
    EXPECT_FALSE(problem.has_value()) << problem->field << " " << problem->why;
  }

  void AddPrefixes(std::initializer_list<absl::string_view> prefixes) {
    for (const absl::string_view prefix : prefixes) Add(CallRow(prefix));
  }

  void Build() {
    RateDeck::Builder::Result result = std::move(builder_).Build();
    EXPECT_THAT(result.overlaps, IsEmpty());
    deck_ = std::move(result.deck);
    ASSERT_THAT(deck_, NotNull());
  }

  // The prefix of the rate that an outbound call gets, or "none".
  std::string PrefixFor(absl::string_view destination, absl::Time at = kNow) const {
    const RateRow* const row = deck_->Lookup(Item::kOutboundCall, destination, at);
    return row == nullptr ? "none" : std::string(row->prefix);
  }

  std::vector<std::string> PagePrefixes(const RateDeck::Filter& filter, uint32_t first = 0,
                                        size_t rows_max = 100) const {
    std::vector<std::string> prefixes;
    for (const RateRow* row : deck_->Page(filter, first, rows_max)) {
      prefixes.push_back(absl::StrCat(ItemName(row->item), " ", row->prefix));
    }
    return prefixes;
  }

  RateDeck::Builder builder_;
  std::shared_ptr<const RateDeck> deck_;
};

TEST_F(RateDeckTest, TakesTheLongestPrefix) {
  AddPrefixes({"44", "4", "447", "1", "4420"});
  Build();

  EXPECT_EQ(PrefixFor("+442079460000"), "4420");
  EXPECT_EQ(PrefixFor("447700900000"), "447");
  EXPECT_EQ(PrefixFor("+441134960000"), "44");
  EXPECT_EQ(PrefixFor("+493023125000"), "4");
  EXPECT_EQ(PrefixFor("+33123456789"), "none");
}

TEST_F(RateDeckTest, TakesTheDefaultWhereNoPrefixMatches) {
  AddPrefixes({"", "44"});
  Build();

  EXPECT_EQ(PrefixFor("+33123456789"), "");
  EXPECT_EQ(PrefixFor("+442079460000"), "44");
  EXPECT_EQ(PrefixFor(""), "");
  EXPECT_EQ(PrefixFor("+"), "");
}

TEST_F(RateDeckTest, MatchesAWholeNumberAndNoLongerPrefix) {
  AddPrefixes({"15551234567", "155512345678"});
  Build();

  EXPECT_EQ(PrefixFor("+15551234567"), "15551234567");
  EXPECT_EQ(PrefixFor("+1555123456"), "none");
}

TEST_F(RateDeckTest, TakesDigitsBeyondTheLongestPrefix) {
  AddPrefixes({"123456789012345"});
  Build();

  EXPECT_EQ(PrefixFor("123456789012345999999"), "123456789012345");
}

TEST_F(RateDeckTest, KeepsItemsApart) {
  Add(CallRow("44"));
  Add({.item = Item::kOutgoingText, .prefix = "4", .tariff = {.unit_fee = Micros(1)}});
  Build();

  EXPECT_EQ(deck_->Lookup(Item::kOutgoingText, "+4420", kNow)->prefix, "4");
  EXPECT_THAT(deck_->Lookup(Item::kInboundCall, "+4420", kNow), IsNull());
}

TEST_F(RateDeckTest, DoesNotTakeAShortCodeForACountry) {
  AddPrefixes({"1", "11", "exact:112"});
  Build();

  EXPECT_EQ(PrefixFor("112"), "exact:112");
  EXPECT_EQ(PrefixFor("119"), "none");
  EXPECT_EQ(PrefixFor("110999"), "none");
  EXPECT_EQ(PrefixFor("1109990"), "11");
  EXPECT_EQ(PrefixFor("+110999"), "11");
}

TEST_F(RateDeckTest, MatchesOtherDestinationsOnlyWholeOrByDefault) {
  AddPrefixes({"", "44", "exact:alice", "exact:442079460000"});
  Build();

  EXPECT_EQ(PrefixFor("alice"), "exact:alice");
  EXPECT_EQ(PrefixFor("alice2"), "");
  EXPECT_EQ(PrefixFor("44alice2079"), "");
  EXPECT_EQ(PrefixFor("+442079460000"), "exact:442079460000");
  EXPECT_EQ(PrefixFor("+4420794600001"), "44");
}

TEST_F(RateDeckTest, TakesTheRateThatIsEffective) {
  RateRow january = CallRow("44", "January");
  january.effective_from = Day(1);
  january.effective_to = Day(32);
  RateRow february = CallRow("44", "from February");
  february.effective_from = Day(32);
  Add(february);
  Add(january);
  Build();

  EXPECT_EQ(PrefixFor("+442079460000", Day(1) - absl::Nanoseconds(1)), "none");
  for (const absl::Time at : {Day(1), Day(32) - absl::Nanoseconds(1)}) {
    EXPECT_EQ(deck_->Lookup(Item::kOutboundCall, "+442079460000", at)->description, "January");
  }
  for (const absl::Time at : {Day(32), Day(36'500)}) {
    EXPECT_EQ(deck_->Lookup(Item::kOutboundCall, "+442079460000", at)->description,
              "from February");
  }
}

TEST_F(RateDeckTest, TakesAShorterPrefixWhereTheLongerIsNotEffective) {
  RateRow later = CallRow("4420");
  later.effective_from = kNow + absl::Hours(1);
  RateRow earlier = CallRow("exact:442079460000");
  earlier.effective_to = kNow;
  Add(later);
  Add(earlier);
  Add(CallRow("44"));
  Build();

  EXPECT_EQ(PrefixFor("+442079460000"), "44");
}

TEST_F(RateDeckTest, AgreesWithANaiveScanOfRandomDecks) {
  std::mt19937_64 random(7);
  const auto number = [&random](size_t digits_max) {
    std::string digits;
    const size_t size = random() % (digits_max + 1);
    while (digits.size() < size) digits += static_cast<char>('1' + random() % 4);
    return digits;
  };
  for (int round = 0; round < 200; ++round) {
    std::set<std::string> prefixes;
    for (uint64_t n = random() % 60; n > 0; --n) prefixes.insert(number(9));
    RateDeck::Builder builder;
    for (const std::string& prefix : prefixes) builder.Add(CallRow(prefix));
    const std::shared_ptr<const RateDeck> deck = std::move(builder).Build().deck;
    for (int lookup = 0; lookup < 200; ++lookup) {
      const std::string destination = number(15);
      const RateRow* const found = deck->Lookup(Item::kOutboundCall, "+" + destination, kNow);
      std::string longest = "none";
      for (const std::string& prefix : prefixes) {
        if (!absl::StartsWith(destination, prefix)) continue;
        if (longest == "none" || prefix.size() > longest.size()) longest = prefix;
      }
      ASSERT_EQ(found == nullptr ? "none" : std::string(found->prefix), longest) << destination;
    }
  }
}

TEST_F(RateDeckTest, RefusesTwoRatesOfOnePrefixAtTheSameTime) {
  RateRow first = CallRow("44");
  first.line = 2;
  first.effective_to = Day(10);
  RateRow second = CallRow("44");
  second.line = 5;
  second.effective_from = Day(9);
  Add(second);
  Add(first);

  const RateDeck::Builder::Result result = std::move(builder_).Build();

  EXPECT_THAT(result.deck, IsNull());
  ASSERT_EQ(result.overlaps.size(), 1u);
  EXPECT_EQ(result.overlaps[0].prefix, "44");
  EXPECT_EQ(result.overlaps[0].line, 5u);
  EXPECT_EQ(result.overlaps[0].other_line, 2u);
}

TEST_F(RateDeckTest, FindsAnOverlapBehindAShortPeriod) {
  RateRow whole_month = CallRow("44");
  whole_month.line = 2;
  whole_month.effective_from = Day(1);
  whole_month.effective_to = Day(31);
  RateRow one_day = whole_month;
  one_day.line = 3;
  one_day.effective_from = Day(2);
  one_day.effective_to = Day(3);
  RateRow another_day = whole_month;
  another_day.line = 4;
  another_day.effective_from = Day(20);
  another_day.effective_to = Day(21);
  for (const RateRow& row : {whole_month, one_day, another_day}) Add(row);

  const RateDeck::Builder::Result result = std::move(builder_).Build();

  ASSERT_EQ(result.overlaps.size(), 2u);
  EXPECT_EQ(result.overlaps[0].line, 3u);
  EXPECT_EQ(result.overlaps[1].line, 4u);
  EXPECT_EQ(result.overlaps[1].other_line, 2u);
}

TEST_F(RateDeckTest, AllowsTheSamePrefixForAnotherItemOrExactly) {
  AddPrefixes({"4420", "exact:4420"});
  Add({.item = Item::kInboundCall, .prefix = "4420"});
  Build();

  EXPECT_EQ(deck_->size(), 3u);
}

TEST_F(RateDeckTest, NumbersItsRowsByItemAndPrefixWhateverTheOrderOfAdding) {
  Add({.item = Item::kInboundCall, .prefix = "1"});
  AddPrefixes({"exact:911", "44", "", "1"});
  Build();

  EXPECT_THAT(PagePrefixes({}), ElementsAre("OUTBOUND_CALL ", "OUTBOUND_CALL 1", "OUTBOUND_CALL 44",
                                            "OUTBOUND_CALL exact:911", "INBOUND_CALL 1"));
  for (uint32_t ordinal = 0; ordinal < deck_->size(); ++ordinal) {
    EXPECT_EQ(deck_->Row(ordinal)->ordinal, ordinal);
  }
  EXPECT_THAT(deck_->Row(5), IsNull());
}

TEST_F(RateDeckTest, PagesThroughWhatPassesTheFilter) {
  AddPrefixes({"1", "12", "123", "13", "2"});
  Add({.item = Item::kInboundCall, .prefix = "12"});
  Add({.item = Item::kInboundCall, .prefix = "3"});
  Build();

  EXPECT_THAT(PagePrefixes({.prefix = "12"}),
              ElementsAre("OUTBOUND_CALL 12", "OUTBOUND_CALL 123", "INBOUND_CALL 12"));
  EXPECT_THAT(PagePrefixes({.item = Item::kInboundCall}),
              ElementsAre("INBOUND_CALL 12", "INBOUND_CALL 3"));
  EXPECT_THAT(PagePrefixes({.item = Item::kRingThroughAttempt}), IsEmpty());
  EXPECT_THAT(PagePrefixes({.prefix = "9"}), IsEmpty());
  EXPECT_THAT(PagePrefixes({.prefix = "1"}, 0, 2),
              ElementsAre("OUTBOUND_CALL 1", "OUTBOUND_CALL 12"));
  EXPECT_THAT(PagePrefixes({.prefix = "1"}, 2, 2),
              ElementsAre("OUTBOUND_CALL 123", "OUTBOUND_CALL 13"));
  EXPECT_THAT(PagePrefixes({.prefix = "1"}, 4, 2), ElementsAre("INBOUND_CALL 12"));
}

TEST_F(RateDeckTest, AnEmptyDeckHasNoRates) {
  Build();

  EXPECT_EQ(PrefixFor("+442079460000"), "none");
  EXPECT_THAT(PagePrefixes({}), IsEmpty());
}

TEST_F(RateDeckTest, KeepsItsOwnCopiesOfTexts) {
  std::string prefix = "44";
  std::string description = "United Kingdom, a description beyond the small string size";
  Add(CallRow(prefix, description));
  prefix = "xx";
  description.assign(description.size(), 'x');
  Build();

  EXPECT_EQ(deck_->Row(0)->prefix, "44");
  EXPECT_THAT(std::string(deck_->Row(0)->description), ::testing::StartsWith("United Kingdom"));
}

TEST(RateRowProblem, NamesTheFieldThatIsWrong) {
  struct Case {
    RateRow row;
    absl::string_view field;
  };
  const std::string long_description(kDescriptionBytesMax + 1, 'x');
  const std::string long_destination = "exact:" + std::string(kExactDestinationBytesMax + 1, 'x');
  const std::vector<Case> cases = {
      {CallRow("+44"), "prefix"},
      {CallRow("44 20"), "prefix"},
      {CallRow("4.42E+11"), "prefix"},
      {CallRow("1234567890123456"), "prefix"},
      {CallRow("exact:"), "prefix"},
      {CallRow("exact:a b"), "prefix"},
      {CallRow("exact:+1555"), "prefix"},
      {CallRow(long_destination), "prefix"},
      {CallRow("44", long_description), "description"},
      {CallRow("44", "two\nlines"), "description"},
      {CallRow("44", "\xFF"), "description"},
      {{.effective_from = Day(2), .effective_to = Day(2)}, "effective_to"},
      {{.effective_from = Day(2), .effective_to = Day(1)}, "effective_to"},
      {{.effective_from = absl::InfiniteFuture()}, "effective_to"},
      {{.effective_from = absl::UnixEpoch() - absl::Hours(24 * 366 * 2'000)}, "effective_from"},
      {{.effective_to = absl::UnixEpoch() + absl::Hours(24 * 366 * 9'000)}, "effective_to"},
      {{.tariff = {.increment_seconds = 0}}, "increment"},
      {{.tariff = {.unit_fee = Micros(1)}}, "unit_fee"},
      {{.item = Item::kOutgoingText, .tariff = {.connect_fee = Micros(1)}}, "connect_fee"},
      {{.item = Item::kOutgoingText, .tariff = {.attempt_fee = Micros(1)}}, "attempt_fee"},
      {{.item = Item::kOutgoingText, .tariff = {.rate_nanos_per_minute = 1}}, "rate_per_minute"},
      {{.item = Item::kOutgoingText, .tariff = {.initial_increment_seconds = 6}},
       "initial_increment"},
      {{.item = Item::kOutgoingText, .tariff = {.increment_seconds = 6}}, "increment"},
      {{.item = Item::kOutgoingText, .tariff = {.rate_after_seconds = 6}}, "rate_after_seconds"},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    const std::optional<FieldProblem> problem = FindProblem(cases[i].row);
    ASSERT_TRUE(problem.has_value()) << i;
    EXPECT_EQ(problem->field, cases[i].field) << i;
    RateDeck::Builder builder;
    EXPECT_TRUE(builder.Add(cases[i].row).has_value()) << i;
    EXPECT_EQ(builder.size(), 0u) << i;
  }
}

}  // namespace
}  // namespace farebox::rating
