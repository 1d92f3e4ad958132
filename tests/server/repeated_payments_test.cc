// Requests about payments that come a second time, since the first answer was lost.

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "tests/server/payments_fixture.h"
#include "tests/server/thread_gate.h"
#include "tests/support/await.h"

namespace farebox::server {
namespace {

using Stub = v1::RechargeService::Stub;
using ::testing::IsEmpty;

class RepeatedPaymentsTest : public StripePaymentsTest {
 protected:
  Config MakeConfig() const override {
    Config config = StripePaymentsTest::MakeConfig();
    config.payments.limits = limits_;
    return config;
  }

  // The setup of a card that was entered and is not on file yet.
  std::string EnterCard() {
    const auto setup = Ask(&Stub::StartCardSetup,
                           "account_id: 'acme' return_url: 'https://farebox.example/cards'");
    stripe_.EnterCard(setup->setup_id(), "pm_card_visa");
    return setup->setup_id();
  }
  // Puts it on file; its id.
  std::string Complete(const std::string& setup_id) {
    return Ask(&Stub::CompleteCardSetup,
               absl::Substitute("account_id: 'acme' second: true setup_id: '$0'", setup_id))
        ->card()
        .card_id();
  }
  Answer<v1::DeleteCardResponse> DeleteCard(const std::string& card_id) {
    return Ask(&Stub::DeleteCard, absl::Substitute("account_id: 'acme' card_id: '$0'", card_id));
  }

  bool IsAskedToForget(const std::string& card_id) {
    const std::vector<StubRequest> received = stripe_.received();
    return std::any_of(received.begin(), received.end(), [&](const StubRequest& request) {
      return absl::EndsWith(request.target, absl::StrCat(card_id, "/detach"));
    });
  }
  void AwaitAskedToForget(const std::string& card_id) {
    EXPECT_TRUE(testing::Await([&] { return IsAskedToForget(card_id); })) << card_id;
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

// Once, the limits kept it on: nothing but other amounts switched it off.
TEST_F(RepeatedPaymentsTest, AutoRechargeIsSwitchedOffWhateverTheLimitsAreByThen) {
  const auto update = [this](absl::string_view settings) {
    return Ask(&Stub::UpdateAutoRecharge,
               absl::Substitute("account_id: 'acme' auto_recharge { $0 }", settings));
  };
  ASSERT_THAT(Ask(&Stub::UpdateAutoRecharge, kAutoRecharge), Answers(""));
  limits_.others.amount_above = Micros(90'000'000);
  limits_.others.threshold_min = Micros(20'000'000);
  Restart();
  recharges_ = v1::RechargeService::NewStub(channel_);

  EXPECT_THAT(update("enabled: false amount_micros: 61000000 threshold_micros: 15000000 "
                     "failure_email: 'money@acme.example'"),
              BlamesField("auto_recharge.amount_micros"));
  EXPECT_THAT(Ask(&Stub::UpdateAutoRecharge, "account_id: 'acme'"), BlamesField("auto_recharge"));
  for (const char* off : {"enabled: false",
                          "enabled: false amount_micros: 60000000 "
                          "threshold_micros: 15000000 failure_email: "
                          "'money@acme.example' monthly_sum_max_micros: "
                          "1200000000"}) {
    const auto answer = update(off);
    EXPECT_THAT(answer, Answers("auto_recharge { mode: RECHARGE_MODE_FIXED amount_micros: "
                                "60000000 threshold_micros: 15000000 daily_charges_max: 5 "
                                "failure_email: 'money@acme.example' monthly_sum_max_micros: "
                                "1200000000 }"));
    EXPECT_FALSE(answer->auto_recharge().enabled()) << off;
  }
  // Switching on looks at all of it.
  EXPECT_THAT(Ask(&Stub::UpdateAutoRecharge, kAutoRecharge),
              BlamesField("auto_recharge.amount_micros"));
}

// Once, the answer came after the provider's, perhaps too late for who had asked; and who asked
// again was told that there was no such card.
TEST_F(RepeatedPaymentsTest, ACardIsDeletedBeforeTheProviderForgetsIt) {
  const std::string card_id = Complete(EnterCard());
  ThreadGate provider;
  stripe_.AnswerAfterwards({.gate = &provider});
  const SystemClock clock;
  const absl::Time before = clock.Now();

  EXPECT_THAT(DeleteCard(card_id), Answers(""));
  provider.AwaitReached();
  EXPECT_THAT(DeleteCard(card_id), Answers(""));
  EXPECT_THAT(Ask(&Stub::GetCard, "account_id: 'acme'")->cards(), IsEmpty());

  // Far less than the server waits for a provider.
  EXPECT_LT(clock.Now() - before, absl::Seconds(20));
  EXPECT_TRUE(IsAskedToForget(card_id));
}

TEST_F(RepeatedPaymentsTest, ACardThatIsOnFileAgainIsNotForgotten) {
  const std::string first = Complete(EnterCard());
  ThreadGate provider;
  stripe_.AnswerAfterwards({.gate = &provider});
  ASSERT_THAT(DeleteCard(first), Answers(""));
  provider.AwaitReached();
  const std::string setup_id = EnterCard();
  const std::string second = Complete(setup_id);
  ASSERT_THAT(DeleteCard(second), Answers(""));

  // The customer's browser loads the page anew that ends the setup.
  EXPECT_EQ(Complete(setup_id), second);
  provider.Open();

  const std::string third = Complete(EnterCard());
  ASSERT_THAT(DeleteCard(third), Answers(""));
  AwaitAskedToForget(third);
  EXPECT_FALSE(IsAskedToForget(second));
  EXPECT_THAT(Pay("p1", 25'000'000), Answers(""));
}

}  // namespace
}  // namespace farebox::server
