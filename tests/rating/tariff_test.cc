#include "server/rating/tariff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "server/rating/csv_reader.h"
#include "server/rating/limits.h"
#include "tests/rating/oracle_tariff.h"
#include "tests/support/price_oracle.h"

namespace farebox::rating {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

constexpr int64_t kSecondsMax = std::numeric_limits<int64_t>::max();

// 0.20 a minute, billed by the minute.
constexpr Tariff kByTheMinute = {
    .rate_nanos_per_minute = 200'000'000, .initial_increment_seconds = 60, .increment_seconds = 60};

// 0.40 to connect, the first minute whole at 0.20, then by the second at 0.10.
constexpr Tariff kCheaperAfter = {.connect_fee = Micros(400'000),
                                  .rate_nanos_per_minute = 200'000'000,
                                  .initial_increment_seconds = 60,
                                  .increment_seconds = 1,
                                  .rate_after_seconds = 60,
                                  .rate_after_nanos_per_minute = 100'000'000};

struct WorkedExample {
  std::string note;
  Tariff tariff;
  int64_t used_seconds = 0;
  int64_t billed_seconds = 0;
  Micros price;
};

int64_t Number(absl::string_view text) {
  int64_t number = 0;
  EXPECT_TRUE(text.empty() || absl::SimpleAtoi(text, &number)) << text;
  return number;
}

std::vector<WorkedExample> ReadWorkedExamples() {
  std::ifstream file(FAREBOX_TEST_VECTORS "/call_prices.csv");
  std::ostringstream content;
  content << file.rdbuf();
  const std::string bytes = content.str();
  CsvReader reader;
  reader.Feed(bytes);
  EXPECT_EQ(reader.Next(), CsvReader::Step::kRecord);  // The header.
  std::vector<WorkedExample> examples;
  while (reader.Next() == CsvReader::Step::kRecord) {
    const std::vector<CsvReader::Field>& f = reader.fields();
    EXPECT_THAT(f, SizeIs(10));
    examples.push_back(
        {.note = std::string(f[0].text),
         .tariff = {.connect_fee = Micros(Number(f[1].text)),
                    .rate_nanos_per_minute = Number(f[2].text),
                    .initial_increment_seconds = static_cast<int32_t>(Number(f[3].text)),
                    .increment_seconds = static_cast<int32_t>(Number(f[4].text)),
                    .rate_after_seconds = static_cast<int32_t>(Number(f[5].text)),
                    .rate_after_nanos_per_minute = Number(f[6].text)},
         .used_seconds = Number(f[7].text),
         .billed_seconds = Number(f[8].text),
         .price = Micros(Number(f[9].text))});
  }
  return examples;
}

TEST(CallPrice, AgreesWithEveryWorkedExample) {
  const std::vector<WorkedExample> examples = ReadWorkedExamples();

  EXPECT_EQ(examples.size(), 52u);
  for (const WorkedExample& example : examples) {
    SCOPED_TRACE(example.note + ", " + std::to_string(example.used_seconds) + " s");
    EXPECT_THAT(PriceOfCallRoundedUp(example.tariff, example.used_seconds),
                Optional(example.price));
    EXPECT_THAT(BilledSeconds(example.tariff, example.used_seconds),
                Optional(example.billed_seconds));
    EXPECT_THAT(price_oracle::PriceOfCallMicros(OracleOf(example.tariff), example.used_seconds),
                Optional(example.price.value()));
  }
}

TEST(CallPrice, IsTheAttemptFeeAloneWhenNeverAnswered) {
  Tariff tariff = kCheaperAfter;
  tariff.attempt_fee = Micros(7);

  EXPECT_THAT(PriceOfCallRoundedUp(tariff, 0), Optional(Micros(7)));
  EXPECT_THAT(PriceOfCallRoundedUp(tariff, 1), Optional(Micros(600'000)));
}

TEST(CallPrice, ChangesRateWithinABlock) {
  const Tariff tariff = {.rate_nanos_per_minute = 60'000'000,
                         .initial_increment_seconds = 30,
                         .increment_seconds = 20,
                         .rate_after_seconds = 35,
                         .rate_after_nanos_per_minute = 120'000'000};

  EXPECT_THAT(PriceOfCallRoundedUp(tariff, 31), Optional(Micros(35 * 1'000 + 15 * 2'000)));
}

TEST(CallPrice, ChangesRateWithinTheFirstBlock) {
  const Tariff tariff = {.rate_nanos_per_minute = 60'000'000,
                         .initial_increment_seconds = 30,
                         .increment_seconds = 30,
                         .rate_after_seconds = 10,
                         .rate_after_nanos_per_minute = 6'000'000};

  EXPECT_THAT(PriceOfCallRoundedUp(tariff, 1), Optional(Micros(10 * 1'000 + 20 * 100)));
}

TEST(CallPrice, IsNothingForNegativeSeconds) {
  EXPECT_EQ(PriceOfCallRoundedUp(kByTheMinute, -1), std::nullopt);
  EXPECT_EQ(BilledSeconds(kByTheMinute, std::numeric_limits<int64_t>::min()), std::nullopt);
}

TEST(CallPrice, IsNothingWhereItDoesNotFit) {
  const Tariff dearest = {.connect_fee = kFeeMax,
                          .rate_nanos_per_minute = kRateNanosPerMinuteMax,
                          .initial_increment_seconds = kIncrementSecondsMax,
                          .increment_seconds = kIncrementSecondsMax,
                          .rate_after_seconds = kRateAfterSecondsMax,
                          .rate_after_nanos_per_minute = kRateNanosPerMinuteMax};

  EXPECT_EQ(PriceOfCallRoundedUp(dearest, 1'000'000), std::nullopt);
  EXPECT_EQ(PriceOfCallRoundedUp(dearest, kSecondsMax), std::nullopt);
  EXPECT_EQ(BilledSeconds(dearest, kSecondsMax), std::nullopt);
  EXPECT_EQ(ExplainPriceOfCall(dearest, kSecondsMax), std::nullopt);
}

TEST(CallPrice, FitsUpToTheLastMicro) {
  const Tariff micro_a_second = {.rate_nanos_per_minute = 60'000};

  EXPECT_THAT(PriceOfCallRoundedUp(micro_a_second, kSecondsMax), Optional(Micros::Max()));

  Tariff one_more = micro_a_second;
  one_more.connect_fee = Micros(1);
  EXPECT_EQ(PriceOfCallRoundedUp(one_more, kSecondsMax), std::nullopt);
  EXPECT_THAT(PriceOfCallRoundedUp(one_more, kSecondsMax - 1), Optional(Micros::Max()));
}

TEST(UnitPrice, IsTheFeeTimesTheCount) {
  const Tariff tariff = {.unit_fee = Micros(7'900)};

  EXPECT_THAT(PriceOfUnits(tariff, 3), Optional(Micros(23'700)));
  EXPECT_THAT(PriceOfUnits(tariff, 0), Optional(Micros(0)));
}

TEST(UnitPrice, IsNothingWhereItDoesNotFit) {
  const Tariff tariff = {.unit_fee = kFeeMax};

  EXPECT_EQ(PriceOfUnits(tariff, 9'224), std::nullopt);
  EXPECT_EQ(PriceOfUnits(tariff, kSecondsMax), std::nullopt);
  EXPECT_EQ(PriceOfUnits(tariff, -1), std::nullopt);
  EXPECT_EQ(ExplainPriceOfUnits(tariff, kSecondsMax), std::nullopt);
}

TEST(Grant, IsWholeWhereTheBudgetPaysForAll) {
  EXPECT_THAT(LongestAffordable(kByTheMinute, Micros(8'000'000), 1'800),
              Optional(Grant{.seconds = 1'800, .amount = Micros(6'000'000), .limited = false}));
}

TEST(Grant, EndsWithTheLastBlockThatTheBudgetPaysFor) {
  EXPECT_THAT(LongestAffordable(kByTheMinute, Micros(2'000'000), 1'800),
              Optional(Grant{.seconds = 600, .amount = Micros(2'000'000), .limited = true}));
  EXPECT_THAT(LongestAffordable(kByTheMinute, Micros(2'199'999), 1'800),
              Optional(Grant{.seconds = 600, .amount = Micros(2'000'000), .limited = true}));
}

TEST(Grant, StopsWhereItWasAskedToWithinABlock) {
  EXPECT_THAT(LongestAffordable(kByTheMinute, Micros(400'000), 61),
              Optional(Grant{.seconds = 61, .amount = Micros(400'000), .limited = false}));
}

TEST(Grant, IsNothingWhereTheFirstBlockIsNotAffordable) {
  EXPECT_THAT(LongestAffordable(kByTheMinute, Micros(200'000), 5),
              Optional(Grant{.seconds = 5, .amount = Micros(200'000), .limited = false}));
  EXPECT_EQ(LongestAffordable(kByTheMinute, Micros(199'999), 5), std::nullopt);
  EXPECT_EQ(LongestAffordable(kByTheMinute, Micros(-1), 5), std::nullopt);
}

TEST(Grant, OfWhatIsFreeNeedsNoBudget) {
  const Grant whole = {.seconds = 3'600, .amount = Micros(0), .limited = false};

  EXPECT_THAT(LongestAffordable(Tariff{}, Micros(0), 3'600), Optional(whole));
  EXPECT_THAT(LongestAffordable(Tariff{}, Micros::Min(), 3'600), Optional(whole));
}

TEST(Grant, OfACallWithOnlyAConnectFeeIsAllOrNothing) {
  const Tariff per_call = {.connect_fee = Micros(100'000)};

  EXPECT_THAT(LongestAffordable(per_call, Micros(100'000), kSecondsMax),
              Optional(Grant{.seconds = kSecondsMax, .amount = Micros(100'000)}));
  EXPECT_EQ(LongestAffordable(per_call, Micros(99'999), 1), std::nullopt);
}

TEST(Grant, SetsTheAttemptFeeAsideWhereItIsMoreThanThePrice) {
  const Tariff tariff = {.attempt_fee = Micros(500), .rate_nanos_per_minute = 60'000};

  EXPECT_THAT(LongestAffordable(tariff, Micros(500), 10),
              Optional(Grant{.seconds = 10, .amount = Micros(500), .limited = false}));
  EXPECT_EQ(LongestAffordable(tariff, Micros(499), 10), std::nullopt);
}

TEST(Grant, CountsTheSecondRate) {
  EXPECT_THAT(LongestAffordable(kCheaperAfter, Micros(641'667), 600),
              Optional(Grant{.seconds = 85, .amount = Micros(641'667), .limited = true}));
  EXPECT_THAT(LongestAffordable(kCheaperAfter, Micros(641'666), 600),
              Optional(Grant{.seconds = 84, .amount = Micros(640'000), .limited = true}));
}

TEST(Grant, IsUnlimitedWhereTheSecondRateIsFree) {
  Tariff tariff = kCheaperAfter;
  tariff.rate_after_nanos_per_minute = 0;

  EXPECT_THAT(LongestAffordable(tariff, Micros(600'000), kSecondsMax),
              Optional(Grant{.seconds = kSecondsMax, .amount = Micros(600'000)}));
}

TEST(Grant, EndsWhereAFreeFirstRateEnds) {
  const Tariff tariff = {.initial_increment_seconds = 30,
                         .increment_seconds = 30,
                         .rate_after_seconds = 75,
                         .rate_after_nanos_per_minute = 60'000'000};

  EXPECT_THAT(LongestAffordable(tariff, Micros(0), 600),
              Optional(Grant{.seconds = 60, .amount = Micros(0), .limited = true}));
}

TEST(Grant, TakesNoLongerForTheLargestNumbers) {
  const Tariff micro_a_second = {.rate_nanos_per_minute = 60'000};

  EXPECT_THAT(LongestAffordable(micro_a_second, Micros::Max(), kSecondsMax),
              Optional(Grant{.seconds = kSecondsMax, .amount = Micros::Max()}));
  EXPECT_THAT(
      LongestAffordable({.rate_nanos_per_minute = kRateNanosPerMinuteMax}, Micros::Max(),
                        kSecondsMax),
      Optional(
          Grant{.seconds = 553'402, .amount = Micros(9'223'366'666'666'666'667), .limited = true}));
}

TEST(Grant, IsNothingWhereNothingIsRequested) {
  EXPECT_EQ(LongestAffordable(Tariff{}, Micros(1), 0), std::nullopt);
  EXPECT_EQ(LongestAffordable(Tariff{}, Micros(1), -1), std::nullopt);
}

TEST(PriceSteps, ShowFeesBlocksAndRounding) {
  using Kind = PriceStep::Kind;

  EXPECT_THAT(
      ExplainPriceOfCall(kCheaperAfter, 85),
      Optional(ElementsAre(
          PriceStep{.kind = Kind::kConnectFee, .quantity = 1, .amount = {Micros(400'000), 0}},
          PriceStep{.kind = Kind::kFirstBlock,
                    .quantity = 60,
                    .rate_nanos_per_minute = 200'000'000,
                    .amount = {Micros(200'000), 0}},
          PriceStep{.kind = Kind::kNextBlocks,
                    .quantity = 25,
                    .rate_nanos_per_minute = 100'000'000,
                    .amount = {Micros(41'666), 40'000}},
          PriceStep{.kind = Kind::kRounding, .amount = {Micros(0), 20'000}})));
}

TEST(PriceSteps, OfAnUnansweredCallAreItsAttemptFee) {
  EXPECT_THAT(ExplainPriceOfCall({.attempt_fee = Micros(5)}, 0),
              Optional(ElementsAre(PriceStep{
                  .kind = PriceStep::Kind::kAttemptFee, .quantity = 1, .amount = {Micros(5), 0}})));
  EXPECT_THAT(ExplainPriceOfCall(kByTheMinute, 0), Optional(IsEmpty()));
}

TEST(PriceSteps, OfUnitsAreOne) {
  EXPECT_THAT(ExplainPriceOfUnits({.unit_fee = Micros(5)}, 3),
              Optional(ElementsAre(PriceStep{
                  .kind = PriceStep::Kind::kUnits, .quantity = 3, .amount = {Micros(15), 0}})));
}

TEST(TariffProblem, NamesTheFieldThatIsOutOfRange) {
  struct Case {
    Tariff tariff;
    absl::string_view field;
  };
  const std::vector<Case> cases = {
      {{.connect_fee = Micros(-1)}, "connect_fee"},
      {{.connect_fee = Micros(kFeeMax.value() + 1)}, "connect_fee"},
      {{.attempt_fee = Micros(-1)}, "attempt_fee"},
      {{.rate_nanos_per_minute = -1}, "rate_per_minute"},
      {{.rate_nanos_per_minute = kRateNanosPerMinuteMax + 1}, "rate_per_minute"},
      {{.initial_increment_seconds = 0}, "initial_increment"},
      {{.initial_increment_seconds = kIncrementSecondsMax + 1}, "initial_increment"},
      {{.increment_seconds = 0}, "increment"},
      {{.increment_seconds = -6}, "increment"},
      {{.rate_after_seconds = -1}, "rate_after_seconds"},
      {{.rate_after_seconds = kRateAfterSecondsMax + 1}, "rate_after_seconds"},
      {{.rate_after_nanos_per_minute = 1}, "rate_after_per_minute"},
      {{.rate_after_seconds = 1, .rate_after_nanos_per_minute = -1}, "rate_after_per_minute"},
      {{.unit_fee = Micros::Max()}, "unit_fee"},
  };
  for (const Case& c : cases) {
    const std::optional<FieldProblem> problem = FindProblem(c.tariff);
    ASSERT_TRUE(problem.has_value()) << c.field;
    EXPECT_EQ(problem->field, c.field);
  }
}

TEST(TariffProblem, IsNothingForWhatIsWithinRange) {
  EXPECT_FALSE(FindProblem(Tariff{}).has_value());
  EXPECT_FALSE(FindProblem(kCheaperAfter).has_value());
}

TEST(TariffDeathTest, PricingWithABrokenTariffStopsTheProcess) {
  const Tariff broken = {.increment_seconds = 0};

  EXPECT_DEATH(PriceOfCallRoundedUp(broken, 5), "check failed");
  EXPECT_DEATH(LongestAffordable(broken, Micros(5), 5), "check failed");
}

}  // namespace
}  // namespace farebox::rating
