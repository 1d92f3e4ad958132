// Money that goes back to a customer: disputes and refunds that the provider tells of.

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/substitute.h"
#include "server/recharge/stripe_gateway.h"
#include "tests/server/payments_fixture.h"
#include "tests/support/await.h"

namespace farebox::server {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class MoneyBackTest : public StripePaymentsTest {
 protected:
  // A payment of 25.00 that the customer confirms after the account was closed.
  v1::Recharge PayIntoClosedAccount() {
    RegisterCard("pm_card_authenticationRequired");
    EXPECT_FALSE(Pay("p1", 25'000'000).status.ok());
    v1::Recharge waiting = AwaitRecharge(v1::RECHARGE_STATE_ACTION_REQUIRED);
    EXPECT_THAT(Send<v1::DebitRequest>("account_id: 'acme' request_id: 'd1' amount_micros: "
                                       "20000000 item: ITEM_ADJUSTMENT"),
                Answers(""));
    EXPECT_THAT(Send<v1::CloseAccountRequest>("account_id: 'acme' request_id: 'c1'"), Answers(""));
    stripe_.Confirm(waiting.provider_payment_id());
    EXPECT_EQ(Tell("payment_intent.succeeded", IntentOf(waiting, "succeeded")), 200);
    return waiting;
  }

  // A payment of 25.00 that was charged although the answer said no.
  v1::Recharge PayAsIfDeclined() {
    RegisterCard("pm_card_visa");
    stripe_.AnswerAfterwards(StripeError(402, "card_error", "Your card was declined."));
    EXPECT_FALSE(Pay("p1", 25'000'000).status.ok());
    v1::Recharge paid = AwaitRecharge(v1::RECHARGE_STATE_DECLINED);
    auto gateway = StripeGateway::Create(stripe_.GatewayOptions());
    EXPECT_TRUE(gateway.ok());
    const CardCharge charge = (*gateway)->FindCharge({.attempt_id = paid.recharge_id()});
    EXPECT_EQ(charge.state, ChargeState::kCharged);
    paid.set_provider_payment_id(charge.payment_id);
    return paid;
  }

  // Another payment at the provider that carries the name of this one; the provider's name for it.
  v1::Recharge ChargeAgain(v1::Recharge paid, const std::string& account_id) {
    stripe_.ForgetKeys();
    auto gateway = StripeGateway::Create(stripe_.GatewayOptions());
    EXPECT_TRUE(gateway.ok());
    const CardCharge charge =
        (*gateway)->TakeCharge({.attempt_id = paid.recharge_id(),
                                .account_id = account_id,
                                .amount = Micros(paid.amount_micros()),
                                .currency_code = "USD",
                                .card = {.token = paid.card().card_id(), .customer = "cus_1"}});
    EXPECT_EQ(charge.state, ChargeState::kCharged);
    EXPECT_NE(charge.payment_id, paid.provider_payment_id());
    paid.set_provider_payment_id(charge.payment_id);
    return paid;
  }

  // Waits until Farebox has failed to send the money back itself.
  void AwaitRefusedRefund() {
    testing::Await([&] {
      return absl::StrContains(Recharges().recharges(0).message(), "could not be sent back");
    });
  }

  Answer<v1::ReconcileRechargesResponse> Reconcile() {
    return Ask(&v1::RechargeService::Stub::ReconcileRecharges, "");
  }

  // Whether nobody has the money of the only charge.
  bool IsNobodys() { return Reconcile()->differences_size() == 1; }

  // A refund that carries a name.
  static nlohmann::json NamedRefund(const std::string& id, const v1::Recharge& recharge,
                                    const std::string& refund_id) {
    nlohmann::json refund = MoneyBack(id, recharge, recharge.amount_micros() / 10'000);
    refund["metadata"] = {{"refund_id", refund_id}};
    return refund;
  }
  // The one that Farebox makes itself.
  static nlohmann::json OwnRefund(const v1::Recharge& recharge) {
    return NamedRefund("re_1", recharge, recharge.recharge_id() + "-back");
  }
};

TEST_F(MoneyBackTest, MoneyThatTheBankTakesBackIsDebitedOnceEvenBelowZero) {
  RegisterCard("pm_card_visa");
  ASSERT_THAT(Pay("p1", 25'000'000), Answers(""));
  const v1::Recharge paid = AwaitRecharge(v1::RECHARGE_STATE_CREDITED);
  ASSERT_THAT(Send<v1::DebitRequest>("account_id: 'acme' request_id: 'd1' amount_micros: 40000000 "
                                     "item: ITEM_ADJUSTMENT"),
              Answers(""));

  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Tell("charge.dispute.funds_withdrawn", MoneyBack("dp_1", paid, 2500)), 200);
  }

  EXPECT_EQ(Balance("acme").balance_micros(), -20'000'000);
  const auto activity = Send<v1::ListActivityRequest>("account_id: 'acme' page_size: 1");
  EXPECT_THAT(activity->entries(0),
              Shows("kind: ENTRY_KIND_DEBIT amount_micros: -25000000 item: ITEM_ADJUSTMENT "
                    "request_id: 'taken-back-dp_1' overrun: true"));
  EXPECT_THAT(activity->entries(0).description(), HasSubstr(paid.provider_payment_id()));

  // The dispute was won.
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Tell("charge.dispute.funds_reinstated", MoneyBack("dp_1", paid, 2500)), 200);
  }
  EXPECT_EQ(Balance("acme").balance_micros(), 5'000'000);

  EXPECT_EQ(Tell("refund.created", MoneyBack("re_1", paid, 300)), 200);
  EXPECT_EQ(Balance("acme").balance_micros(), 2'000'000);
}

TEST_F(MoneyBackTest, MoneyThatGoesBackBeforeItIsKnownToHaveComeIsToldAgain) {
  RegisterCard("pm_card_authenticationRequired");
  EXPECT_FALSE(Pay("p1", 25'000'000).status.ok());
  const v1::Recharge paid = AwaitRecharge(v1::RECHARGE_STATE_ACTION_REQUIRED);
  stripe_.Confirm(paid.provider_payment_id());

  EXPECT_EQ(Tell("refund.created", MoneyBack("re_1", paid, 2500)), 503);
  EXPECT_EQ(Tell("payment_intent.succeeded", IntentOf(paid, "succeeded")), 200);
  AwaitRecharge(v1::RECHARGE_STATE_CREDITED);
  EXPECT_EQ(Balance("acme").balance_micros(), 45'000'000);
  EXPECT_EQ(Tell("refund.created", MoneyBack("re_1", paid, 2500)), 200);

  EXPECT_EQ(Balance("acme").balance_micros(), 20'000'000);
}

TEST_F(MoneyBackTest, MoneyThatGoesBackOfAChargeTakenForDeclinedIsCreditedFirst) {
  const v1::Recharge paid = PayAsIfDeclined();

  EXPECT_EQ(Tell("refund.created", MoneyBack("re_1", paid, 2500)), 503);
  AwaitRecharge(v1::RECHARGE_STATE_CREDITED);
  EXPECT_EQ(Tell("refund.created", MoneyBack("re_1", paid, 2500)), 200);

  EXPECT_EQ(Balance("acme").balance_micros(), 20'000'000);
}

TEST_F(MoneyBackTest, MoneyThatComesAgainWithoutHavingGoneGivesNothing) {
  RegisterCard("pm_card_visa");
  ASSERT_THAT(Pay("p1", 25'000'000), Answers(""));
  const v1::Recharge paid = AwaitRecharge(v1::RECHARGE_STATE_CREDITED);

  EXPECT_EQ(Tell("charge.dispute.funds_reinstated", MoneyBack("dp_1", paid, 2500)), 200);
  EXPECT_EQ(Tell("refund.failed", MoneyBack("re_1", paid, 300)), 200);
  EXPECT_EQ(Balance("acme").balance_micros(), 45'000'000);

  // The first event is late.
  EXPECT_EQ(Tell("charge.dispute.funds_withdrawn", MoneyBack("dp_1", paid, 2500)), 200);
  EXPECT_EQ(Balance("acme").balance_micros(), 45'000'000);
}

TEST_F(MoneyBackTest, AChargeThatWasTakenForDeclinedIsToldUntilItIsCredited) {
  const v1::Recharge paid = PayAsIfDeclined();

  stripe_.AnswerInstead({.status = 500, .body = "<html>down</html>"});
  EXPECT_EQ(Tell("payment_intent.succeeded", IntentOf(paid, "succeeded")), 503);
  EXPECT_EQ(Tell("payment_intent.succeeded", IntentOf(paid, "succeeded")), 503);
  AwaitRecharge(v1::RECHARGE_STATE_CREDITED);
  EXPECT_EQ(Tell("payment_intent.succeeded", IntentOf(paid, "succeeded")), 200);

  EXPECT_EQ(Balance("acme").balance_micros(), 45'000'000);
}

TEST_F(MoneyBackTest, AChargeThatWasDeclinedIsToldOnce) {
  RegisterCard("pm_card_chargeDeclined");
  EXPECT_FALSE(Pay("p1", 25'000'000).status.ok());
  const v1::Recharge declined = AwaitRecharge(v1::RECHARGE_STATE_DECLINED);

  EXPECT_EQ(Tell("payment_intent.payment_failed", IntentOf(declined, "requires_payment_method")),
            200);
}

TEST_F(MoneyBackTest, ARefundOfOursThatFailsAtTheBankIsADifference) {
  const v1::Recharge paid = PayIntoClosedAccount();
  AwaitRecharge(v1::RECHARGE_STATE_ABANDONED);
  EXPECT_EQ(stripe_.refund_count(), 1u);
  EXPECT_THAT(Reconcile()->differences(), IsEmpty());

  clock_.Advance(absl::Hours(24));
  EXPECT_EQ(Tell("refund.failed", OwnRefund(paid)), 200);

  EXPECT_THAT(Reconcile(), Answers(absl::Substitute(
                               "charges: 1 differences { kind: "
                               "RECHARGE_DIFFERENCE_KIND_CHARGED_NOT_CREDITED recharge_id: '$0' "
                               "account_id: 'acme' charged_micros: 25000000 }",
                               paid.recharge_id())));
  EXPECT_EQ(Balance("acme").balance_micros(), 0);
}

TEST_F(MoneyBackTest, MoneyOfAClosedAccountThatIsRefundedByHandIsNotDebited) {
  stripe_.RefuseRefunds(true);
  const v1::Recharge paid = PayIntoClosedAccount();
  AwaitRefusedRefund();

  // Not all of it.
  EXPECT_EQ(Tell("refund.created", MoneyBack("re_1", paid, 1000)), 200);
  EXPECT_THAT(Recharges().recharges(0), Shows("state: RECHARGE_STATE_SUCCEEDED"));
  EXPECT_EQ(Tell("refund.created", MoneyBack("re_2", paid, 2500)), 200);

  AwaitRecharge(v1::RECHARGE_STATE_ABANDONED);
  EXPECT_EQ(Balance("acme").balance_micros(), 0);
  EXPECT_THAT(Reconcile()->differences(), IsEmpty());
}

TEST_F(MoneyBackTest, ARefundThatCarriesAnyNameIsDebited) {
  RegisterCard("pm_card_visa");
  ASSERT_THAT(Pay("p1", 25'000'000), Answers(""));
  ASSERT_THAT(Pay("p2", 5'000'000), Answers(""));
  const v1::Recharge paid = Recharges().recharges(1);
  const v1::Recharge paid_too = Recharges().recharges(0);

  EXPECT_EQ(Tell("refund.created", NamedRefund("re_7", paid, "RF-1")), 200);
  EXPECT_EQ(Balance("acme").balance_micros(), 25'000'000);

  // What was credited has not gone back before, whatever is said.
  EXPECT_EQ(Tell("refund.created", OwnRefund(paid_too)), 200);
  EXPECT_EQ(Balance("acme").balance_micros(), 20'000'000);
  EXPECT_EQ(Tell("refund.failed", OwnRefund(paid_too)), 200);
  EXPECT_EQ(Balance("acme").balance_micros(), 25'000'000);
}

TEST_F(MoneyBackTest, ARefundThatFailedAndIsToldOfAgainUndoesNoLaterOne) {
  const v1::Recharge paid = PayIntoClosedAccount();
  AwaitRecharge(v1::RECHARGE_STATE_ABANDONED);
  EXPECT_EQ(Tell("refund.created", OwnRefund(paid)), 200);
  EXPECT_EQ(Tell("refund.failed", OwnRefund(paid)), 200);
  EXPECT_TRUE(IsNobodys());

  // Somebody sends it back by hand.
  EXPECT_EQ(Tell("refund.created", MoneyBack("re_2", paid, 2500)), 200);
  EXPECT_EQ(Tell("refund.failed", OwnRefund(paid)), 200);
  EXPECT_EQ(Tell("refund.created", OwnRefund(paid)), 200);
  EXPECT_FALSE(IsNobodys());

  EXPECT_EQ(Tell("refund.failed", MoneyBack("re_2", paid, 2500)), 200);
  EXPECT_TRUE(IsNobodys());
}

TEST_F(MoneyBackTest, ADisputeOfAClosedAccountsMoneyCountsOnceInAnyOrder) {
  const std::string out = "charge.dispute.funds_withdrawn";
  const std::string again = "charge.dispute.funds_reinstated";
  stripe_.RefuseRefunds(true);
  const v1::Recharge paid = PayIntoClosedAccount();
  AwaitRefusedRefund();

  for (const std::string& type : {out, again, out}) {
    EXPECT_EQ(Tell(type, MoneyBack("dp_1", paid, 2500)), 200);
  }
  EXPECT_TRUE(IsNobodys());

  for (const std::string& type : {again, out}) {
    EXPECT_EQ(Tell(type, MoneyBack("dp_2", paid, 2500)), 200);
  }
  EXPECT_TRUE(IsNobodys());

  EXPECT_EQ(Tell(out, MoneyBack("dp_3", paid, 2500)), 200);
  // What comes again is another's, and was a part.
  EXPECT_EQ(Tell(again, MoneyBack("dp_4", paid, 1000)), 200);
  EXPECT_FALSE(IsNobodys());
}

// Its own refund finds that nothing is left to send back.
TEST_F(MoneyBackTest, ARefundByHandThatComesBeforeOursAndFailsIsADifference) {
  stripe_.RefuseRefunds(true);
  const v1::Recharge paid = PayIntoClosedAccount();
  AwaitRefusedRefund();
  stripe_.RefuseRefunds(false);
  stripe_.AnswerInstead({.body = R"({"data":[],"has_more":false})"});
  stripe_.AnswerInstead({.status = 400,
                         .body = R"({"error":{"type":"invalid_request_error",)"
                                 R"("code":"charge_already_refunded"}})"});
  clock_.Advance(absl::Hours(1));
  AwaitRecharge(v1::RECHARGE_STATE_ABANDONED);
  EXPECT_EQ(Tell("refund.created", MoneyBack("re_2", paid, 2500)), 200);
  EXPECT_FALSE(IsNobodys());

  EXPECT_EQ(Tell("refund.failed", MoneyBack("re_2", paid, 2500)), 200);

  EXPECT_TRUE(IsNobodys());
}

TEST_F(MoneyBackTest, MoneyThatCannotBeSentBackIsADifferenceAfterAnHour) {
  stripe_.RefuseRefunds(true);
  PayIntoClosedAccount();
  AwaitRefusedRefund();
  EXPECT_THAT(Reconcile(), Answers("charges: 1 under_way: 1"));

  clock_.Advance(absl::Hours(2));

  EXPECT_THAT(Reconcile(), Answers("under_way: 0 differences { kind: "
                                   "RECHARGE_DIFFERENCE_KIND_CHARGED_NOT_CREDITED }"));
}

TEST_F(MoneyBackTest, APaymentThatWasNotCreditedIsNotDebitedThoughItCarriesTheNameOfOneThatWas) {
  RegisterCard("pm_card_visa");
  ASSERT_THAT(Pay("p1", 25'000'000), Answers(""));
  const v1::Recharge paid = AwaitRecharge(v1::RECHARGE_STATE_CREDITED);

  for (const char* const account_id : {"acme", "of an earlier ledger"}) {
    const v1::Recharge twice = ChargeAgain(paid, account_id);
    EXPECT_EQ(Tell("refund.created", MoneyBack("re_1", twice, 2500)), 200);
    EXPECT_EQ(Tell("charge.dispute.funds_withdrawn", MoneyBack("dp_1", twice, 2500)), 200);
    EXPECT_EQ(Balance("acme").balance_micros(), 45'000'000);
  }

  EXPECT_EQ(Tell("refund.created", MoneyBack("re_2", paid, 2500)), 200);
  EXPECT_EQ(Balance("acme").balance_micros(), 20'000'000);
}

TEST_F(MoneyBackTest, MoneyOfOthersIsNoneOfOurs) {
  v1::Recharge foreign;
  foreign.set_provider_payment_id("pi_of_the_shop");
  foreign.set_recharge_id("order-17");

  EXPECT_EQ(Tell("charge.dispute.funds_withdrawn", MoneyBack("dp_1", foreign, 2500)), 200);
  EXPECT_EQ(Tell("payment_intent.succeeded", IntentOf(foreign, "succeeded")), 200);
  EXPECT_EQ(Tell("customer.created", {{"id", "cus_1"}}), 200);

  EXPECT_EQ(Balance("acme").balance_micros(), 20'000'000);
}

}  // namespace
}  // namespace farebox::server
