// What a restored ledger does about cards that were charged after its backup.

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "storage/clock.h"
#include "storage/restored_mark.h"
#include "storage/sqlite/restore.h"
#include "tests/server/backups_fixture.h"
#include "tests/server/payments_fixture.h"

namespace farebox::server {
namespace {

using Stub = v1::RechargeService::Stub;
using ::testing::IsEmpty;

constexpr char kDebit[] =
    "account_id: 'acme' request_id: 'd1' amount_micros: 6000000 item: ITEM_ADJUSTMENT";

class RestoredPaymentsTest : public StripePaymentsTest {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(absl::StrCat(directory_.path(), "/backups"));
    StripePaymentsTest::SetUp();
  }

  Config MakeConfig() const override {
    Config config = StripePaymentsTest::MakeConfig();
    config.backup_directory = absl::StrCat(directory_.path(), "/backups");
    return config;
  }

  std::string Mark() const { return RestoredMarkPath(MakeConfig().data_directory); }

  v1::BackupResult Backup() {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::BackupRequest request;
    request.set_file_name("a.db");
    BackupAnswer answer = MakeBackup(operations_.get(), request, &context);
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
    return answer.value;
  }

  void Restore() {
    Stop();
    const auto restored =
        sqlite::RestoreBackup({.backup_path = absl::StrCat(directory_.path(), "/backups/a.db"),
                               .directory = MakeConfig().data_directory,
                               .replaces = true},
                              clock_);
    ASSERT_TRUE(restored.ok()) << restored.status();
    Start();
    recharges_ = v1::RechargeService::NewStub(channel_);
  }

  // Pays 25.00 as "p1", and restores a backup that was made before.
  v1::Recharge PayAndForget() {
    RegisterCard("pm_card_visa");
    Backup();
    EXPECT_THAT(Pay("p1", 25'000'000), Answers(""));
    v1::Recharge paid = Recharges().recharges(0);
    Restore();
    return paid;
  }

  // Lets the workers look again, for some minutes of the server's time.
  void LetTimePass() {
    for (int minute = 0; minute < 3; ++minute) {
      Advance(absl::Minutes(2));
      // What is asked for on the account's lane comes after what is due on it.
      ASSERT_TRUE(Ask(&Stub::ListRecharges, "account_id: 'acme'").status.ok());
      Pause(absl::Milliseconds(1'100));
    }
  }
};

TEST_F(RestoredPaymentsTest, WhatWasChargedAfterTheBackupIsNotChargedAgain) {
  RegisterCard("pm_card_visa");
  ASSERT_THAT(Ask(&Stub::UpdateAutoRecharge, kAutoRecharge), Answers(""));
  const v1::BackupResult backup = Backup();
  ASSERT_THAT(Send<v1::DebitRequest>(kDebit), Answers(""));
  AwaitBalance(74'000'000);
  ASSERT_EQ(Charges(), 1);

  Restore();

  EXPECT_THAT(Send<v1::VerifyRequest>(""),
              Answers(absl::StrCat("ok: true head_hash: '", backup.head_hash(), "'")));
  EXPECT_EQ(Balance("acme").balance_micros(), 20'000'000);
  // The router asks again, as it does when it has had no answer; the balance is low once more.
  ASSERT_THAT(Send<v1::DebitRequest>(kDebit), Answers(""));
  LetTimePass();
  EXPECT_EQ(Charges(), 1);
  EXPECT_THAT(Recharges().recharges(), IsEmpty());
  // The provider's books show what is missing; somebody has it credited, and says so.
  EXPECT_THAT(Ask(&Stub::ReconcileRecharges, "repair: true"),
              Answers("charges: 1 credits: 0 differences { charged_micros: 60000000 "
                      "account_id: 'acme' }"));
  AwaitRecharge(v1::RECHARGE_STATE_CREDITED);
  EXPECT_EQ(Balance("acme").balance_micros(), 74'000'000);
  EXPECT_THAT(Ask(&Stub::ReconcileRecharges, "repair: true"), Answers("charges: 1 credits: 1"));
  std::filesystem::remove(Mark());
  ASSERT_THAT(Send<v1::DebitRequest>("account_id: 'acme' request_id: 'd2' amount_micros: 60000000 "
                                     "item: ITEM_ADJUSTMENT"),
              Answers(""));
  AwaitBalance(74'000'000);
  EXPECT_EQ(Charges(), 2);
}

TEST_F(RestoredPaymentsTest, ThatChargesAreHeldIsShown) {
  RegisterCard("pm_card_visa");
  ASSERT_THAT(Ask(&Stub::UpdateAutoRecharge, kAutoRecharge), Answers(""));
  Backup();
  const auto stopped_because = [this]() -> std::string {
    return Ask(&Stub::GetAutoRecharge, "account_id: 'acme'")->auto_recharge().stopped_because();
  };
  EXPECT_EQ(stopped_because(), "");

  Restore();

  EXPECT_EQ(stopped_because(), "charges are held until the restore has been looked at");
  std::filesystem::remove(Mark());
  EXPECT_EQ(stopped_because(), "");
}

TEST_F(RestoredPaymentsTest, AnAttemptThatWasOpenInTheBackupIsGoneOnWithUnderItsName) {
  RegisterCard("pm_card_visa");
  stripe_.AnswerAfterwards({.status = 500});
  EXPECT_FALSE(Pay("p1", 25'000'000).status.ok());
  Backup();
  Advance(absl::Hours(1));
  AwaitRecharge(v1::RECHARGE_STATE_CREDITED);

  Restore();

  AwaitRecharge(v1::RECHARGE_STATE_CREDITED);
  EXPECT_EQ(Balance("acme").balance_micros(), 45'000'000);
  EXPECT_THAT(Ask(&Stub::ReconcileRecharges, ""), Answers("charges: 1 credits: 1"));
}

TEST_F(RestoredPaymentsTest, APaymentThatIsAskedForAgainIsOneCharge) {
  PayAndForget();

  EXPECT_THAT(Pay("p1", 25'000'000), Answers("recharge { state: RECHARGE_STATE_CREDITED }"));
  EXPECT_EQ(Balance("acme").balance_micros(), 45'000'000);
  EXPECT_THAT(Ask(&Stub::ReconcileRecharges, ""), Answers("charges: 1 credits: 1"));
}

TEST_F(RestoredPaymentsTest, APaymentThatIsAskedForAgainDaysLaterIsOneCharge) {
  Backup();
  RegisterCard("pm_card_visa");
  stripe_.AnswerAfterwards({.status = 500});
  EXPECT_FALSE(Pay("p1", 25'000'000).status.ok());

  Restore();
  Advance(absl::Hours(24 * 5));
  stripe_.ForgetKeys();
  // The ledger has forgotten the customer too, and makes another.
  RegisterCard("pm_card_visa");

  EXPECT_THAT(Pay("p1", 25'000'000), Answers("recharge { state: RECHARGE_STATE_CREDITED }"));
  EXPECT_EQ(Charges(), 1);
  EXPECT_EQ(Balance("acme").balance_micros(), 45'000'000);
  // One that the provider does not know is charged as ever.
  EXPECT_THAT(Pay("p2", 5'000'000), Answers("recharge { state: RECHARGE_STATE_CREDITED }"));
  EXPECT_EQ(Charges(), 2);
  // The first charge is older than what is listed.
  const auto compared = Ask(&Stub::ReconcileRecharges, "");
  EXPECT_THAT(compared, Answers("charges: 1 credits: 2"));
  EXPECT_THAT(compared->differences(), IsEmpty());
}

TEST_F(RestoredPaymentsTest, APaymentThatCouldNotBeLookedForIsOneChargeAfterARestart) {
  Backup();
  RegisterCard("pm_card_visa");
  ASSERT_THAT(Pay("p1", 25'000'000), Answers(""));
  Restore();
  Advance(absl::Hours(30));
  stripe_.ForgetKeys();
  RegisterCard("pm_card_visa");

  stripe_.AnswerInstead({.status = 500});
  EXPECT_THAT(Pay("p1", 25'000'000), FailsWith(grpc::StatusCode::UNAVAILABLE, "PAYMENT_PENDING"));
  // Not yet due.
  Advance(absl::Seconds(1));
  Restart();
  recharges_ = v1::RechargeService::NewStub(channel_);
  Advance(absl::Minutes(2));

  EXPECT_THAT(Pay("p1", 25'000'000), Answers("recharge { state: RECHARGE_STATE_CREDITED }"));
  EXPECT_EQ(Charges(), 1);
  EXPECT_EQ(Balance("acme").balance_micros(), 45'000'000);
}

TEST_F(RestoredPaymentsTest, AChargeThatWasRepairedIsNotMadeAgainHoweverLateItIsAskedFor) {
  PayAndForget();
  ASSERT_THAT(Ask(&Stub::ReconcileRecharges, "repair: true"), Answers("charges: 1 credits: 0"));
  AwaitRecharge(v1::RECHARGE_STATE_CREDITED);
  std::filesystem::remove(Mark());
  Advance(absl::Hours(25));
  stripe_.ForgetKeys();

  EXPECT_THAT(Pay("p1", 25'000'000),
              Answers("replayed: true recharge { state: RECHARGE_STATE_CREDITED "
                      "kind: RECHARGE_KIND_MANUAL }"));
  EXPECT_EQ(Charges(), 1);
  EXPECT_EQ(Balance("acme").balance_micros(), 45'000'000);
}

TEST_F(RestoredPaymentsTest, ARefundIsToldAgainUntilItsChargeIsRepaired) {
  const v1::Recharge paid = PayAndForget();

  EXPECT_EQ(Tell("refund.created", MoneyBack("re_1", paid, 2500)), 503);
  ASSERT_THAT(Ask(&Stub::ReconcileRecharges, "repair: true"), Answers("charges: 1 credits: 0"));
  AwaitRecharge(v1::RECHARGE_STATE_CREDITED);
  EXPECT_EQ(Tell("refund.created", MoneyBack("re_1", paid, 2500)), 200);

  EXPECT_EQ(Balance("acme").balance_micros(), 20'000'000);
}

TEST_F(RestoredPaymentsTest, ARefundOfAChargeThatIsNotRepairedIsAnothersOnceChargesGoOn) {
  const v1::Recharge paid = PayAndForget();
  ASSERT_EQ(Tell("refund.created", MoneyBack("re_1", paid, 2500)), 503);

  std::filesystem::remove(Mark());

  EXPECT_EQ(Tell("refund.created", MoneyBack("re_1", paid, 2500)), 200);
  EXPECT_EQ(Balance("acme").balance_micros(), 20'000'000);
}

TEST_F(RestoredPaymentsTest, AChargeThatWasCreditedByHandUnderItsNameIsNotCreditedAgain) {
  const std::string recharge_id = PayAndForget().recharge_id();
  ASSERT_THAT(Send<v1::CreditRequest>(absl::StrCat("account_id: 'acme' request_id: '", recharge_id,
                                                   "' amount_micros: 25000000 "
                                                   "reason: CREDIT_REASON_PAYMENT")),
              Answers(""));

  EXPECT_THAT(Pay("p1", 25'000'000), Answers("recharge { state: RECHARGE_STATE_CREDITED }"));
  EXPECT_EQ(Balance("acme").balance_micros(), 45'000'000);
  EXPECT_THAT(Ask(&Stub::ReconcileRecharges, ""), Answers("charges: 1 credits: 1"));
  // And the account is free for the next.
  EXPECT_THAT(Pay("p2", 5'000'000), Answers("recharge { state: RECHARGE_STATE_CREDITED }"));
}

}  // namespace
}  // namespace farebox::server
