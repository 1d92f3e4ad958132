// Many callers at once, over real connections.

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "tests/server/server_fixture.h"

namespace farebox::server {
namespace {

using grpc::StatusCode;

constexpr int kThreads = 64;

class Concurrency : public ServerTest {
 protected:
  // Runs `body(thread, stub)` on 64 threads, eight of them a connection.
  template <typename Body>
  void OnThreads(const Body& body) {
    std::vector<std::shared_ptr<grpc::Channel>> channels;
    for (int i = 0; i < kThreads / 8; ++i) channels.push_back(NewChannel());
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        const auto stub = v1::BillingService::NewStub(channels[static_cast<size_t>(i) / 8]);
        body(i, stub.get());
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
};

TEST_F(Concurrency, HoldsOnOneBalanceNeverExceedIt) {
  OpenAccount("alice", 37 * 200'000 + 199'999);
  std::atomic<int> granted{0};
  std::atomic<int64_t> held{0};

  OnThreads([&](int thread, v1::BillingService::Stub* stub) {
    for (int i = 0; i < 16; ++i) {
      grpc::ClientContext context;
      SetDeadline(&context);
      v1::AuthorizeResponse answer;
      const grpc::Status status = stub->Authorize(
          &context,
          Parse<v1::AuthorizeRequest>(absl::Substitute(
              "account_id: 'alice' request_id: '$0-$1' requested_seconds: 60 usage { call { "
              "direction: DIRECTION_OUTBOUND from: '+12025550100' to: '+12025550123' } }",
              thread, i)),
          &answer);
      EXPECT_TRUE(status.ok()) << status.error_message();
      if (answer.decision() == v1::DECISION_GRANTED) ++granted;
      held += answer.held_micros();
    }
  });

  EXPECT_EQ(granted, 37);
  EXPECT_EQ(held, 37 * 200'000);
  EXPECT_THAT(Balance("alice"),
              Shows("held_micros: 7400000 available_micros: 199999 open_holds: 37"));
}

TEST_F(Concurrency, DebitsOfOneBalanceNeverExceedIt) {
  OpenAccount("alice", 500'500);
  std::atomic<int> paid{0};

  OnThreads([&](int thread, v1::BillingService::Stub* stub) {
    for (int i = 0; i < 16; ++i) {
      grpc::ClientContext context;
      SetDeadline(&context);
      v1::DebitResponse answer;
      const grpc::Status status =
          stub->Debit(&context,
                      Parse<v1::DebitRequest>(absl::Substitute(
                          "account_id: 'alice' request_id: '$0-$1' amount_micros: 1000 item: "
                          "ITEM_ADJUSTMENT",
                          thread, i)),
                      &answer);
      EXPECT_TRUE(status.ok() || status.error_code() == StatusCode::FAILED_PRECONDITION)
          << status.error_message();
      if (status.ok()) ++paid;
    }
  });

  EXPECT_EQ(paid, 500);
  EXPECT_EQ(Balance("alice").balance_micros(), 500);
}

TEST_F(Concurrency, CallersThatRepeatThemselvesPayOnce) {
  OpenAccount("alice", 1'000'000);

  // Every thread sends the same hundred debits.
  OnThreads([&](int, v1::BillingService::Stub* stub) {
    for (int i = 0; i < 100; ++i) {
      grpc::ClientContext context;
      SetDeadline(&context);
      v1::DebitResponse answer;
      const grpc::Status status =
          stub->Debit(&context,
                      Parse<v1::DebitRequest>(absl::Substitute(
                          "account_id: 'alice' request_id: 'debit $0' amount_micros: 1000 item: "
                          "ITEM_ADJUSTMENT",
                          i)),
                      &answer);
      EXPECT_TRUE(status.ok()) << status.error_message();
    }
  });

  EXPECT_EQ(Balance("alice").balance_micros(), 900'000);
}

class Drain : public Concurrency {
 protected:
  Config MakeConfig() const override {
    Config config = Concurrency::MakeConfig();
    // Long enough for every caller to be told before its connection goes.
    config.drain_grace = absl::Milliseconds(300);
    return config;
  }
};

TEST_F(Drain, UnderLoadLosesNothingThatWasAnswered) {
  OpenAccount("alice", 1'000'000'000);
  std::atomic<int64_t> answered{0};
  std::atomic<int> started{0};

  std::thread drainer;
  OnThreads([&](int thread, v1::BillingService::Stub* stub) {
    for (int i = 0;; ++i) {
      grpc::ClientContext context;
      SetDeadline(&context);
      v1::DebitResponse answer;
      const grpc::Status status =
          stub->Debit(&context,
                      Parse<v1::DebitRequest>(absl::Substitute(
                          "account_id: 'alice' request_id: '$0-$1' amount_micros: 1 item: "
                          "ITEM_ADJUSTMENT",
                          thread, i)),
                      &answer);
      if (!status.ok()) {
        EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE) << status.error_message();
        return;
      }
      ++answered;
      if (++started == 2'000) drainer = std::thread([this] { server_->Drain(); });
    }
  });
  drainer.join();

  Restart();
  const int64_t debits = 1'000'000'000 - Balance("alice").balance_micros();
  EXPECT_GE(debits, answered);
  // What was not answered may have been done: at most one a thread.
  EXPECT_LE(debits, answered + kThreads);
}

}  // namespace
}  // namespace farebox::server
