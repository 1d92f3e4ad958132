// A server that is restarted under load, as its callers see it.

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "farebox/v1/billing.grpc.pb.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "server/exit_codes.h"
#include "storage/clock.h"
#include "tests/support/await.h"
#include "tests/support/health_watch.h"
#include "tests/support/server_process.h"

namespace farebox {
namespace {

using testing::HealthWatch;
using testing::ServerProcess;
using Health = testing::HealthWatch::Health;

constexpr int kCallersPerClient = 8;

class DrainTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    for (int i = 0; i < 2; ++i) {
      clients_.push_back(std::make_unique<client::Client>(
          client::ClientOptions{.target = server_.address(),
                                .timeout = absl::Seconds(60),
                                .retry = {.attempts_max = 1'000}}));
    }
    v1::CreateAccountRequest opened;
    opened.mutable_account()->set_account_id("alice");
    opened.mutable_account()->set_currency_code("USD");
    ASSERT_EQ(clients_[0]->CreateAccount(opened).status(), absl::OkStatus());
    v1::CreditRequest paid;
    paid.set_account_id("alice");
    paid.set_amount_micros(1'000'000'000'000);
    paid.set_reason(v1::CREDIT_REASON_PAYMENT);
    ASSERT_EQ(clients_[0]->Credit(paid).status(), absl::OkStatus());
  }

  void TearDown() override {
    StopCallers();
    if (server_.is_running()) {
      EXPECT_EQ(server_.Terminate(), server::kExitOk);
    }
  }

  void StartCallers() {
    for (const auto& client : clients_) {
      for (int i = 0; i < kCallersPerClient; ++i) {
        callers_.emplace_back([this, one = client.get()] { Call(one); });
      }
    }
  }

  void StopCallers() {
    is_over_.store(true);
    for (std::thread& caller : callers_) caller.join();
    callers_.clear();
  }

  bool AwaitDone(int64_t more) {
    const int64_t enough = done_.load() + more;
    return testing::Await([&] { return done_.load() >= enough; });
  }

  void Call(client::Client* client) {
    v1::DebitRequest debit;
    debit.set_account_id("alice");
    debit.set_amount_micros(1);
    debit.set_item(v1::ITEM_ADJUSTMENT);
    while (!is_over_.load()) {
      const absl::Status status = client->Debit(debit).status();
      if (status.ok()) {
        ++done_;
      } else {
        ++failed_;
        ADD_FAILURE() << status;
      }
    }
  }

  // When a caller that asks again and again, and repeats nothing, is turned away.
  absl::Time AwaitTurnedAway() {
    const auto stub = v1::BillingService::NewStub(
        grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials()));
    v1::GetBalanceRequest request;
    request.set_account_id("alice");
    testing::Await([&] {
      grpc::ClientContext context;
      context.set_deadline(absl::ToChronoTime(SystemClock().Now() + absl::Seconds(30)));
      v1::GetBalanceResponse response;
      return stub->GetBalance(&context, request, &response).error_code() ==
             grpc::StatusCode::UNAVAILABLE;
    });
    return SystemClock().Now();
  }

  const testing::TemporaryDirectory directory_;
  ServerProcess server_{{.binary = FAREBOX_SERVER_BINARY,
                         .data_directory = absl::StrCat(directory_.path(), "/data"),
                         .more_arguments = {"--drain-grace", "2"}}};
  std::vector<std::unique_ptr<client::Client>> clients_;
  std::vector<std::thread> callers_;
  std::atomic<bool> is_over_{false};
  std::atomic<int64_t> done_{0};
  std::atomic<int64_t> failed_{0};
};

TEST_F(DrainTest, ARestartUnderLoadFailsNoCall) {
  HealthWatch health(server_.address());
  ASSERT_TRUE(health.Await(Health::kServing));
  StartCallers();
  ASSERT_TRUE(AwaitDone(500));

  absl::Time turned_away;
  std::thread asking([&] { turned_away = AwaitTurnedAway(); });
  std::thread ending([this] { EXPECT_EQ(server_.Terminate(), server::kExitOk); });
  EXPECT_TRUE(health.Await(Health::kNotServing));
  EXPECT_TRUE(AwaitDone(1));
  ending.join();
  asking.join();
  // Whoever watches health is told before anybody is turned away.
  const std::vector<HealthWatch::Word> words = health.words();
  const auto told = std::find_if(words.begin(), words.end(), [](const auto& word) {
    return word.health == Health::kNotServing;
  });
  ASSERT_TRUE(told != words.end());
  EXPECT_LT(told->time, turned_away);
  const int64_t before = done_.load();
  ASSERT_EQ(server_.Start(), absl::OkStatus());

  EXPECT_TRUE(AwaitDone(500));
  StopCallers();
  EXPECT_EQ(failed_.load(), 0);
  v1::GetBalanceRequest request;
  request.set_account_id("alice");
  const auto balance = clients_[0]->GetBalance(request);
  ASSERT_EQ(balance.status(), absl::OkStatus());
  // Each once, those that were repeated over the restart too.
  EXPECT_EQ(balance->balance_micros(), 1'000'000'000'000 - done_.load());
  RecordProperty("calls", static_cast<int>(done_.load()));
  RecordProperty("calls_before_restart", static_cast<int>(before));
}

}  // namespace
}  // namespace farebox
