// ReconcileRecharges over a real socket, beside a provider like Stripe.

#include <string>
#include <thread>

#include "absl/strings/substitute.h"
#include "server/recharge/stripe_gateway.h"
#include "tests/server/payments_fixture.h"
#include "tests/support/await.h"

namespace farebox::server {
namespace {

using ::testing::IsEmpty;
using Stub = v1::RechargeService::Stub;

TEST_F(StripePaymentsTest, AChargeThatNobodyHasIsFoundByReconciliation) {
  RegisterCard("pm_card_visa");
  ASSERT_THAT(Pay("p1", 25'000'000), Answers(""));
  const v1::Recharge paid = AwaitRecharge(v1::RECHARGE_STATE_CREDITED);
  auto gateway = StripeGateway::Create(stripe_.GatewayOptions());
  ASSERT_TRUE(gateway.ok());
  ASSERT_EQ((*gateway)
                ->TakeCharge({.attempt_id = "auto-lost",
                              .account_id = "acme",
                              .amount = Micros(30'000'000),
                              .currency_code = "USD",
                              .card = {.token = paid.card().card_id(), .customer = "cus_1"}})
                .state,
            ChargeState::kCharged);

  EXPECT_THAT(Ask(&Stub::ReconcileRecharges, ""),
              Answers("charges: 2 credits: 1 differences { "
                      "kind: RECHARGE_DIFFERENCE_KIND_CHARGED_NOT_CREDITED "
                      "recharge_id: 'auto-lost' charged_micros: 30000000 }"));
}

TEST_F(StripePaymentsTest, AChargeAtTheEdgeOfTheTimeThatIsComparedIsNoDifference) {
  RegisterCard("pm_card_visa");
  clock_.Advance(absl::Milliseconds(600));
  ASSERT_THAT(Pay("p1", 25'000'000), Answers(""));
  const std::string edge = absl::Substitute("from_time { seconds: $0 nanos: 600000000 }",
                                            absl::ToUnixSeconds(clock_.Now()));
  clock_.Advance(absl::Hours(1));

  const auto compared = Ask(&Stub::ReconcileRecharges, edge);
  EXPECT_THAT(compared, Answers("charges: 1 credits: 1 under_way: 0"));
  EXPECT_THAT(compared->differences(), IsEmpty());

  // Another day's are none of this one's.
  const auto later =
      Ask(&Stub::ReconcileRecharges,
          absl::Substitute("from_time { seconds: $0 }", absl::ToUnixSeconds(clock_.Now())));
  EXPECT_THAT(later, Answers("charges: 0 credits: 0"));
  EXPECT_THAT(later->differences(), IsEmpty());
}

// A provider whose list has a page more, whenever it is asked: a thousand of them are looked at.
class LongListTest : public StripePaymentsTest {
 protected:
  void SetUp() override {
    StripePaymentsTest::SetUp();
    // So large that a page takes longer than a caller takes to leave.
    const std::string page = absl::Substitute(
        R"({"object": "list", "data": [{"id": "pi_other", "note": "$0"}], "has_more": true})",
        std::string(50'000, '-'));
    for (int i = 0; i < 1'600; ++i) stripe_.AnswerInstead({.body = page});
  }

  // Pages.
  void AwaitMoreThan(size_t received) {
    testing::Await([&] { return stripe_.received().size() > received; });
  }
};

TEST_F(LongListTest, NobodyWhoHasGoneAwayKeepsAReconciliationGoing) {
  grpc::ClientContext context;
  SetDeadline(&context);
  std::thread impatient([&] {
    v1::ReconcileRechargesResponse response;
    recharges_->ReconcileRecharges(&context, v1::ReconcileRechargesRequest(), &response);
  });
  AwaitMoreThan(0);
  context.TryCancel();
  impatient.join();

  // One after the other.
  EXPECT_THAT(Ask(&Stub::ReconcileRecharges, ""),
              FailsWith(grpc::StatusCode::UNAVAILABLE, "PROVIDER_UNAVAILABLE"));

  EXPECT_LT(stripe_.received().size(), 1'500);
}

TEST_F(LongListTest, NeitherAStopNorAHandOverWaitsForAReconciliation) {
  for (const bool is_for_successor : {false, true}) {
    Answer<v1::ReconcileRechargesResponse> answer;
    const size_t before = stripe_.received().size();
    std::thread caller([&] { answer = Ask(&Stub::ReconcileRecharges, ""); });
    AwaitMoreThan(before);

    if (is_for_successor) server_->DrainForSuccessor();
    Stop();
    caller.join();

    EXPECT_THAT(answer, FailsWith(grpc::StatusCode::UNAVAILABLE, "SHUTTING_DOWN"));
    EXPECT_LT(stripe_.received().size(), before + 700);
    Start();
    recharges_ = v1::RechargeService::NewStub(channel_);
  }
}

TEST_F(StripePaymentsTest, ReconciliationSaysWhenTheProviderCannotBeAsked) {
  stripe_.AnswerInstead({.status = 503, .body = "<html>down</html>"});

  EXPECT_THAT(Ask(&Stub::ReconcileRecharges, ""),
              FailsWith(grpc::StatusCode::UNAVAILABLE, "PROVIDER_UNAVAILABLE"));
  EXPECT_THAT(Ask(&Stub::ReconcileRecharges, "from_time { seconds: 5 } to_time { seconds: 5 }"),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "FIELD_INVALID"));
}

}  // namespace
}  // namespace farebox::server
