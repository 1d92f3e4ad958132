// What is turned away when there is too much to do, and what is not.

#include <chrono>
#include <future>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "storage/limits.h"
#include "tests/server/server_fixture.h"
#include "tests/server/thread_gate.h"

namespace farebox::server {
namespace {

using grpc::StatusCode;

// A disk that stalls, by a clock that is moved by hand.
class Overload : public ServerTest {
 protected:
  void TearDown() override {
    Recover();
    ServerTest::TearDown();
  }

  // The writer stands still, a call waits for it, and so much time has gone by.
  void Stall(absl::Duration time) {
    OpenAccount("waiter", 1'000'000);
    HoldUpWriter(&server_->ledger(), &gate_);
    Await([this] { EXPECT_THAT(Debit("waiter", "w"), Answers("")); });
    clock_.Advance(time);
  }

  // Makes a call that waits until the disk recovers.
  template <typename Call>
  void Await(Call call) {
    const int64_t before = server_->ledger().Stats().queued_commands;
    waiting_.push_back(std::async(std::launch::async, call));
    while (server_->ledger().Stats().queued_commands == before) {
      // Every call has a deadline, so this comes to an end.
      ASSERT_EQ(waiting_.back().wait_for(std::chrono::milliseconds(1)), std::future_status::timeout)
          << "it was answered, and did not wait";
    }
  }

  void Recover() {
    gate_.Open();
    for (const std::future<void>& call : waiting_) call.wait();
    waiting_.clear();
  }

  Answer<v1::DebitResponse> Debit(absl::string_view account, absl::string_view request_id) {
    return Send<v1::DebitRequest>(
        absl::Substitute("account_id: '$0' item: ITEM_ADJUSTMENT amount_micros: 1 request_id: '$1'",
                         account, request_id));
  }

  int64_t Refused(Urgency urgency) {
    return server_->ledger().Stats().refused[static_cast<size_t>(urgency)];
  }

  ThreadGate gate_;
  std::vector<std::future<void>> waiting_;
};

// So few wait that they are refused later than many would be.
constexpr absl::Duration kNewWorkGoes = absl::Milliseconds(300);
constexpr absl::Duration kAllButTheUrgentGoes = absl::Milliseconds(550);

TEST_F(Overload, NewWorkIsRefusedFirst) {
  OpenAccount("alice", 10'000'000);
  Stall(kNewWorkGoes);

  const auto authorized = AuthorizeCall("alice", "a", 60);
  EXPECT_THAT(authorized, FailsWith(StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED"));
  EXPECT_TRUE(DetailsOf(authorized.status).has_retry_info);
  EXPECT_THAT(Debit("alice", "d"), FailsWith(StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED"));
  Await([&] {
    EXPECT_THAT(Send<v1::CreditRequest>("account_id: 'alice' request_id: 'c' amount_micros: 5 "
                                        "reason: CREDIT_REASON_PAYMENT"),
                Answers("entry { amount_micros: 5 }"));
  });
  EXPECT_EQ(Balance("alice").balance_micros(), 10'000'000);
  EXPECT_EQ(Refused(Urgency::kBegins), 2);
  EXPECT_EQ(Refused(Urgency::kGoesOn), 0);

  // Nothing was done: the same request ids are good.
  Recover();
  EXPECT_THAT(AuthorizeCall("alice", "a", 60), Answers("decision: DECISION_GRANTED"));
  EXPECT_THAT(Debit("alice", "d"), Answers("replayed: false"));
}

TEST_F(Overload, WhatEndsACallIsTakenWhenAllElseIsRefused) {
  OpenAccount("alice", 10'000'000);
  const int64_t settled = AuthorizeCall("alice", "1", 60)->hold_id();
  const int64_t released = AuthorizeCall("alice", "2", 60)->hold_id();
  const int64_t running = AuthorizeCall("alice", "3", 60)->hold_id();
  Stall(kAllButTheUrgentGoes);

  EXPECT_THAT(Send<v1::CreditRequest>("account_id: 'alice' request_id: 'c' amount_micros: 5 "
                                      "reason: CREDIT_REASON_PAYMENT"),
              FailsWith(StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED"));
  EXPECT_THAT(Send<v1::ReauthorizeRequest>(
                  absl::Substitute("account_id: 'alice' request_id: 'r' hold_id: $0 used_seconds: "
                                   "5 requested_seconds: 60",
                                   running)),
              FailsWith(StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED"));
  Await([&] { EXPECT_THAT(Settle("alice", "s", settled, 60), Answers("billed_seconds: 60")); });
  Await([&] {
    EXPECT_THAT(Send<v1::ReleaseRequest>(
                    absl::Substitute("account_id: 'alice' request_id: 'e' hold_id: $0", released)),
                Answers("replayed: false"));
  });
  EXPECT_EQ(Refused(Urgency::kEnds), 0);
}

TEST_F(Overload, ABatchIsAsUrgentAsTheLeastUrgentInIt) {
  OpenAccount("alice", 10'000'000);
  const int64_t hold = AuthorizeCall("alice", "1", 60)->hold_id();
  Stall(kNewWorkGoes);
  const std::string settle = absl::Substitute(
      "operations { debit { account_id: 'alice' request_id: 's' settlement { hold_id: $0 "
      "used_seconds: 60 } } }",
      hold);
  const std::string debit =
      "operations { debit { account_id: 'alice' request_id: 'd' amount_micros: 1 item: "
      "ITEM_ADJUSTMENT } }";

  EXPECT_THAT(Send<v1::ApplyBatchRequest>(absl::StrCat(settle, debit)),
              FailsWith(StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED"));
  Await([&] {
    EXPECT_THAT(Send<v1::ApplyBatchRequest>(settle),
                Answers("results { debit { billed_seconds: 60 } }"));
  });
}

class AccountRate : public ServerTest {
 protected:
  Config MakeConfig() const override {
    Config config = ServerTest::MakeConfig();
    config.account_rate = {.per_second = 1, .burst = 3};
    return config;
  }

  // Opens an account and waits until its bucket is full again.
  void OpenRested(absl::string_view account) {
    OpenAccount(account, 10'000'000);
    Advance(absl::Seconds(10));
  }

  static constexpr char kDebits[] =
      "operations { debit { account_id: 'alice' request_id: 'd1' amount_micros: 1 item: "
      "ITEM_ADJUSTMENT } }"
      "operations { debit { account_id: 'alice' request_id: 'd2' amount_micros: 1 item: "
      "ITEM_ADJUSTMENT } }"
      "operations { debit { account_id: 'alice' request_id: 'd3' amount_micros: 1 item: "
      "ITEM_ADJUSTMENT } }"
      "operations { debit { account_id: 'alice' request_id: 'd4' amount_micros: 1 item: "
      "ITEM_ADJUSTMENT } }"
      "operations { debit { account_id: 'bob' request_id: 'd' amount_micros: 1 item: "
      "ITEM_ADJUSTMENT } }";
};

TEST_F(AccountRate, MoreCallsThanTheRateAllowsAreToldWhenToComeBack) {
  OpenRested("alice");
  OpenRested("bob");
  for (const char* const id : {"1", "2", "3"}) {
    ASSERT_THAT(AuthorizeCall("alice", id, 60), Answers("decision: DECISION_GRANTED"));
  }

  const auto refused = AuthorizeCall("alice", "4", 60);

  EXPECT_THAT(refused, FailsWith(StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED"));
  EXPECT_TRUE(DetailsOf(refused.status).has_retry_info);
  EXPECT_EQ(DetailsOf(refused.status).error_info.metadata().at("limit"), "account_rate");
  EXPECT_THAT(AuthorizeCall("bob", "1", 60), Answers("decision: DECISION_GRANTED"));
  Advance(absl::Seconds(1));
  EXPECT_THAT(AuthorizeCall("alice", "4", 60), Answers("decision: DECISION_GRANTED"));
}

TEST_F(AccountRate, WhatEndsACallIsNeverRefused) {
  OpenRested("alice");
  std::vector<int64_t> holds;
  for (const char* const id : {"1", "2", "3"}) {
    holds.push_back(AuthorizeCall("alice", id, 60)->hold_id());
  }
  ASSERT_FALSE(AuthorizeCall("alice", "4", 60).status.ok());

  EXPECT_THAT(Settle("alice", "s", holds[0], 60), Answers("billed_seconds: 60"));
  EXPECT_THAT(Send<v1::ReleaseRequest>(
                  absl::Substitute("account_id: 'alice' request_id: 'r' hold_id: $0", holds[1])),
              Answers("replayed: false"));
  EXPECT_THAT(Send<v1::ApplyBatchRequest>(absl::Substitute(
                  "operations { debit { account_id: 'alice' request_id: 't' settlement { "
                  "hold_id: $0 used_seconds: 60 } } }",
                  holds[2])),
              Answers("results { debit { billed_seconds: 60 } }"));
}

TEST_F(AccountRate, OperationsOfABatchAreRefusedOneByOne) {
  OpenRested("alice");
  OpenRested("bob");

  const auto answer = Send<v1::ApplyBatchRequest>(kDebits);

  ASSERT_EQ(answer->results_size(), 5);
  for (const int done : {0, 1, 2, 4}) EXPECT_TRUE(answer->results(done).has_debit()) << done;
  EXPECT_EQ(answer->results(3).error().code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(DetailsOf(answer->results(3).error()).error_info.reason(), "OVERLOADED");
}

TEST_F(AccountRate, OperationsOfAStreamAreRefusedOneByOne) {
  OpenRested("alice");
  OpenRested("bob");
  grpc::ClientContext context;
  SetDeadline(&context);
  const auto stream = billing_->ApplyStream(&context);
  const auto batch = Parse<v1::ApplyBatchRequest>(kDebits);
  for (int i = 0; i < batch.operations_size(); ++i) {
    v1::ApplyStreamRequest request;
    request.set_correlation_id(i);
    *request.mutable_operation() = batch.operations(i);
    ASSERT_TRUE(stream->Write(request));
  }
  stream->WritesDone();

  std::vector<int64_t> refused;
  v1::ApplyStreamResponse response;
  while (stream->Read(&response)) {
    if (response.result().has_error()) refused.push_back(response.correlation_id());
  }

  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(refused, std::vector<int64_t>{3});
}

}  // namespace
}  // namespace farebox::server
