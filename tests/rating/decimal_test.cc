#include "server/rating/decimal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace farebox::rating {
namespace {

using ::testing::HasSubstr;

TEST(Decimal, IsReadExactly) {
  struct Case {
    absl::string_view text;
    int decimals;
    int64_t value;
  };
  const std::vector<Case> cases = {
      {"0", 6, 0},
      {"1", 6, 1'000'000},
      {"0.0123", 6, 12'300},
      {"0.000001", 6, 1},
      {"00012.5", 6, 12'500'000},
      {"0.1", 9, 100'000'000},
      {"0.004500001", 9, 4'500'001},
      {"9223372036854.775807", 6, std::numeric_limits<int64_t>::max()},
      {"7", 0, 7},
  };
  for (const Case& c : cases) {
    const absl::StatusOr<int64_t> value = ParseDecimal(c.text, c.decimals);
    ASSERT_TRUE(value.ok()) << c.text << ": " << value.status();
    EXPECT_EQ(*value, c.value) << c.text;
  }
}

TEST(Decimal, IsNothingElse) {
  struct Case {
    absl::string_view text;
    absl::string_view why;
  };
  const std::vector<Case> cases = {
      {"", "must be a decimal"},
      {".", "must be a decimal"},
      {".5", "must be a decimal"},
      {"5.", "must be a decimal"},
      {"-1", "must be a decimal"},
      {"+1", "must be a decimal"},
      {" 1", "must be a decimal"},
      {"1 ", "must be a decimal"},
      {"0,5", "must be a decimal"},
      {"1e3", "must be a decimal"},
      {"0x10", "must be a decimal"},
      {"1.2.3", "must be a decimal"},
      {"NaN", "must be a decimal"},
      {"$1", "must be a decimal"},
      {"1.-5", "must be a decimal"},
      {"1'000", "must be a decimal"},
      {"0.0000001", "has more than 6 decimals"},
      {"1.0000000", "has more than 6 decimals"},
      {"9223372036854.775808", "is too large"},
      {"99999999999999999999999999", "is too large"},
  };
  for (const Case& c : cases) {
    const absl::StatusOr<int64_t> value = ParseDecimal(c.text, 6);
    ASSERT_FALSE(value.ok()) << c.text;
    EXPECT_THAT(std::string(value.status().message()), HasSubstr(std::string(c.why))) << c.text;
  }
}

TEST(Decimal, IsWrittenInTheFewestDigits) {
  EXPECT_EQ(FormatDecimal(0, 6), "0");
  EXPECT_EQ(FormatDecimal(1, 6), "0.000001");
  EXPECT_EQ(FormatDecimal(12'300, 6), "0.0123");
  EXPECT_EQ(FormatDecimal(20'000'000, 6), "20");
  EXPECT_EQ(FormatDecimal(7, 0), "7");
  EXPECT_EQ(FormatDecimal(std::numeric_limits<int64_t>::max(), 9), "9223372036.854775807");
}

}  // namespace
}  // namespace farebox::rating
