#include "server/mail/amounts.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace farebox::mail {
namespace {

TEST(Amount, HasTheDecimalsOfItsCurrency) {
  struct Case {
    int64_t micros;
    std::string currency_code;
    std::string text;
  };
  const std::vector<Case> cases = {
      {12'500'000, "USD", "12.50 USD"},
      {0, "EUR", "0.00 EUR"},
      {50'000, "EUR", "0.05 EUR"},
      {1'250'000'000, "JPY", "1250 JPY"},
      {0, "JPY", "0 JPY"},
      {12'345'000, "KWD", "12.345 KWD"},
      {5'000, "BHD", "0.005 BHD"},
      {1'234'500, "CLF", "1.2345 CLF"},
      {1'000'000, "ZZZ", "1.00 ZZZ"},
      {1'000'000'000'000'000, "USD", "1000000000.00 USD"},
      {Micros::Max().value(), "USD", "9223372036854.77 USD"},
      {Micros::Min().value(), "USD", "-9223372036854.78 USD"},
      {Micros::Min().value(), "CLF", "-9223372036854.7759 CLF"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(FormatAmountRoundedDown(Micros(c.micros), c.currency_code), c.text);
  }
}

TEST(Amount, IsNeverMoreThanThereIs) {
  EXPECT_EQ(FormatAmountRoundedDown(Micros(9'999), "USD"), "0.00 USD");
  EXPECT_EQ(FormatAmountRoundedDown(Micros(19'999), "USD"), "0.01 USD");
  EXPECT_EQ(FormatAmountRoundedDown(Micros(999'999), "JPY"), "0 JPY");
  EXPECT_EQ(FormatAmountRoundedDown(Micros(-1), "USD"), "-0.01 USD");
  EXPECT_EQ(FormatAmountRoundedDown(Micros(-10'000), "USD"), "-0.01 USD");
  EXPECT_EQ(FormatAmountRoundedDown(Micros(-10'001), "USD"), "-0.02 USD");
  EXPECT_EQ(FormatAmountRoundedDown(Micros(-1), "JPY"), "-1 JPY");
}

}  // namespace
}  // namespace farebox::mail
