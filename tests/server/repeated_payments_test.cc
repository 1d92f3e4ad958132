// Requests about payments that come a second time, since the first answer was lost.

#include <string>

#include "tests/server/payments_fixture.h"

namespace farebox::server {
namespace {

using Stub = v1::RechargeService::Stub;

class RepeatedPaymentsTest : public StripePaymentsTest {
 protected:
  Config MakeConfig() const override {
    Config config = StripePaymentsTest::MakeConfig();
    config.payments.limits = limits_;
    return config;
  }

  RechargeLimitTable limits_;
};

// Once, it was refused by the limit, and whoever believed that paid again.
TEST_F(RepeatedPaymentsTest, APaymentIsToldAgainWhateverTheLimitIsByThen) {
  RegisterCard("pm_card_visa");
  ASSERT_THAT(Pay("p1", 900'000'000), Answers(""));
  limits_.others.charge_max = Micros(500'000'000);
  Restart();
  recharges_ = v1::RechargeService::NewStub(channel_);

  EXPECT_THAT(Pay("p1", 900'000'000), Answers("replayed: true"));
  EXPECT_THAT(Pay("p2", 900'000'000),
              FailsWith(grpc::StatusCode::FAILED_PRECONDITION, "RECHARGE_LIMIT"));
  EXPECT_EQ(Charges(), 1);
}

}  // namespace
}  // namespace farebox::server
