#include "client/cli/decimal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"

namespace farebox::cli {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(ParseMicrosTest, ReadsUnitsAndUpToSixDecimals) {
  struct Row {
    const char* text;
    int64_t micros;
  };
  for (const Row& row : {Row{"0", 0}, Row{"12", 12'000'000}, Row{"12.5", 12'500'000},
                         Row{"12.50", 12'500'000}, Row{"0.000001", 1}, Row{"007.10", 7'100'000},
                         Row{"0.1", 100'000}, Row{"9223372036854.775807", kMax}}) {
    const absl::StatusOr<int64_t> micros = ParseMicros(row.text);

    ASSERT_TRUE(micros.ok()) << row.text << ": " << micros.status();
    EXPECT_EQ(*micros, row.micros) << row.text;
  }
}

TEST(ParseMicrosTest, RefusesWhatIsNoAmount) {
  for (const char* text : {"", ".", "1.", ".5", "-1", "+1", "1,5", "1,000.00", "1e3", " 1", "1 ",
                           "1.2.3", "0x10", "1.5 USD", "nan", "inf", "\xd9\xa1", "1_000"}) {
    EXPECT_THAT(ParseMicros(text).status().message(), HasSubstr("is not an amount")) << text;
  }
}

TEST(ParseMicrosTest, RefusesADecimalThatWouldBeLost) {
  EXPECT_THAT(ParseMicros("0.0000001").status().message(), HasSubstr("six decimals"));
  EXPECT_THAT(ParseMicros("1.0000000").status().message(), HasSubstr("six decimals"));
}

TEST(ParseMicrosTest, RefusesWhatNoEntryCanHold) {
  EXPECT_THAT(ParseMicros("9223372036854.775808").status().message(), HasSubstr("too large"));
  EXPECT_THAT(ParseMicros(std::string(400, '9')).status().message(), HasSubstr("too large"));
}

TEST(FormatMicrosTest, ShowsTwoDecimalsAndWhatIsSignificant) {
  EXPECT_EQ(FormatMicros(0), "0.00");
  EXPECT_EQ(FormatMicros(12'000'000), "12.00");
  EXPECT_EQ(FormatMicros(12'500'000), "12.50");
  EXPECT_EQ(FormatMicros(12'345'000), "12.345");
  EXPECT_EQ(FormatMicros(1), "0.000001");
  EXPECT_EQ(FormatMicros(-4'000), "-0.004");
  EXPECT_EQ(FormatMicros(-12'000'000), "-12.00");
}

TEST(FormatMicrosTest, HasRoomForEveryNumber) {
  EXPECT_EQ(FormatMicros(std::numeric_limits<int64_t>::min()), "-9223372036854.775808");
  EXPECT_EQ(FormatMicros(absl::Int128Max()), "170141183460469231731687303715884.105727");
  EXPECT_EQ(FormatMicros(absl::Int128Min()), "-170141183460469231731687303715884.105728");
}

TEST(FormatNanosTest, ShowsUpToNineDecimals) {
  EXPECT_EQ(FormatNanos(4'500'000), "0.0045");
  EXPECT_EQ(FormatNanos(1), "0.000000001");
  EXPECT_EQ(FormatNanos(2'000'000'000), "2.00");
}

// Numbers of all lengths, so that short ones are not lost among the long.
int64_t AnyMicros(std::mt19937_64* random) {
  return static_cast<int64_t>((*random)() >> (1 + (*random)() % 63));
}

TEST(DecimalPropertyTest, WhatIsShownIsReadAsTheSameAmount) {
  std::mt19937_64 random(20260301);
  for (int i = 0; i < 100'000; ++i) {
    const int64_t micros = AnyMicros(&random);
    const std::string text = FormatMicros(micros);

    ASSERT_EQ(ParseMicros(text).value_or(-1), micros) << text;
    ASSERT_EQ(FormatMicros(-absl::int128(micros)), micros == 0 ? text : absl::StrCat("-", text));
  }
}

TEST(DecimalPropertyTest, WhatIsReadIsTheSumOfItsDigits) {
  std::mt19937_64 random(20260302);
  for (int i = 0; i < 100'000; ++i) {
    const int64_t whole = AnyMicros(&random) % 9'000'000'000'000;
    const int64_t fraction = AnyMicros(&random) % 1'000'000;
    std::string decimals = absl::StrCat(1'000'000 + fraction).substr(1);
    const std::string text = absl::StrCat(whole, ".", decimals);

    ASSERT_EQ(ParseMicros(text).value_or(-1), whole * 1'000'000 + fraction) << text;
  }
}

TEST(DecimalPropertyTest, OfAnyBytesOnlyAmountsAreRead) {
  std::mt19937_64 random(20260303);
  const std::string alphabet = "0123456789..-+e, ";
  for (int i = 0; i < 100'000; ++i) {
    std::string text;
    for (uint64_t n = random() % 12; n > 0; --n) text += alphabet[random() % alphabet.size()];
    const absl::StatusOr<int64_t> micros = ParseMicros(text);
    if (!micros.ok()) continue;

    EXPECT_EQ(text.find_first_not_of("0123456789."), std::string::npos) << text;
    EXPECT_EQ(ParseMicros(FormatMicros(*micros)).value_or(-1), *micros) << text;
  }
}

}  // namespace
}  // namespace farebox::cli
