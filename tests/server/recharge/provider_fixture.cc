#include "tests/server/recharge/provider_fixture.h"

#include <algorithm>

#include "server/recharge/simulated_gateway.h"
#include "server/recharge/stripe_gateway.h"
#include "tests/server/recharge/fake_stripe.h"
#include "tests/support/temporary_directory.h"

namespace farebox::server {
namespace {

class SimulatedProvider : public Provider {
 public:
  explicit SimulatedProvider(Clock* clock)
      : gateway_(*SimulatedGateway::Create({.file = directory_ / "provider",
                                            .webhook_secret = webhook_secret(),
                                            .page_url = "https://provider.example",
                                            .slow_delay = absl::ZeroDuration(),
                                            .clock = clock})) {}

  PaymentGateway& gateway() override { return *gateway_; }
  std::string webhook_secret() const final { return "whsec_of_the_tests"; }
  void EnterCard(const std::string& setup_id, const std::string& token) override {
    EXPECT_THAT(gateway_->EnterCard(setup_id, token), IsOk());
  }
  void Confirm(const std::string& payment_id) override {
    EXPECT_THAT(gateway_->AnswerBank(payment_id, true), IsOk());
  }

 private:
  testing::TemporaryDirectory directory_;
  std::unique_ptr<SimulatedGateway> gateway_;
};

class FakeStripeProvider : public Provider {
 public:
  explicit FakeStripeProvider(Clock* clock)
      : stripe_(clock), gateway_(*StripeGateway::Create(stripe_.GatewayOptions())) {}

  PaymentGateway& gateway() override { return *gateway_; }
  std::string webhook_secret() const override { return kFakeWebhookSecret; }
  void EnterCard(const std::string& setup_id, const std::string& token) override {
    stripe_.EnterCard(setup_id, token);
  }
  void Confirm(const std::string& payment_id) override { stripe_.Confirm(payment_id); }

 private:
  FakeStripe stripe_;
  std::unique_ptr<StripeGateway> gateway_;
};

}  // namespace

std::unique_ptr<Provider> MakeSimulatedProvider(Clock* clock) {
  return std::make_unique<SimulatedProvider>(clock);
}

std::unique_ptr<Provider> MakeFakeStripeProvider(Clock* clock) {
  return std::make_unique<FakeStripeProvider>(clock);
}

ChargeRequest RequestFor(const std::string& attempt_id, const std::string& token) {
  return {.attempt_id = attempt_id,
          .account_id = "acme",
          .amount = Micros(20'000'000),
          .currency_code = "EUR",
          .card = {.token = token, .customer = "cus_acme"}};
}

std::vector<std::pair<std::string, int64_t>> AllCharges(PaymentGateway& gateway) {
  std::vector<std::pair<std::string, int64_t>> charges;
  EXPECT_THAT(gateway.ListCharges(
                  absl::InfinitePast(), absl::InfiniteFuture(), [] { return true; },
                  [&](absl::string_view attempt_id, const CardCharge& charge) {
                    charges.emplace_back(attempt_id, charge.amount.value());
                  }),
              IsOk());
  std::sort(charges.begin(), charges.end());
  return charges;
}

}  // namespace farebox::server
