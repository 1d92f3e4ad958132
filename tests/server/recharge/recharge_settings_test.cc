#include "server/recharge/recharge_settings.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "storage/errors.h"

namespace farebox::server {
namespace {

v1::AutoRecharge SomeSettings(v1::RechargeMode mode) {
  v1::AutoRecharge settings;
  settings.set_enabled(true);
  settings.set_mode(mode);
  settings.set_amount_micros(60'000'000);
  settings.set_threshold_micros(15'000'000);
  settings.set_failure_email("a@acme.example");
  CompleteAutoRecharge(&settings);
  return settings;
}

TEST(CheckAutoRechargeTest, ACurrencyThatNoCardIsChargedInIsRefused) {
  for (const v1::RechargeMode mode : {v1::RECHARGE_MODE_FIXED, v1::RECHARGE_MODE_TARGET}) {
    const v1::AutoRecharge settings = SomeSettings(mode);

    EXPECT_TRUE(CheckAutoRecharge(settings, RechargeLimits(), "USD").ok());
    EXPECT_EQ(GetReason(CheckAutoRecharge(settings, RechargeLimits(), "UGX")),
              Reason::kAmountInvalid)
        << mode;
  }
}

TEST(CheckAutoRechargeTest, AFixedAmountIsNoLessThanTheProviderTakes) {
  v1::AutoRecharge settings = SomeSettings(v1::RECHARGE_MODE_FIXED);
  settings.set_amount_micros(174'990'000);
  const absl::Status refused = CheckAutoRecharge(settings, RechargeLimits(), "HUF");

  EXPECT_EQ(GetReason(refused), Reason::kAmountInvalid);
  EXPECT_TRUE(absl::StrContains(refused.message(), "at least 175.00 HUF")) << refused;
  settings.set_amount_micros(175'000'000);
  EXPECT_TRUE(CheckAutoRecharge(settings, RechargeLimits(), "HUF").ok());
  // A balance to reach is no charge.
  settings.set_mode(v1::RECHARGE_MODE_TARGET);
  settings.set_amount_micros(100'000'000);
  EXPECT_TRUE(CheckAutoRecharge(settings, RechargeLimits(), "HUF").ok());
}

TEST(CheckPaymentTest, APaymentIsNoLessThanTheProviderTakes) {
  const struct {
    int64_t least;
    int64_t step;
    const char* currency;
    const char* text;
  } kRows[] = {{500'000, 10'000, "USD", "at least 0.50 USD"},
               {50'000'000, 1'000'000, "JPY", "at least 50 JPY"},
               {10'000, 10'000, "KWD", "at least 0.010 KWD"}};
  for (const auto& row : kRows) {
    const auto check = [&](int64_t micros) {
      return CheckPayment("alice", Micros(micros), RechargeLimits(), row.currency);
    };

    EXPECT_TRUE(check(row.least).ok()) << row.currency;
    const absl::Status refused = check(row.least - row.step);
    EXPECT_EQ(GetReason(refused), Reason::kAmountInvalid) << row.currency;
    EXPECT_TRUE(absl::StrContains(refused.message(), row.text)) << refused;
  }
}

}  // namespace
}  // namespace farebox::server
