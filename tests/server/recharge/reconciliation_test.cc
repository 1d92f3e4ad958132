// Comparing the provider's books with ours while both go on.

#include "server/recharge/reconciliation.h"

#include <gmock/gmock.h>

#include <functional>
#include <utility>

#include "tests/server/recharge/recharger_fixture.h"

namespace farebox::server {
namespace {

using ::testing::IsEmpty;

// A provider whose list is a while old when it is read.
class SlowList : public AlteringGateway {
 public:
  SlowList(PaymentGateway* provider, std::function<void()> meanwhile)
      : AlteringGateway(provider), meanwhile_(std::move(meanwhile)) {}

  absl::Status ListCharges(absl::Time from, absl::Time to, GoesOn goes_on,
                           VisitCharge visit) override {
    const absl::Status listed = AlteringGateway::ListCharges(from, to, goes_on, visit);
    meanwhile_();
    return listed;
  }

 private:
  const std::function<void()> meanwhile_;
};

using ReconciliationTest = RechargerTest;

TEST_F(ReconciliationTest, WhatIsChargedAndCreditedMeanwhileIsNoDifference) {
  Enable({"pm_card_visa"});
  Spend(Cents(9'00));
  SlowList gateway(gateway_.get(), [this] { Work(); });
  Reconciliation reconciliation({.journal = journal_.get(),
                                 .documents = documents_.get(),
                                 .gateway = &gateway,
                                 .clock = &clock_});

  const absl::StatusOr<ReconciliationReport> report = reconciliation.Compare(
      clock_.Now() - absl::Hours(1), clock_.Now() + absl::Hours(1), [] { return true; });

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(Available(), Cents(61'00));
  EXPECT_THAT(report->differences, IsEmpty());
}

}  // namespace
}  // namespace farebox::server
