// Comparing the provider's books with ours while both go on.

#include "server/recharge/reconciliation.h"

#include <gmock/gmock.h>

#include <functional>
#include <utility>

#include "tests/server/recharge/recharger_fixture.h"

namespace farebox::server {
namespace {

using Kind = RechargeDifference::Kind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A provider whose list is a while old when it is read.
class SlowList : public AlteringGateway {
 public:
  SlowList(PaymentGateway* provider, std::function<void()> meanwhile)
      : AlteringGateway(provider), meanwhile_(std::move(meanwhile)) {}

  absl::Status ListCharges(absl::Time from, absl::Time to, ShouldContinue should_continue,
                           VisitCharge visit) override {
    const absl::Status listed = AlteringGateway::ListCharges(from, to, should_continue, visit);
    meanwhile_();
    return listed;
  }

 private:
  const std::function<void()> meanwhile_;
};

// A provider that lists nothing.
class EmptyList : public AlteringGateway {
 public:
  using AlteringGateway::AlteringGateway;

  absl::Status ListCharges(absl::Time /*from*/, absl::Time /*to*/,
                           ShouldContinue /*should_continue*/, VisitCharge /*visit*/) override {
    return absl::OkStatus();
  }
};

// A provider that has taken every payment once more, some time later; newest first, as Stripe
// lists.
class AgainList : public AlteringGateway {
 public:
  // kEarlier: the first ones were taken before the time that is listed.
  enum class First { kListed, kEarlier };
  AgainList(PaymentGateway* provider, absl::Duration later, First first)
      : AlteringGateway(provider), later_(later), first_(first) {}

  absl::Status ListCharges(absl::Time from, absl::Time to, ShouldContinue should_continue,
                           VisitCharge visit) override {
    const absl::Time since = first_ == First::kListed ? from : from - later_;
    return AlteringGateway::ListCharges(
        since, to, should_continue, [&](absl::string_view attempt_id, const CardCharge& charge) {
          CardCharge again = charge;
          again.payment_id += "-again";
          again.create_time += later_;
          visit(attempt_id, again);
          if (first_ == First::kListed) visit(attempt_id, charge);
        });
  }

 private:
  const absl::Duration later_;
  const First first_;
};

// A provider that counts how often it is asked for anything.
class CountedList : public AlteringGateway {
 public:
  using AlteringGateway::AlteringGateway;

  int lists() const { return lists_; }

  absl::Status ListCharges(absl::Time from, absl::Time to, ShouldContinue should_continue,
                           VisitCharge visit) override {
    ++lists_;
    return AlteringGateway::ListCharges(from, to, should_continue, visit);
  }

 private:
  int lists_ = 0;
};

class ReconciliationTest : public RechargerTest {
 protected:
  // Of all times.
  ReconciliationReport Compare(PaymentGateway* gateway) {
    Reconciliation reconciliation({.journal = journal_.get(),
                                   .documents = documents_.get(),
                                   .gateway = gateway,
                                   .clock = &clock_});
    const absl::StatusOr<ReconciliationReport> report = reconciliation.Compare(
        clock_.Now() - absl::Hours(48), clock_.Now() + absl::Hours(1), [] { return true; });
    EXPECT_TRUE(report.ok()) << report.status();
    return report.value();
  }

  // As if so many charges had been made and credited.
  void PutCredited(int count) {
    const AccountFacts account = *ledger_->FindAccount("alice");
    RechargeRecords records(documents_.get());
    for (int i = 0; i < count; ++i) {
      stored::v1::RechargeAttempt attempt;
      attempt.set_recharge_id(absl::StrCat("credited-", i));
      attempt.set_account_id("alice");
      attempt.set_state(v1::RECHARGE_STATE_CREDITED);
      attempt.set_create_micros(absl::ToUnixMicros(clock_.Now()));
      AttemptRecord record = RechargeRecords::NewAttempt(account, std::move(attempt));
      ASSERT_TRUE(records.Put({.attempt = &record}).ok());
    }
  }

  static std::vector<Kind> KindsOf(const ReconciliationReport& report) {
    std::vector<Kind> kinds;
    for (const RechargeDifference& difference : report.differences) {
      kinds.push_back(difference.kind);
    }
    return kinds;
  }
};

TEST_F(ReconciliationTest, WhatIsChargedAndCreditedMeanwhileIsNoDifference) {
  Enable({"pm_card_visa"});
  Spend(Cents(9'00));
  SlowList gateway(gateway_.get(), [this] { Work(); });

  const ReconciliationReport report = Compare(&gateway);

  EXPECT_EQ(Available(), Cents(61'00));
  EXPECT_THAT(report.differences, IsEmpty());
}

TEST_F(ReconciliationTest, ACreditIsADifferenceUnlessItsPaymentWasChargedAtSomeTime) {
  Enable({"pm_card_visa"});
  Work();
  EmptyList gateway(gateway_.get());

  EXPECT_THAT(Compare(&gateway).differences, IsEmpty());
  for (const auto& alter : std::vector<std::function<void(CardCharge*)>>{
           [](CardCharge* charge) { *charge = {.message = "no such payment"}; },
           [](CardCharge* charge) { charge->state = ChargeState::kDeclined; },
           [](CardCharge* charge) { charge->amount = Cents(1'00); },
           [](CardCharge* charge) { charge->currency_code = "EUR"; }}) {
    gateway.AlterNext(alter);
    EXPECT_THAT(KindsOf(Compare(&gateway)), ElementsAre(Kind::kCreditedNotCharged));
  }
}

TEST_F(ReconciliationTest, OfTwoChargesTheOneThatWasNotCreditedIsTheDifference) {
  Enable({"pm_card_visa"});
  Work();
  ASSERT_THAT(States(), ElementsAre("CREDITED"));
  AgainList gateway(gateway_.get(), absl::Minutes(1), AgainList::First::kListed);

  const ReconciliationReport report = Compare(&gateway);

  EXPECT_EQ(report.charges, 2);
  ASSERT_THAT(KindsOf(report), ElementsAre(Kind::kChargedTwice));
  const RechargeDifference& twice = report.differences[0];
  EXPECT_EQ(twice.payment_id, Attempts()[0].payment_id() + "-again");
  EXPECT_EQ(twice.account_id, "alice");
  EXPECT_EQ(twice.recharge_id, Attempts()[0].recharge_id());
}

// Once, it was taken for the one that was credited: the customer had paid twice, and no report said
// so.
TEST_F(ReconciliationTest, AChargeOfTheSameNameDaysLaterIsADifference) {
  Enable({"pm_card_visa"});
  Work();
  ASSERT_THAT(States(), ElementsAre("CREDITED"));
  AgainList gateway(gateway_.get(), absl::Hours(72), AgainList::First::kEarlier);

  // The attempt is of the report's time, or of a time long before it.
  for (const absl::Duration later : {absl::ZeroDuration(), absl::Hours(72)}) {
    clock_.Advance(later);
    const ReconciliationReport report = Compare(&gateway);

    ASSERT_THAT(KindsOf(report), ElementsAre(Kind::kChargedTwice)) << later;
    const RechargeDifference& twice = report.differences[0];
    EXPECT_EQ(twice.payment_id, Attempts()[0].payment_id() + "-again");
    EXPECT_EQ(twice.account_id, "alice");
    EXPECT_EQ(twice.charged, Cents(60'00));
  }
}

// The second one does not stand for the first, which the provider knows nothing of.
TEST_F(ReconciliationTest, ACreditIsADifferenceThoughAnotherPaymentCarriesItsName) {
  Enable({"pm_card_visa"});
  Work();
  AgainList gateway(gateway_.get(), absl::Hours(72), AgainList::First::kEarlier);
  gateway.AlterNext([](CardCharge* charge) { *charge = {.message = "no such payment"}; });

  EXPECT_THAT(KindsOf(Compare(&gateway)),
              ElementsAre(Kind::kChargedTwice, Kind::kCreditedNotCharged));
}

TEST_F(ReconciliationTest, AChargeOfWhateverStateIsUnderWayForAnHour) {
  Enable({"pm_card_visa"});
  altering_->AlterNext([](CardCharge* charge) { *charge = {.message = "<html>504</html>"}; });
  Work();
  ASSERT_THAT(States(), ElementsAre("UNKNOWN"));
  EXPECT_EQ(Compare(gateway_.get()).under_way, 1);
  EXPECT_THAT(Compare(gateway_.get()).differences, IsEmpty());

  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Compare(gateway_.get()).under_way, 0);
  EXPECT_THAT(KindsOf(Compare(gateway_.get())), ElementsAre(Kind::kChargedNotCredited));

  Work();
  EXPECT_THAT(Compare(gateway_.get()).differences, IsEmpty());
}

// Once, all of our books were read before anybody was asked.
TEST_F(ReconciliationTest, AReportThatIsWantedNoMoreEndsBeforeTheProviderIsAsked) {
  PutCredited(600);
  CountedList gateway(gateway_.get());
  Reconciliation reconciliation({.journal = journal_.get(),
                                 .documents = documents_.get(),
                                 .gateway = &gateway,
                                 .clock = &clock_});
  int questions = 0;

  const absl::StatusOr<ReconciliationReport> report =
      reconciliation.Compare(clock_.Now() - absl::Hours(48), clock_.Now() + absl::Hours(1),
                             [&] { return ++questions < 2; });

  EXPECT_TRUE(absl::IsCancelled(report.status())) << report.status();
  EXPECT_EQ(questions, 2);
  EXPECT_EQ(gateway.lists(), 0);
  EXPECT_THAT(gateway.calls(), IsEmpty());
}

TEST_F(ReconciliationTest, AReportThatIsWantedNoMoreEndsAtTheNextCharge) {
  Enable({"pm_card_visa"});
  Work();
  bool is_wanted = true;
  SlowList gateway(gateway_.get(), [&] { is_wanted = false; });
  Reconciliation reconciliation({.journal = journal_.get(),
                                 .documents = documents_.get(),
                                 .gateway = &gateway,
                                 .clock = &clock_});

  const absl::StatusOr<ReconciliationReport> report = reconciliation.Compare(
      clock_.Now() - absl::Hours(48), clock_.Now() + absl::Hours(1), [&] { return is_wanted; });

  EXPECT_TRUE(absl::IsCancelled(report.status())) << report.status();
}

TEST_F(ReconciliationTest, MoreRechargesThanCanBeComparedHaveNoReport) {
  PutCredited(4);
  CountedList gateway(gateway_.get());
  const auto compare = [&](size_t credits_max) {
    Reconciliation reconciliation({.journal = journal_.get(),
                                   .documents = documents_.get(),
                                   .gateway = &gateway,
                                   .clock = &clock_,
                                   .credits_max = credits_max});
    return reconciliation
        .Compare(clock_.Now() - absl::Hours(48), clock_.Now() + absl::Hours(1), [] { return true; })
        .status();
  };

  EXPECT_TRUE(compare(4).ok());
  EXPECT_EQ(gateway.lists(), 1);
  EXPECT_TRUE(absl::IsUnavailable(compare(3)));
  EXPECT_EQ(gateway.lists(), 1);
}

TEST_F(ReconciliationTest, AChargeThatItsCustomerHasJustConfirmedIsUnderWay) {
  Enable({"pm_card_authenticationRequired"});
  Work();
  for (int i = 0; i < 24; ++i) {
    clock_.Advance(absl::Minutes(6));
    Work();
  }
  ASSERT_THAT(States(), ElementsAre("ACTION_REQUIRED"));
  ASSERT_TRUE(gateway_->AnswerBank(Attempts()[0].payment_id(), /*confirms=*/true).ok());

  EXPECT_EQ(Compare(gateway_.get()).under_way, 1);
  EXPECT_THAT(Compare(gateway_.get()).differences, IsEmpty());
  // It is asked about every few minutes, unless something is wrong.
  clock_.Advance(absl::Hours(2));
  EXPECT_THAT(KindsOf(Compare(gateway_.get())), ElementsAre(Kind::kChargedNotCredited));
  Work();
}

}  // namespace
}  // namespace farebox::server
