// Kills the real server between any two steps of a charge, starts it again on the same files, and
// counts: one charge at the provider and one credit in the ledger, or neither.

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/strings/substitute.h"
#include "farebox/v1/account.grpc.pb.h"
#include "farebox/v1/billing.grpc.pb.h"
#include "farebox/v1/operations.grpc.pb.h"
#include "farebox/v1/recharge.grpc.pb.h"
#include "google/protobuf/text_format.h"
#include "storage/check.h"
#include "storage/clock.h"
#include "tests/support/await.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_directory.h"

namespace farebox {
namespace {

using Recharges = v1::RechargeService::Stub;

// Longer than the provider's pause after a lost answer, and all that is done then.
constexpr absl::Duration kPatience = absl::Seconds(40);

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  FAREBOX_CHECK(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

class RechargeKillTest : public ::testing::Test {
 protected:
  // A server that is killed at the point, with an account that has 20.00 and a test card.
  void BeginUntil(const std::string& point, const std::string& card) {
    directory_ = std::make_unique<testing::TemporaryDirectory>();
    Launch(FAREBOX_MORTAL_SERVER_BINARY, "FAREBOX_KILL_AT=" + point);
    ASSERT_TRUE(Open(card).ok());
  }

  // The server that is installed, on the same files.
  void GoOn() { Launch(FAREBOX_SERVER_BINARY, "FAREBOX_NOTHING="); }

  void Launch(const std::string& binary, const std::string& variable) {
    server_ = nullptr;
    server_ = std::make_unique<testing::ServerProcess>(testing::ServerProcess::Options{
        .binary = binary,
        .data_directory = directory_->path() + "/ledger",
        .more_arguments = {"--payments", "simulated", "--port-file", directory_->path() + "/port"},
        .environment = {variable}});
    ASSERT_EQ(server_->Start(), absl::OkStatus());
    const auto channel =
        grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
    recharges_ = v1::RechargeService::NewStub(channel);
    accounts_ = v1::AccountService::NewStub(channel);
    billing_ = v1::BillingService::NewStub(channel);
    operations_ = v1::OperationsService::NewStub(channel);
  }

  template <typename Stub, typename Request, typename Response>
  grpc::Status Call(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const std::string& text, Response* response) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(absl::ToChronoTime(SystemClock().Now() + kPatience));
    return (stub.*method)(&context, Parse<Request>(text), response);
  }

  grpc::Status Open(const std::string& card) {
    v1::CreateAccountResponse opened;
    grpc::Status status = Call(*accounts_, &v1::AccountService::Stub::CreateAccount,
                               "account { account_id: 'acme' currency_code: 'USD' email: "
                               "'a@acme.example' } request_id: 'o'",
                               &opened);
    v1::CreditResponse credited;
    if (status.ok()) {
      status = Call(*billing_, &v1::BillingService::Stub::Credit,
                    "account_id: 'acme' request_id: 'c' amount_micros: 20000000 "
                    "reason: CREDIT_REASON_PAYMENT",
                    &credited);
    }
    v1::StartCardSetupResponse setup;
    if (status.ok()) {
      status = Call(*recharges_, &Recharges::StartCardSetup, "account_id: 'acme'", &setup);
    }
    v1::CompleteCardSetupResponse registered;
    if (!status.ok()) return status;
    return Call(*recharges_, &Recharges::CompleteCardSetup,
                absl::Substitute("account_id: 'acme' setup_id: '$0:$1'", setup.setup_id(), card),
                &registered);
  }

  void FallLow() {
    v1::UpdateAutoRechargeResponse updated;
    ASSERT_TRUE(Call(*recharges_, &Recharges::UpdateAutoRecharge,
                     "account_id: 'acme' auto_recharge { enabled: true amount_micros: 60000000 "
                     "threshold_micros: 15000000 failure_email: 'a@acme.example' }",
                     &updated)
                    .ok());
    v1::DebitResponse debited;
    ASSERT_TRUE(Call(*billing_, &v1::BillingService::Stub::Debit,
                     "account_id: 'acme' request_id: 'd' amount_micros: 6000000 "
                     "item: ITEM_ADJUSTMENT",
                     &debited)
                    .ok());
  }

  grpc::Status Pay(v1::PayResponse* response) {
    return Call(*recharges_, &Recharges::Pay,
                "account_id: 'acme' request_id: 'p' amount_micros: 60000000", response);
  }

  int64_t Balance() {
    v1::GetBalanceResponse balance;
    EXPECT_TRUE(
        Call(*billing_, &v1::BillingService::Stub::GetBalance, "account_id: 'acme'", &balance)
            .ok());
    return balance.balance_micros();
  }

  v1::Recharge AwaitState(v1::RechargeState state) {
    v1::ListRechargesResponse list;
    testing::Await([&] {
      Call(*recharges_, &Recharges::ListRecharges, "account_id: 'acme'", &list);
      return list.recharges_size() > 0 && list.recharges(0).state() == state;
    });
    EXPECT_EQ(list.recharges_size(), 1);
    EXPECT_EQ(v1::RechargeState_Name(list.recharges(0).state()), v1::RechargeState_Name(state));
    return list.recharges(0);
  }

  // Each charge has its credit, and the journal agrees with itself.
  void ExpectCharges(int64_t count) {
    v1::ReconcileRechargesResponse report;
    ASSERT_TRUE(Call(*recharges_, &Recharges::ReconcileRecharges, "", &report).ok());
    EXPECT_EQ(report.charges(), count);
    EXPECT_EQ(report.credits(), count);
    EXPECT_EQ(report.differences_size(), 0) << report.ShortDebugString();
    v1::VerifyResponse verified;
    ASSERT_TRUE(Call(*operations_, &v1::OperationsService::Stub::Verify, "", &verified).ok());
    EXPECT_TRUE(verified.ok()) << verified.ShortDebugString();
  }

  std::unique_ptr<testing::TemporaryDirectory> directory_;
  std::unique_ptr<testing::ServerProcess> server_;
  std::unique_ptr<Recharges> recharges_;
  std::unique_ptr<v1::AccountService::Stub> accounts_;
  std::unique_ptr<v1::BillingService::Stub> billing_;
  std::unique_ptr<v1::OperationsService::Stub> operations_;
};

struct Step {
  const char* card;
  // The names of recharger.cc.
  const char* point;
  v1::RechargeState end = v1::RECHARGE_STATE_CREDITED;
};

constexpr Step kSteps[] = {
    {"pm_card_visa", "INTENT"},
    {"pm_card_visa", "SENT"},
    {"pm_card_visa", "answered"},
    {"pm_card_visa", "RECHARGE_STATE_SUCCEEDED"},
    {"pm_card_visa", "credited"},
    {"pm_card_visa", "CREDITED"},
    {"pm_card_answerLost", "answered"},
    {"pm_card_answerLost", "RECHARGE_STATE_UNKNOWN"},
    {"pm_card_chargeDeclined", "answered", v1::RECHARGE_STATE_DECLINED},
    {"pm_card_chargeDeclined", "RECHARGE_STATE_DECLINED", v1::RECHARGE_STATE_DECLINED},
    {"pm_card_authenticationRequired", "RECHARGE_STATE_ACTION_REQUIRED",
     v1::RECHARGE_STATE_ACTION_REQUIRED},
};

TEST_F(RechargeKillTest, ARechargeThatIsKilledAtAnyStepIsChargedAndCreditedOnceOrNever) {
  for (const Step& step : kSteps) {
    SCOPED_TRACE(absl::Substitute("$0 at $1", step.card, step.point));
    ASSERT_NO_FATAL_FAILURE(BeginUntil(step.point, step.card));
    ASSERT_NO_FATAL_FAILURE(FallLow());
    ASSERT_EQ(server_->AwaitExit(), -1);

    ASSERT_NO_FATAL_FAILURE(GoOn());

    const v1::Recharge recharge = AwaitState(step.end);
    const bool is_charged = step.end == v1::RECHARGE_STATE_CREDITED;
    EXPECT_EQ(Balance(), is_charged ? 74'000'000 : 14'000'000);
    ExpectCharges(is_charged ? 1 : 0);
  }
}

TEST_F(RechargeKillTest, APaymentThatIsKilledAtAnyStepIsToldByTheSameRequestId) {
  for (const Step& step : kSteps) {
    if (step.end != v1::RECHARGE_STATE_CREDITED) continue;
    SCOPED_TRACE(absl::Substitute("$0 at $1", step.card, step.point));
    ASSERT_NO_FATAL_FAILURE(BeginUntil(step.point, step.card));
    v1::PayResponse paid;
    EXPECT_EQ(Pay(&paid).error_code(), grpc::StatusCode::UNAVAILABLE);
    ASSERT_EQ(server_->AwaitExit(), -1);

    ASSERT_NO_FATAL_FAILURE(GoOn());

    AwaitState(v1::RECHARGE_STATE_CREDITED);
    ASSERT_TRUE(Pay(&paid).ok());
    EXPECT_EQ(paid.recharge().state(), v1::RECHARGE_STATE_CREDITED);
    EXPECT_EQ(Balance(), 80'000'000);
    ExpectCharges(1);
  }
}

}  // namespace
}  // namespace farebox
