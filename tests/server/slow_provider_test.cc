// A provider that takes its time, or says nothing at all.

#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "server/base/limits.h"
#include "server/recharge/limits.h"
#include "storage/restored_mark.h"
#include "tests/server/payments_fixture.h"
#include "tests/server/thread_gate.h"
#include "tests/support/await.h"

namespace farebox::server {
namespace {

using ::testing::SizeIs;
using Stub = v1::RechargeService::Stub;

class SlowProviderTest : public StripePaymentsTest {
 protected:
  // Asks for what the provider has to do, and does not wait for it.
  grpc::StatusCode AskForSetup() {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(SystemClock().Now() + absl::Milliseconds(100)));
    v1::StartCardSetupResponse response;
    return recharges_
        ->StartCardSetup(&context,
                         Parse<v1::StartCardSetupRequest>(
                             "account_id: 'acme' return_url: 'https://farebox.example/'"),
                         &response)
        .error_code();
  }
};

// The provider takes what it is asked, and says nothing.
class SilentProviderTest : public SlowProviderTest {
 protected:
  Config MakeConfig() const override {
    Config config = StripePaymentsTest::MakeConfig();
    config.payments.provider.stripe_url = silent_->url();
    return config;
  }

  static std::unique_ptr<StubServer> MakeSilent() {
    return std::make_unique<StubServer>(
        [](const StubRequest&) { return StubAnswer{.ending = StubAnswer::Ending::kSilence}; });
  }

  std::unique_ptr<StubServer> silent_ = MakeSilent();
};

TEST_F(SilentProviderTest, WebhooksThatWaitForItHoldUpNothingElse) {
  constexpr size_t kWebhooks = limits::kHttpWebhookThreads;
  v1::Recharge unknown;
  unknown.set_provider_payment_id("pi_unknown");
  std::vector<std::thread> webhooks;
  for (size_t i = 0; i < kWebhooks; ++i) {
    webhooks.emplace_back([&, event = MoneyBack(absl::StrCat("re_", i), unknown, 300)] {
      EXPECT_EQ(Tell("refund.created", event), 503);
    });
  }
  testing::Await([&] { return silent_->received().size() >= kWebhooks; });

  HttpClient impatient({.total_timeout = absl::Seconds(10)});
  for (const char* const path : {"/healthz", "/readyz", "/metrics"}) {
    const auto answer = impatient.Send(
        {.method = "GET", .url = absl::StrCat("http://127.0.0.1:", server_->http_port(), path)});
    EXPECT_TRUE(answer.ok()) << path << ": " << answer.status();
    EXPECT_EQ(answer.ok() ? answer->status : 0, 200) << path;
  }

  silent_.reset();
  for (std::thread& webhook : webhooks) webhook.join();
}

TEST_F(SilentProviderTest, CardsThatWaitForItHoldUpNobodysSettings) {
  constexpr size_t kCards = limits::kProviderThreads;
  std::vector<std::thread> setups;
  for (size_t i = 0; i < kCards; ++i) {
    const std::string account = absl::StrCat("waits-", i);
    OpenAccount(account);
    setups.emplace_back([this, account] {
      EXPECT_THAT(
          Ask(&Stub::StartCardSetup,
              absl::Substitute("account_id: '$0' return_url: 'https://farebox.example/'", account)),
          FailsWith(grpc::StatusCode::UNAVAILABLE, "PROVIDER_UNAVAILABLE"));
    });
  }
  testing::Await([&] { return silent_->received().size() >= kCards; });

  const SystemClock clock;
  const absl::Time before = clock.Now();
  EXPECT_THAT(Ask(&Stub::GetCard, "account_id: 'acme'"), Answers(""));
  EXPECT_THAT(Ask(&Stub::UpdateAutoRecharge, kAutoRecharge), Answers(""));
  EXPECT_THAT(Ask(&Stub::GetAutoRecharge, "account_id: 'waits-0'"), Answers(""));
  EXPECT_THAT(Ask(&Stub::ListRecharges, "account_id: 'acme'"), Answers(""));
  EXPECT_LT(clock.Now() - before, absl::Seconds(5));

  silent_.reset();
  for (std::thread& setup : setups) setup.join();
}

TEST_F(SilentProviderTest, SettingsAreAnsweredWhileAHandOverWaitsForIt) {
  EXPECT_EQ(AskForSetup(), grpc::StatusCode::DEADLINE_EXCEEDED);
  testing::Await([&] { return !silent_->received().empty(); });
  std::thread leaving([this] { server_->DrainForSuccessor(); });
  // Until it takes nothing more that the provider has to do.
  testing::Await([&] { return AskForSetup() == grpc::StatusCode::UNAVAILABLE; });

  EXPECT_THAT(Ask(&Stub::GetCard, "account_id: 'acme'"), Answers(""));

  silent_.reset();
  leaving.join();
  Stop();
  silent_ = MakeSilent();
  Start();
}

// Once, they were begun, and waited for after that: longer than a hand-over may take.
TEST_F(SlowProviderTest, NoChargeIsBegunWhileAHandOverWaitsForIt) {
  RegisterCard("pm_card_visa");
  ASSERT_THAT(Ask(&Stub::UpdateAutoRecharge, kAutoRecharge), Answers(""));
  ThreadGate gate;
  stripe_.HoldUp([&gate] { gate.Wait(); });
  EXPECT_EQ(AskForSetup(), grpc::StatusCode::DEADLINE_EXCEEDED);
  gate.AwaitReached();
  std::thread leaving([this] { server_->DrainForSuccessor(); });
  // Until it takes nothing more that the provider has to do.
  while (AskForSetup() != grpc::StatusCode::UNAVAILABLE) continue;

  EXPECT_THAT(Send<v1::DebitRequest>("account_id: 'acme' request_id: 'd1' amount_micros: 6000000 "
                                     "item: ITEM_ADJUSTMENT"),
              Answers(""));
  // Time enough to send a charge: a test that something does not happen can only wait.
  Pause(absl::Milliseconds(500));
  gate.Open();
  leaving.join();

  EXPECT_EQ(Charges(), 0);
  stripe_.HoldUp([] {});
  Stop();
  Start();
  recharges_ = v1::RechargeService::NewStub(channel_);
  // The successor makes it.
  AwaitBalance(74'000'000);
  EXPECT_EQ(Charges(), 1);
}

TEST_F(StripePaymentsTest, AStopDoesNotWaitForTheSearchOfAPaymentThatIsForgotten) {
  RegisterCard("pm_card_visa");
  std::ofstream(RestoredMarkPath(MakeConfig().data_directory)) << "";
  const size_t before = stripe_.received().size();
  const std::string page = absl::Substitute(
      R"({"object": "list", "data": [{"id": "pi_other", "note": "$0"}], "has_more": true})",
      std::string(50'000, '-'));
  for (int i = 0; i < 1'100; ++i) stripe_.AnswerInstead({.body = page});
  Answer<v1::PayResponse> answer;
  std::thread caller([&] { answer = Pay("p1", 25'000'000); });
  testing::Await([&] { return stripe_.received().size() > before; });

  Stop();
  caller.join();

  EXPECT_THAT(answer, FailsWith(grpc::StatusCode::UNAVAILABLE, "PAYMENT_PENDING"));
  EXPECT_LT(stripe_.received().size(), before + 500);
  stripe_.ClearFaults();
  Start();
  recharges_ = v1::RechargeService::NewStub(channel_);
}

TEST_F(StripePaymentsTest, APaymentWhoseCallerDidNotWaitForItsTurnIsNotBegun) {
  RegisterCard("pm_card_visa");
  ThreadGate gate;
  stripe_.HoldUp([&gate] { gate.Wait(); });
  std::thread patient([&] { EXPECT_THAT(Pay("p1", 25'000'000), Answers("")); });
  gate.AwaitReached();

  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(SystemClock().Now() + absl::Milliseconds(200)));
  v1::PayResponse response;
  const grpc::Status status = recharges_->Pay(
      &context, Parse<v1::PayRequest>("account_id: 'acme' request_id: 'p2' amount_micros: 5000000"),
      &response);
  clock_.Advance(absl::Seconds(1));
  gate.Open();
  patient.join();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  // The account's payments are made one after the other.
  EXPECT_THAT(Pay("p3", 1'000'000), Answers(""));
  EXPECT_THAT(Recharges().recharges(), SizeIs(2));
  EXPECT_EQ(Balance("acme").balance_micros(), 46'000'000);
}

}  // namespace
}  // namespace farebox::server
