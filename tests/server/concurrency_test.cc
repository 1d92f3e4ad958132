// Many callers at once, over real connections.

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/substitute.h"
#include "tests/server/server_fixture.h"

namespace farebox::server {
namespace {

using grpc::StatusCode;

constexpr int kThreads = 64;
// Of each thread: 1,024 in all.
constexpr int kSendings = 16;

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

  template <typename Response, typename Method, typename Request>
  static Answer<Response> Call(v1::BillingService::Stub* stub, Method method,
                               const Request& request) {
    grpc::ClientContext context;
    SetDeadline(&context);
    Answer<Response> answer;
    answer.status = (stub->*method)(&context, request, &answer.value);
    return answer;
  }

  static v1::DebitRequest DebitOf(absl::string_view request_id, int64_t amount_micros) {
    return Parse<v1::DebitRequest>(
        absl::Substitute("account_id: 'alice' request_id: '$0' amount_micros: $1 "
                         "item: ITEM_ADJUSTMENT",
                         request_id, amount_micros));
  }
  static Answer<v1::DebitResponse> SendDebit(v1::BillingService::Stub* stub,
                                             absl::string_view request_id, int64_t amount_micros) {
    return Call<v1::DebitResponse>(stub, &v1::BillingService::Stub::Debit,
                                   DebitOf(request_id, amount_micros));
  }

  // Of a minute, which sets aside 0.20.
  static v1::AuthorizeRequest AuthorizeOf(absl::string_view request_id) {
    return Parse<v1::AuthorizeRequest>(absl::Substitute(
        "account_id: 'alice' request_id: '$0' requested_seconds: 60 usage { call { "
        "direction: DIRECTION_OUTBOUND from: '+12025550100' to: '+12025550123' } }",
        request_id));
  }
  static Answer<v1::AuthorizeResponse> SendAuthorize(v1::BillingService::Stub* stub,
                                                     absl::string_view request_id) {
    return Call<v1::AuthorizeResponse>(stub, &v1::BillingService::Stub::Authorize,
                                       AuthorizeOf(request_id));
  }

  // Sends the request of each thread again and again, from all threads at once.
  template <typename Response, typename Method, typename RequestOf>
  std::vector<Answer<Response>> SendAThousandTimes(Method method, const RequestOf& request_of) {
    std::vector<Answer<Response>> answers(size_t{kThreads} * kSendings);
    OnThreads([&](int thread, v1::BillingService::Stub* stub) {
      for (int i = 0; i < kSendings; ++i) {
        answers[static_cast<size_t>(thread * kSendings + i)] =
            Call<Response>(stub, method, request_of(thread));
      }
    });
    return answers;
  }

  // Expects the same answer everywhere, returns how many of them are the first, not a replay.
  template <typename Response>
  static int CountFirst(std::vector<Answer<Response>> answers) {
    int first_answers = 0;
    std::string expected;
    for (Answer<Response>& answer : answers) {
      EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
      if (!answer->replayed()) ++first_answers;
      answer.value.clear_replayed();
      const std::string bytes = answer.value.SerializeAsString();
      if (expected.empty()) expected = bytes;
      EXPECT_EQ(bytes, expected) << answer->ShortDebugString();
    }
    return first_answers;
  }

  // The same request, from all threads at once, before a restart and after it.
  template <typename Response, typename Method, typename Request>
  void ExpectOneChange(Method method, const Request& request) {
    const auto request_of = [&](int) { return request; };
    std::vector<Answer<Response>> answers = SendAThousandTimes<Response>(method, request_of);
    Restart();
    const std::vector<Answer<Response>> later = SendAThousandTimes<Response>(method, request_of);

    EXPECT_EQ(CountFirst(answers), 1);
    EXPECT_EQ(CountFirst(later), 0);
    answers.insert(answers.end(), later.begin(), later.end());
    EXPECT_EQ(CountFirst(answers), 1);
  }
};

TEST_F(Concurrency, HoldsOnOneBalanceNeverExceedIt) {
  OpenAccount("alice", 37 * 200'000 + 199'999);
  std::atomic<int> granted{0};
  std::atomic<int64_t> held{0};

  OnThreads([&](int thread, v1::BillingService::Stub* stub) {
    for (int i = 0; i < 16; ++i) {
      const auto answer = SendAuthorize(stub, absl::StrCat(thread, "-", i));
      EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
      if (answer->decision() == v1::DECISION_GRANTED) ++granted;
      held += answer->held_micros();
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
      const grpc::Status status = SendDebit(stub, absl::StrCat(thread, "-", i), 1'000).status;
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
      const grpc::Status status = SendDebit(stub, absl::StrCat("debit ", i), 1'000).status;
      EXPECT_TRUE(status.ok()) << status.error_message();
    }
  });

  EXPECT_EQ(Balance("alice").balance_micros(), 900'000);
}

TEST_F(Concurrency, OneDebitSaidAThousandTimesAtOnceIsOneDebit) {
  OpenAccount("alice", 5'000'000);

  ExpectOneChange<v1::DebitResponse>(&v1::BillingService::Stub::Debit, DebitOf("once", 1'000));

  EXPECT_EQ(Balance("alice").balance_micros(), 4'999'000);
}

TEST_F(Concurrency, OneAuthorizeSaidAThousandTimesAtOnceIsOneHold) {
  OpenAccount("alice", 5'000'000);

  ExpectOneChange<v1::AuthorizeResponse>(&v1::BillingService::Stub::Authorize, AuthorizeOf("once"));

  EXPECT_THAT(Balance("alice"), Shows("held_micros: 200000 open_holds: 1"));
}

TEST_F(Concurrency, OneIdWithTwoContentsIsOneChange) {
  OpenAccount("alice", 5'000'000);

  const auto answers = SendAThousandTimes<v1::DebitResponse>(
      &v1::BillingService::Stub::Debit,
      [](int thread) { return DebitOf("once", 1'000 + thread % 2); });

  std::vector<Answer<v1::DebitResponse>> taken;
  for (const Answer<v1::DebitResponse>& answer : answers) {
    if (answer.status.ok()) {
      taken.push_back(answer);
    } else {
      EXPECT_THAT(answer, FailsWith(StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED"));
    }
  }
  ASSERT_EQ(taken.size(), answers.size() / 2);
  EXPECT_EQ(CountFirst(taken), 1);
  EXPECT_EQ(Balance("alice").balance_micros(), 5'000'000 + taken[0]->entry().amount_micros());
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
      const grpc::Status status = SendDebit(stub, absl::StrCat(thread, "-", i), 1).status;
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
