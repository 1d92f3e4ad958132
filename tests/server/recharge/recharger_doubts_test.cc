// What the provider says that is not so, and money that nobody can take.

#include "tests/server/recharge/recharger_fixture.h"

namespace farebox::server {
namespace {

using stored::v1::PaymentProfile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST_F(RechargerTest, AChargeOfAnotherAmountIsNeitherCreditedNorMadeAgain) {
  expected_uncredited_ = true;
  for (const auto& alter : std::vector<std::function<void(CardCharge*)>>{
           [](CardCharge* charge) { charge->amount = Micros(charge->amount.value() - 1); },
           [](CardCharge* charge) { charge->amount = Micros(charge->amount.value() * 100); },
           [](CardCharge* charge) { charge->currency_code = "JPY"; }}) {
    clock_.Advance(absl::Hours(24 * 31));
    Spend(Micros(Available().value() - 10'000'000));
    Enable({"pm_card_visa"});
    altering_->AlterNext(alter);
    const size_t before = Attempts().size();
    Work();

    EXPECT_EQ(Attempts().size(), before + 1);
    EXPECT_EQ(Attempts()[0].state(), v1::RECHARGE_STATE_UNKNOWN);
    EXPECT_THAT(Attempts()[0].message(), HasSubstr("not what was asked for"));
    EXPECT_EQ(Available(), Cents(10'00));
    // The next look finds the truth.
    clock_.Advance(absl::Hours(1));
    Work();
    EXPECT_EQ(Attempts()[0].state(), v1::RECHARGE_STATE_CREDITED);
  }
  expected_uncredited_ = false;
}

TEST_F(RechargerTest, AnAnswerThatSaysNothingIsAskedForAgainUnderTheSameName) {
  Enable({"pm_card_visa"});
  altering_->AlterNext([](CardCharge* charge) { *charge = {.message = "<html>504</html>"}; });
  Work();
  EXPECT_THAT(States(), ElementsAre("UNKNOWN"));

  clock_.Advance(absl::Minutes(1));
  Work();

  EXPECT_THAT(States(), ElementsAre("CREDITED"));
  EXPECT_THAT(ChargesAtTheProvider(), SizeIs(1));
}

TEST_F(RechargerTest, ARefusalThatTurnsOutToBeAChargeIsCredited) {
  Enable({"pm_card_visa"});
  altering_->AlterNext([](CardCharge* charge) {
    charge->state = ChargeState::kDeclined;
    charge->decline_code = "do_not_honor";
  });
  Work();
  ASSERT_THAT(States(), ElementsAre("DECLINED"));
  const RechargeAttemptName name = {.account_id = "alice",
                                    .recharge_id = Attempts()[0].recharge_id()};

  for (const char* const point : {"credited", ""}) {
    kill_at_ = point;
    try {
      EXPECT_TRUE(recharger_->Ask(name).ok());
    } catch (const Killed&) {
      Restart();
    }
    EXPECT_EQ(kill_at_, "");
  }
  EXPECT_TRUE(recharger_->Ask(name).ok());

  EXPECT_THAT(States(), ElementsAre("CREDITED"));
  EXPECT_EQ(Available(), Cents(70'00));
}

TEST_F(RechargerTest, AWrongKeyOfTheOperatorsIsNoDeclineAndNobodyIsToldOfIt) {
  Enable({"pm_card_chargeDeclined"});
  for (size_t failures = 1; failures <= 5; ++failures) {
    altering_->AlterNext([](CardCharge* charge) {
      *charge = {.state = ChargeState::kRejected,
                 .message = "HTTP 401: Invalid API Key",
                 .is_misconfigured = true};
    });
    Work();
    Work();
    EXPECT_THAT(States(), SizeIs(failures)) << "none while it is paused";
    clock_.Advance(absl::Minutes(30));
  }

  EXPECT_THAT(Mails(), IsEmpty());
  EXPECT_EQ(States()[0], "ABANDONED");
  const PaymentProfile profile = Profile();
  EXPECT_EQ(profile.stop(), stored::v1::RECHARGE_STOP_UNSPECIFIED);
  EXPECT_EQ(profile.declines_in_a_row(), 0);
  EXPECT_EQ(profile.day_charges(), 0);
}

TEST_F(RechargerTest, AnAttemptThatWasGivenUpUnsentIsCreditedWhenItWasChargedAllTheSame) {
  Enable({"pm_card_visa"});
  kill_at_ = "INTENT";
  EXPECT_THROW(Work(), Killed);
  clock_.Advance(absl::Hours(25));
  Restart();
  Work();
  ASSERT_EQ(States().back(), "ABANDONED");
  const stored::v1::RechargeAttempt given_up = Attempts().back();
  const CardCharge charge = gateway_->TakeCharge(RequestOf(given_up));

  EXPECT_TRUE(recharger_
                  ->Ask({.account_id = "alice",
                         .recharge_id = given_up.recharge_id(),
                         .payment_id = charge.payment_id})
                  .ok());

  EXPECT_EQ(States().back(), "CREDITED");
  EXPECT_EQ(Profile().day(), 20260310);
  EXPECT_EQ(Profile().day_charges(), 1);
  EXPECT_EQ(Profile().month_sum_micros(), Cents(60'00).value());
}

TEST_F(RechargerTest, AskingAboutWhatIsOverOrWasNeverSentChangesNothing) {
  Enable({"pm_card_visa"});
  kill_at_ = "INTENT";
  EXPECT_THROW(Work(), Killed);
  const RechargeAttemptName name = {.account_id = "alice",
                                    .recharge_id = Attempts()[0].recharge_id()};
  EXPECT_TRUE(recharger_->Ask(name).ok());
  EXPECT_THAT(States(), ElementsAre("INTENT"));
  EXPECT_TRUE(recharger_->Ask({.account_id = "alice", .recharge_id = "nothing"}).ok());

  Work();
  EXPECT_TRUE(recharger_->Ask(name).ok());
  EXPECT_THAT(States(), ElementsAre("CREDITED"));
}

TEST_F(RechargerTest, MoneyOfAnAccountThatWasClosedMeanwhileGoesBackToTheCard) {
  Enable({"pm_card_visa"});
  kill_at_ = "RECHARGE_STATE_SUCCEEDED";
  EXPECT_THROW(Work(), Killed);
  Restart();
  Spend(Available());
  ASSERT_TRUE(ledger_->Apply(ToChange("alice", {.status = AccountStatus::kClosed})).status.ok());

  altering_->RefuseRefunds(absl::UnavailableError("down"));
  Work();
  EXPECT_THAT(States(), ElementsAre("SUCCEEDED"));
  EXPECT_THAT(Attempts()[0].message(), HasSubstr("could not be sent back"));
  altering_->RefuseRefunds(absl::OkStatus());
  kill_at_ = "paid back";
  clock_.Advance(absl::Hours(1));
  EXPECT_THROW(Work(), Killed);
  Restart();
  Work();

  EXPECT_THAT(States(), ElementsAre("ABANDONED"));
  EXPECT_TRUE(Attempts()[0].paid_back());
  EXPECT_EQ(Available(), Micros());
}

// Payments by hand, on an account that is not charged by itself.
class DoubtfulPaymentTest : public RechargerTest {
 protected:
  void SetUp() override {
    Enable({"pm_card_visa"});
    ASSERT_TRUE(ledger_->Apply(ToCredit("alice", Cents(10'00))).status.ok());
  }

  void Pay() { ASSERT_TRUE(recharger_->Pay("alice", "request-1", Cents(25'00)).ok()); }

  static void Lose(CardCharge* charge) { *charge = {.message = "<html>504</html>"}; }
};

TEST_F(DoubtfulPaymentTest, OfAClockThatRanAheadIsLookedUpAtAnyTimeOnceTheClockIsRight) {
  const absl::Time right = clock_.Now();
  clock_.Set(right + absl::Hours(72));
  altering_->AlterNext(&Lose);
  Pay();
  ASSERT_THAT(States(), ElementsAre("UNKNOWN"));

  clock_.Set(right + absl::Seconds(30));
  altering_->AlterNext(&Lose);
  Work();
  EXPECT_THAT(altering_->calls(), ElementsAre("take", "find"));
  // That the key is not to be trusted is remembered.
  Restart();
  clock_.Advance(absl::Minutes(1));
  Work();

  EXPECT_THAT(States(), ElementsAre("CREDITED"));
  EXPECT_THAT(altering_->calls(), ElementsAre("take", "find", "find"));
  EXPECT_EQ(altering_->last_reference().not_before, absl::InfinitePast());
}

TEST_F(DoubtfulPaymentTest, OfAClockThatStaysAheadIsLookedUpAtAnyTime) {
  altering_->AlterNext(&Lose);
  Pay();
  clock_.Advance(absl::Hours(24));
  Work();

  EXPECT_THAT(States(), ElementsAre("CREDITED"));
  EXPECT_THAT(altering_->calls(), ElementsAre("take", "find"));
  EXPECT_EQ(altering_->last_reference().not_before, absl::InfinitePast());
}

TEST_F(DoubtfulPaymentTest, OfAClockThatRanAheadIsTakenWhereTheProviderKnowsOfNone) {
  const absl::Time right = clock_.Now();
  clock_.Set(right + absl::Hours(72));
  altering_->LoseNext();
  Pay();

  clock_.Set(right + absl::Seconds(30));
  altering_->LoseNext();
  Work();
  clock_.Advance(absl::Minutes(1));
  Work();

  EXPECT_THAT(States(), ElementsAre("CREDITED"));
  EXPECT_THAT(altering_->calls(), ElementsAre("take", "find", "take", "find", "take"));
}

TEST_F(DoubtfulPaymentTest, IsCancelledWhereTheProviderDoesNotDecideForADay) {
  Enable({"pm_card_authenticationRequired"});
  altering_->AlterAll([](CardCharge* charge) {
    *charge = {.state = ChargeState::kPending, .payment_id = charge->payment_id};
  });
  Pay();
  for (int half_hours = 0; half_hours < 45; ++half_hours) {
    clock_.Advance(absl::Minutes(30));
    Work();
  }
  EXPECT_THAT(States(), ElementsAre("UNKNOWN"));

  clock_.Advance(absl::Hours(1));
  Work();

  EXPECT_THAT(States(), ElementsAre("DECLINED"));
  EXPECT_EQ(altering_->calls().back(), "cancel");
}

TEST_F(DoubtfulPaymentTest, ThatCannotBeCancelledAnyMoreIsCredited) {
  Enable({"pm_card_authenticationRequired"});
  altering_->AlterAll([](CardCharge* charge) {
    *charge = {.state = ChargeState::kPending, .payment_id = charge->payment_id};
  });
  Pay();
  ASSERT_TRUE(gateway_->AnswerBank(Attempts()[0].payment_id(), /*confirms=*/true).ok());

  clock_.Advance(absl::Hours(24));
  Work();

  EXPECT_THAT(States(), ElementsAre("CREDITED"));
}

TEST_F(DoubtfulPaymentTest, OnAHeldLedgerIsTakenOnceTheProviderKnowsOfNone) {
  is_held_ = true;
  Restart();
  altering_->AlterNext(&Lose);
  Pay();
  EXPECT_THAT(altering_->calls(), ElementsAre("find"));

  clock_.Advance(absl::Minutes(1));
  Work();

  EXPECT_THAT(States(), ElementsAre("CREDITED"));
  EXPECT_THAT(altering_->calls(), ElementsAre("find", "find", "take"));
}

TEST_F(RechargerTest, ABankThatWantsTheCustomerStillAfterADoubtIsToldOfOnce) {
  Enable({"pm_card_authenticationRequired"});
  Work();
  altering_->AlterNext([](CardCharge* charge) { *charge = {.message = "<html>500</html>"}; });
  clock_.Advance(absl::Minutes(6));
  Work();
  ASSERT_THAT(States(), ElementsAre("UNKNOWN"));

  clock_.Advance(absl::Minutes(1));
  Work();

  EXPECT_THAT(States(), ElementsAre("ACTION_REQUIRED"));
  EXPECT_THAT(Mails(), ElementsAre("action"));
}

TEST_F(RechargerTest, APaymentThatFailsAfterItWasDecidedOnIsPending) {
  Enable({"pm_card_visa"});
  int64_t paid = 0;
  for (const char* const point :
       {"INTENT", "SENT", "answered", "RECHARGE_STATE_SUCCEEDED", "credited"}) {
    SCOPED_TRACE(point);
    fill_at_ = point;
    const auto pending = recharger_->Pay("alice", point, Cents(25'00));
    fill_at_.clear();
    journal_->SetFull(false);

    EXPECT_EQ(GetReason(pending.status()), Reason::kPaymentPending);
    // Whoever repeats it learns what became of it.
    const auto again = recharger_->Pay("alice", point, Cents(25'00));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->attempt.state(), v1::RECHARGE_STATE_CREDITED);
    EXPECT_EQ(Available(), Cents(10'00 + ++paid * 25'00));
  }
}

TEST_F(RechargerTest, APaymentThatCannotBeDecidedOnIsNotPending) {
  Enable({"pm_card_visa"});
  journal_->SetFull(true);

  const auto paid = recharger_->Pay("alice", "request-1", Cents(25'00));

  EXPECT_EQ(GetReason(paid.status()), Reason::kStorageFull);
  EXPECT_THAT(States(), IsEmpty());
}

// What a restored backup knows of: decided on, and delivered by the process of that time.
class RestoredIntentTest : public RechargerTest {
 protected:
  void SetUp() override {
    Enable({"pm_card_visa"});
    kill_at_ = "INTENT";
    EXPECT_THROW(Work(), Killed);
  }

  void DeliverAtThatTime() { gateway_->TakeCharge(RequestOf(Attempts()[0])); }
};

TEST_F(RestoredIntentTest, IsFoundWhenItIsOlderThanTheProvidersMemoryOfKeys) {
  DeliverAtThatTime();
  clock_.Advance(absl::Hours(25));
  Restart();

  Work();

  EXPECT_THAT(States(), ElementsAre("CREDITED"));
  EXPECT_EQ(Available(), Cents(70'00));
  EXPECT_EQ(altering_->deliveries(), 0);
}

TEST_F(RestoredIntentTest, IsGivenUpWhenItIsOldAndTheProviderDoesNotKnowIt) {
  clock_.Advance(absl::Hours(25));
  Restart();

  Work();

  EXPECT_THAT(States(), ElementsAre("ABANDONED"));
  EXPECT_THAT(Attempts()[0].message(), Not(IsEmpty()));
  EXPECT_EQ(altering_->deliveries(), 0);
}

TEST_F(RestoredIntentTest, IsOnlyLookedUpOnALedgerThatIsHeld) {
  for (const bool is_delivered : {true, false}) {
    if (is_delivered) DeliverAtThatTime();
    clock_.Advance(absl::Minutes(1));
    is_held_ = true;
    Restart();
    Work();

    EXPECT_EQ(States()[0], is_delivered ? "CREDITED" : "ABANDONED");
    EXPECT_EQ(altering_->deliveries(), 0);

    if (!is_delivered) break;
    is_held_ = false;
    Spend(Cents(60'00));
    kill_at_ = "INTENT";
    EXPECT_THROW(Work(), Killed);
  }
}

TEST_F(RestoredIntentTest, IsAskedAboutUntilTheProviderSaysSo) {
  clock_.Advance(absl::Minutes(1));
  is_held_ = true;
  Restart();
  altering_->AlterNext([](CardCharge* charge) { *charge = {.message = "<html>500</html>"}; });
  Work();
  EXPECT_THAT(States(), ElementsAre("UNKNOWN"));

  clock_.Advance(absl::Minutes(1));
  Work();

  EXPECT_THAT(States(), ElementsAre("ABANDONED"));
  EXPECT_EQ(altering_->deliveries(), 0);
}

TEST_F(RestoredIntentTest, IsAskedAboutLessAndLessOften) {
  clock_.Advance(absl::Minutes(1));
  is_held_ = true;
  Restart();
  altering_->AlterAll([](CardCharge* charge) { *charge = {.message = "<html>500</html>"}; });

  for (int i = 0; i < 720; ++i) {
    Work();
    clock_.Advance(absl::Seconds(5));
  }

  // An hour by 5 s, 15 s, 1, 5, 15 and 30 minutes.
  EXPECT_EQ(altering_->calls().size(), 7U);
}

TEST_F(RestoredIntentTest, DoesNotKeepPeopleFromPaying) {
  clock_.Advance(absl::Minutes(1));
  is_held_ = true;
  Restart();
  Work();

  const auto paid = recharger_->Pay("alice", "request-1", Cents(25'00));

  ASSERT_TRUE(paid.ok()) << paid.status();
  EXPECT_EQ(paid->attempt.state(), v1::RECHARGE_STATE_CREDITED);
}

}  // namespace
}  // namespace farebox::server
