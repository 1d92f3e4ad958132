#include "server/recharge/provider_amount.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>

namespace farebox::server {
namespace {

using ::testing::Eq;
using ::testing::Optional;

TEST(ProviderAmountTest, WholeUnitsAreConvertedBothWays) {
  const struct {
    int64_t micros;
    const char* currency;
    int64_t units;
  } kRows[] = {
      {0, "USD", 0},
      {10'000, "USD", 1},
      {50'010'000, "usd", 5'001},
      {1'000'000, "JPY", 1},
      {5'000'000'000, "krw", 5'000},
      {1'000'000, "KWD", 1'000},
      {1'230'000, "BHD", 1'230},
      {7'000'000, "ISK", 700},
      {92'233'720'368'540'000'00, "EUR", 922'337'203'685'400},
  };
  for (const auto& row : kRows) {
    EXPECT_THAT(ToProviderUnits(Micros(row.micros), row.currency), Optional(row.units))
        << row.micros << " " << row.currency;
    EXPECT_THAT(FromProviderUnits(row.units, row.currency), Optional(Micros(row.micros)))
        << row.units << " " << row.currency;
  }
}

TEST(ProviderAmountTest, NothingIsRounded) {
  const struct {
    int64_t micros;
    const char* currency;
  } kRows[] = {
      {1, "USD"},         {9'999, "USD"},   {10'001, "EUR"},    {999'999, "JPY"},
      {1'500'000, "JPY"}, {1'000, "KWD"},   {1'005'000, "KWD"}, {500, "TND"},
      {1'010'000, "ISK"}, {100'000, "CLP"}, {-10'000, "USD"},
  };
  for (const auto& row : kRows) {
    EXPECT_EQ(ToProviderUnits(Micros(row.micros), row.currency), std::nullopt)
        << row.micros << " " << row.currency;
  }
}

TEST(ProviderAmountTest, ACurrencyThatIsNotSurelyKnownIsRefused) {
  for (const char* const currency : {"", "US", "USDX", "U D", "US1", "UGX", "ugx"}) {
    EXPECT_EQ(ToProviderUnits(Micros(1'000'000), currency), std::nullopt) << currency;
    EXPECT_EQ(FromProviderUnits(100, currency), std::nullopt) << currency;
  }
}

TEST(ProviderAmountTest, WhatDoesNotFitIsAbsent) {
  EXPECT_EQ(FromProviderUnits(std::numeric_limits<int64_t>::max(), "USD"), std::nullopt);
  EXPECT_EQ(FromProviderUnits(-1, "USD"), std::nullopt);
  EXPECT_EQ(ToProviderUnits(Micros::Min(), "USD"), std::nullopt);
}

// The three-decimal amounts that others may have charged are read, though none is made.
TEST(ProviderAmountTest, AnOddAmountOfTheProvidersIsRead) {
  EXPECT_THAT(FromProviderUnits(1'005, "KWD"), Optional(Eq(Micros(1'005'000))));
}

TEST(ChargeStepTest, IsWhatAmountsAreMultiplesOf) {
  EXPECT_EQ(ChargeStep("USD"), Micros(10'000));
  EXPECT_EQ(ChargeStep("JPY"), Micros(1'000'000));
  EXPECT_EQ(ChargeStep("KWD"), Micros(10'000));
  EXPECT_EQ(ChargeStep("ISK"), Micros(1'000'000));
  EXPECT_EQ(ChargeStep("UGX"), std::nullopt);
}

TEST(LeastChargeTest, IsTheProvidersAndAMultipleOfTheStep) {
  EXPECT_EQ(LeastCharge("USD"), Micros(500'000));
  EXPECT_EQ(LeastCharge("gbp"), Micros(300'000));
  EXPECT_EQ(LeastCharge("JPY"), Micros(50'000'000));
  EXPECT_EQ(LeastCharge("KWD"), Micros(10'000)) << "the provider names none";
  EXPECT_EQ(LeastCharge("UGX"), std::nullopt);
}

}  // namespace
}  // namespace farebox::server
