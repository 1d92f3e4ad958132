// Payments that a restored ledger has forgotten, and that are asked for again.

#include "absl/numeric/int128.h"
#include "server/recharge/provider_events.h"
#include "storage/request_ids.h"
#include "tests/server/recharge/recharger_fixture.h"

namespace farebox::server {
namespace {

using ::testing::ElementsAre;

class ForgottenPaymentTest : public RechargerTest {
 protected:
  void SetUp() override {
    Enable({"pm_card_visa"});
    ASSERT_TRUE(ledger_->Apply(ToCredit("alice", Cents(10'00))).status.ok());
    is_held_ = true;
    Restart();
  }

  // Which charged it before the restore; the provider's name for the payment.
  std::string ChargeBefore(const std::string& token = "pm_card_visa") {
    return gateway_
        ->TakeCharge({.attempt_id = Name(),
                      .account_id = "alice",
                      .amount = Cents(25'00),
                      .currency_code = "USD",
                      .card = {.token = token}})
        .payment_id;
  }

  std::string Name() {
    const RequestHash hash = HashRequestId(ledger_->FindAccount("alice")->number, "request-1");
    return absl::StrCat("pay-", absl::Hex(absl::Uint128High64(hash), absl::kZeroPad16),
                        absl::Hex(absl::Uint128Low64(hash), absl::kZeroPad16));
  }

  absl::StatusOr<Recharger::Payment> Pay() {
    return recharger_->Pay("alice", "request-1", Cents(25'00));
  }

  // The provider's answer to the search says nothing.
  void PayInVain(std::function<void(CardCharge*)> alter) {
    altering_->AlterNext(std::move(alter));
    ASSERT_TRUE(Pay().ok());
    ASSERT_THAT(States(), ElementsAre("UNKNOWN"));
  }

  // Of all payments, whoever's card it was and whenever it was made.
  void ExpectWideSearch() {
    EXPECT_EQ(altering_->last_reference().customer, "");
    EXPECT_EQ(altering_->last_reference().not_before, absl::InfinitePast());
  }

  static void Lose(CardCharge* charge) { *charge = {.message = "<html>504</html>"}; }
};

TEST_F(ForgottenPaymentTest, IsLookedForAfterARestartAlsoOnceNothingIsHeld) {
  ChargeBefore();
  kill_at_ = "INTENT";
  EXPECT_THROW(Pay().IgnoreError(), Killed);
  ASSERT_THAT(States(), ElementsAre("INTENT"));

  is_held_ = false;
  Restart();
  Work();

  EXPECT_THAT(States(), ElementsAre("CREDITED"));
  EXPECT_THAT(altering_->calls(), ElementsAre("find"));
  ExpectWideSearch();
}

TEST_F(ForgottenPaymentTest, IsLookedForAgainWhereItCouldNotBe) {
  PayInVain(&Lose);
  for (const bool is_held_still : {true, false}) {
    is_held_ = is_held_still;
    Restart();
    clock_.Advance(absl::Hours(1));
    altering_->AlterNext(&Lose);
    Work();
    ExpectWideSearch();
    EXPECT_THAT(States(), ElementsAre("UNKNOWN"));
  }
  ChargeBefore();
  // However long that takes.
  clock_.Advance(absl::Hours(24 * 5));
  Work();

  EXPECT_THAT(States(), ElementsAre("CREDITED"));
  EXPECT_EQ(altering_->deliveries(), 0);
}

TEST_F(ForgottenPaymentTest, IsSoughtSinceAWeekBeforeTheBackup) {
  const absl::Time now = clock_.Now();
  forgotten_since_ = now - absl::Hours(24);
  PayInVain(&Lose);
  EXPECT_EQ(altering_->last_reference().customer, "");
  EXPECT_EQ(altering_->last_reference().not_before, now - absl::Hours(24 * 8));

  // By a clock that ran ahead.
  forgotten_since_ = now + absl::Hours(24);
  clock_.Advance(absl::Minutes(1));
  altering_->AlterNext(&Lose);
  Work();
  ExpectWideSearch();
}

TEST_F(ForgottenPaymentTest, IsNotChargedDaysLaterWhereThereWasNone) {
  PayInVain(&Lose);

  clock_.Advance(absl::Hours(24));
  Work();

  EXPECT_THAT(States(), ElementsAre("ABANDONED"));
  ExpectWideSearch();
  EXPECT_EQ(altering_->deliveries(), 0);
}

TEST_F(ForgottenPaymentTest, IsCreditedWhereSomebodyKnowsItsPayment) {
  const std::string payment_id = ChargeBefore();
  PayInVain(&Lose);

  const RechargeAttemptName name = {.account_id = "alice", .recharge_id = Name()};
  ASSERT_TRUE(recharger_->Ask(name).ok());
  EXPECT_THAT(States(), ElementsAre("UNKNOWN"));
  altering_->AlterNext([](CardCharge* charge) { charge->account_id = "bob"; });
  ASSERT_TRUE(recharger_->Ask({"alice", Name(), payment_id}).ok());
  EXPECT_THAT(States(), ElementsAre("UNKNOWN"));
  ASSERT_TRUE(recharger_->Ask({"alice", Name(), payment_id}).ok());

  EXPECT_THAT(States(), ElementsAre("CREDITED"));
  EXPECT_EQ(altering_->deliveries(), 0);
}

TEST_F(ForgottenPaymentTest, ThatIsNotDecidedYetIsNeverDeliveredAgain) {
  ChargeBefore("pm_card_authenticationRequired");
  const auto say_pending = [](CardCharge* charge) {
    *charge = {.state = ChargeState::kPending, .payment_id = charge->payment_id};
  };
  PayInVain(say_pending);

  clock_.Advance(absl::Minutes(1));
  altering_->AlterNext(say_pending);
  Work();

  EXPECT_THAT(altering_->calls(), ElementsAre("find", "find"));
}

TEST_F(ForgottenPaymentTest, ThatWasToBeMadeAnewIsCreditedWhenItIsAskedForAgain) {
  const std::string payment_id = ChargeBefore();
  kill_at_ = "remembered";
  EXPECT_THROW(recharger_->Ask({"alice", Name(), payment_id}).IgnoreError(), Killed);
  Restart();

  const auto paid = Pay();

  ASSERT_TRUE(paid.ok()) << paid.status();
  EXPECT_EQ(paid->attempt.state(), v1::RECHARGE_STATE_CREDITED);
  EXPECT_EQ(altering_->deliveries(), 0);
}

TEST_F(ForgottenPaymentTest, ThatIsMadeAnewCountsForItsDayAndMonthOnce) {
  const std::string payment_id = ChargeBefore();
  clock_.Advance(absl::Hours(24));
  kill_at_ = "credited";
  EXPECT_THROW(recharger_->Ask({"alice", Name(), payment_id}).IgnoreError(), Killed);
  Restart();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(recharger_->Ask({"alice", Name(), payment_id}).ok());
  }

  EXPECT_EQ(Profile().day(), 20260310);
  EXPECT_EQ(Profile().day_charges(), 1);
  EXPECT_EQ(Profile().month(), 202603);
  EXPECT_EQ(Profile().month_sum_micros(), Cents(25'00).value());
}

TEST_F(ForgottenPaymentTest, ThatIsRememberedAsAnothersIsNotCredited) {
  expected_uncredited_ = true;
  RechargeRecords records(documents_.get());
  stored::v1::RechargeAttempt other;
  other.set_recharge_id("pay-other");
  other.set_payment_id(ChargeBefore());
  ASSERT_TRUE(
      records.RememberPayment(RechargeRecords::NewAttempt(*ledger_->FindAccount("alice"), other))
          .ok());

  EXPECT_EQ(GetReason(Pay().status()), Reason::kPaymentPending);
  EXPECT_TRUE(absl::IsDataLoss(recharger_->Work("alice")));

  EXPECT_EQ(Available(), Cents(20'00));
}

// They would charge cards again, and believe of charges what is not known.
TEST(RechargerDeathTest, NobodyForgetsToSayHowToSeeARestore) {
  DocumentStore documents(nullptr, nullptr);
  const ManualClock clock(absl::UnixEpoch());
  const Recharger::Parts parts = {.documents = &documents, .clock = &clock};
  const ProviderEvents::Parts events_parts = {.documents = &documents};

  EXPECT_DEATH({ Recharger recharger(parts); }, "is_held");
  EXPECT_DEATH({ ProviderEvents events(events_parts); }, "is_held");
}

}  // namespace
}  // namespace farebox::server
