#include "server/recharge/recharge_settings.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace farebox::server
