#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <vector>

#include "server/rating/limits.h"
#include "server/rating/tariff.h"
#include "tests/rating/oracle_tariff.h"
#include "tests/support/price_oracle.h"

namespace farebox::rating {
namespace {

constexpr int kTariffs = 20'000;
constexpr int64_t kBlocksMax = 200;  // The oracle walks through them one by one.

// Tariffs, lengths and budgets, the same ones in every run.
class RatingProperty : public ::testing::Test {
 protected:
  int64_t Between(int64_t min, int64_t max) {
    return std::uniform_int_distribution<int64_t>(min, max)(random_);
  }

  bool OneIn(int n) { return Between(1, n) == 1; }

  // Small and large numbers equally often, and their bounds sometimes.
  int64_t AnySize(int64_t max) {
    if (OneIn(10)) return 0;
    if (OneIn(20)) return max;
    const int bits_max = 64 - __builtin_clzll(static_cast<uint64_t>(max));
    return std::min(max,
                    Between(0, std::numeric_limits<int64_t>::max()) >> (63 - Between(1, bits_max)));
  }

  int32_t AnyIncrement() {
    constexpr int32_t kUsual[] = {1, 6, 30, 60};
    if (OneIn(2)) return kUsual[Between(0, 3)];
    return static_cast<int32_t>(std::max<int64_t>(1, AnySize(kIncrementSecondsMax)));
  }

  Tariff AnyTariff() {
    Tariff tariff = {.connect_fee = Micros(AnySize(kFeeMax.value())),
                     .rate_nanos_per_minute = AnySize(kRateNanosPerMinuteMax),
                     .initial_increment_seconds = AnyIncrement(),
                     .increment_seconds = AnyIncrement()};
    if (OneIn(3)) tariff.connect_fee = Micros(0);
    if (OneIn(3)) tariff.attempt_fee = Micros(AnySize(1'000'000));
    if (OneIn(2)) {
      const int64_t border = AnySize(4 * tariff.initial_increment_seconds + 600);
      tariff.rate_after_seconds = static_cast<int32_t>(std::max<int64_t>(1, border));
      tariff.rate_after_nanos_per_minute = AnySize(kRateNanosPerMinuteMax);
    }
    return tariff;
  }

  int64_t AnySeconds(const Tariff& tariff) {
    const int64_t blocks = AnySize(kBlocksMax) * tariff.increment_seconds;
    return std::max<int64_t>(1, tariff.initial_increment_seconds + blocks - AnySize(60));
  }

  // Often a price, or one micro off it: where mistakes would be.
  Micros AnyBudget(const Tariff& tariff) {
    if (OneIn(8)) return Micros(Between(std::numeric_limits<int64_t>::min(), 0));
    const std::optional<Micros> price = PriceOfCallRoundedUp(tariff, AnySeconds(tariff));
    if (OneIn(4) || !price.has_value()) {
      return Micros(AnySize(std::numeric_limits<int64_t>::max()));
    }
    return CheckedAdd(*price, Micros(Between(-1, 1))).value_or(*price);
  }

  std::mt19937_64 random_{20'260'131};
};

TEST_F(RatingProperty, PriceAgreesWithTheOracle) {
  int fitting = 0;
  for (int i = 0; i < kTariffs; ++i) {
    const Tariff tariff = AnyTariff();
    const int64_t seconds = OneIn(20) ? 0 : AnySeconds(tariff);

    const std::optional<Micros> price = PriceOfCallRoundedUp(tariff, seconds);

    const std::optional<int64_t> expected =
        price_oracle::PriceOfCallMicros(OracleOf(tariff), seconds);
    ASSERT_EQ(price.has_value(), expected.has_value()) << i;
    if (!price.has_value()) continue;
    ++fitting;
    ASSERT_EQ(price->value(), *expected) << i;
  }
  EXPECT_GT(fitting, kTariffs / 2);
  EXPECT_LT(fitting, kTariffs);
}

TEST_F(RatingProperty, PriceNeverFallsAsTheCallGetsLonger) {
  for (int i = 0; i < kTariffs; ++i) {
    const Tariff tariff = AnyTariff();
    const int64_t seconds = AnySeconds(tariff);

    const std::optional<Micros> price = PriceOfCallRoundedUp(tariff, seconds);
    const std::optional<Micros> longer = PriceOfCallRoundedUp(tariff, seconds + AnySize(1'000));

    if (!longer.has_value()) continue;
    ASSERT_TRUE(price.has_value()) << i;
    ASSERT_LE(*price, *longer) << i;
  }
}

TEST_F(RatingProperty, GrantAgreesWithTheOracle) {
  int limited = 0;
  for (int i = 0; i < kTariffs; ++i) {
    const Tariff tariff = AnyTariff();
    const int64_t requested = AnySeconds(tariff);
    const Micros budget = AnyBudget(tariff);

    const std::optional<Grant> grant = LongestAffordable(tariff, budget, requested);

    const int64_t expected =
        price_oracle::LongestAffordableSeconds(OracleOf(tariff), budget.value(), requested);
    ASSERT_EQ(grant.has_value() ? grant->seconds : 0, expected) << i;
    limited += grant.has_value() && grant->limited ? 1 : 0;
  }
  EXPECT_GT(limited, kTariffs / 20);
}

TEST_F(RatingProperty, GrantIsTheLargestThatTheBudgetPaysFor) {
  for (int i = 0; i < kTariffs; ++i) {
    const Tariff tariff = AnyTariff();
    const int64_t requested =
        OneIn(4) ? AnySize(std::numeric_limits<int64_t>::max()) : AnySeconds(tariff);
    const Micros budget = AnyBudget(tariff);
    const Micros spendable = std::max(budget, Micros(0));

    const std::optional<Grant> grant = LongestAffordable(tariff, budget, requested);

    if (!grant.has_value()) {
      const std::optional<Micros> least = PriceOfCallRoundedUp(tariff, 1);
      ASSERT_TRUE(requested == 0 || !least.has_value() || *least > spendable ||
                  tariff.attempt_fee > spendable)
          << i;
      continue;
    }
    const std::optional<Micros> price = PriceOfCallRoundedUp(tariff, grant->seconds);
    ASSERT_TRUE(price.has_value()) << i;
    ASSERT_EQ(grant->amount, std::max(*price, tariff.attempt_fee)) << i;
    ASSERT_LE(grant->amount, spendable) << i;
    ASSERT_EQ(grant->limited, grant->seconds < requested) << i;
    if (!grant->limited) continue;
    const std::optional<Micros> next = PriceOfCallRoundedUp(tariff, grant->seconds + 1);
    ASSERT_TRUE(!next.has_value() || *next > spendable) << i;
  }
}

// The life of a call whose hold grows while it lasts, with interim settlements in between.
TEST_F(RatingProperty, GrowingGrantsAndInterimSettlementsEndAtThePriceOfOneCall) {
  for (int i = 0; i < kTariffs; ++i) {
    const Tariff tariff = AnyTariff();
    const Micros budget = AnyBudget(tariff);
    Micros charged;
    int64_t used = 0;
    for (int64_t requested = AnySeconds(tariff); OneIn(5) == false; requested += AnySize(600)) {
      const std::optional<Grant> grant = LongestAffordable(tariff, budget, requested);
      if (!grant.has_value()) break;
      ASSERT_LE(used, grant->seconds) << i;
      used = Between(std::max<int64_t>(used, 1), grant->seconds);
      const std::optional<Micros> so_far = PriceOfCallRoundedUp(tariff, used);
      ASSERT_TRUE(so_far.has_value() && *so_far <= grant->amount) << i;
      const std::optional<Micros> charge = CheckedSubtract(*so_far, charged);
      ASSERT_FALSE(charge->is_negative()) << i;
      charged = *CheckedAdd(charged, *charge);
    }

    if (used == 0) continue;
    ASSERT_EQ(charged.value(), price_oracle::PriceOfCallMicros(OracleOf(tariff), used)) << i;
    ASSERT_LE(charged, std::max(budget, Micros(0))) << i;
  }
}

TEST_F(RatingProperty, StepsAddUpToThePrice) {
  for (int i = 0; i < kTariffs; ++i) {
    const Tariff tariff = AnyTariff();
    const int64_t seconds = OneIn(20) ? 0 : AnySeconds(tariff);

    const std::optional<std::vector<PriceStep>> steps = ExplainPriceOfCall(tariff, seconds);

    const std::optional<Micros> price = PriceOfCallRoundedUp(tariff, seconds);
    ASSERT_EQ(steps.has_value(), price.has_value()) << i;
    if (!price.has_value()) continue;
    __int128 sum = 0;
    int64_t billed_seconds = 0;
    for (const PriceStep& step : *steps) {
      sum +=
          static_cast<__int128>(step.amount.whole.value()) * 60'000 + step.amount.sixty_thousandths;
      const bool is_time =
          step.kind == PriceStep::Kind::kFirstBlock || step.kind == PriceStep::Kind::kNextBlocks;
      if (is_time) billed_seconds += step.quantity;
    }
    ASSERT_TRUE(sum == static_cast<__int128>(price->value()) * 60'000) << i;
    ASSERT_EQ(billed_seconds, BilledSeconds(tariff, seconds)) << i;
  }
}

}  // namespace
}  // namespace farebox::rating
