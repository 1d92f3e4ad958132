#include "client/cpp/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "client/cpp/errors.h"
#include "client/cpp/trace.h"
#include "tests/client/fake_server.h"

namespace farebox::client {
namespace {

using ::farebox::testing::Answers;
using ::farebox::testing::FakeServer;
using ::farebox::testing::FindsInsufficientBalance;
using ::farebox::testing::FindsMessageTooLarge;
using ::farebox::testing::FindsRequestIdReused;
using ::farebox::testing::IsOverloaded;
using ::farebox::testing::IsSilent;
using ::farebox::testing::IsUnavailable;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// Pauses that no test waits for, and time for a slow machine.
ClientOptions QuickOptions(const FakeServer& server) {
  return {.target = server.address(),
          .timeout = absl::Seconds(30),
          .retry = {.attempt_timeout = absl::Seconds(20),
                    .pause_first = absl::Milliseconds(1),
                    .pause_max = absl::Milliseconds(2)}};
}

v1::DebitRequest Debit() {
  v1::DebitRequest request;
  request.set_account_id("acme");
  request.set_amount_micros(1'000'000);
  return request;
}

constexpr char kTraceparent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

class ClientTest : public ::testing::Test {
 protected:
  // The answer to an asynchronous debit.
  absl::StatusOr<v1::DebitResponse> AwaitDebit(Client* client, v1::DebitRequest request) {
    absl::StatusOr<v1::DebitResponse> answer;
    absl::Notification done;
    client->DebitAsync(std::move(request), [&](absl::StatusOr<v1::DebitResponse> response) {
      answer = std::move(response);
      done.Notify();
    });
    done.WaitForNotification();
    return answer;
  }

  FakeServer server_;
  Client client_{QuickOptions(server_)};
};

TEST_F(ClientTest, AttemptsOfOneCallKeepTheRequestId) {
  server_.React({IsUnavailable(), IsUnavailable(), Answers()});

  const absl::StatusOr<v1::DebitResponse> response = client_.Debit(Debit());

  ASSERT_TRUE(response.ok()) << response.status();
  const std::vector<std::string> ids = server_.request_ids();
  EXPECT_THAT(ids, AllOf(SizeIs(3), Each(AllOf(Not(IsEmpty()), ids[0]))));
}

TEST_F(ClientTest, AsynchronousAttemptsKeepTheRequestId) {
  server_.React({IsUnavailable(), IsUnavailable(), Answers()});

  const absl::StatusOr<v1::DebitResponse> response = AwaitDebit(&client_, Debit());

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->entry().entry_id(), 42);
  const std::vector<std::string> ids = server_.request_ids();
  EXPECT_THAT(ids, AllOf(SizeIs(3), Each(AllOf(Not(IsEmpty()), ids[0]))));
}

TEST_F(ClientTest, TwoCallsHaveTwoRequestIds) {
  ASSERT_TRUE(client_.Debit(Debit()).ok());
  ASSERT_TRUE(client_.Debit(Debit()).ok());

  const std::vector<std::string> ids = server_.request_ids();
  EXPECT_NE(ids[0], ids[1]);
}

TEST_F(ClientTest, LeavesARequestIdOfTheCallersAlone) {
  v1::DebitRequest request = Debit();
  request.set_request_id("mine");

  ASSERT_TRUE(client_.Debit(request).ok());

  EXPECT_THAT(server_.request_ids(), ElementsAre("mine"));
}

TEST_F(ClientTest, RefusalsAreFinal) {
  for (const testing::Reaction& refusal :
       {FindsRequestIdReused(), FindsInsufficientBalance(), FindsMessageTooLarge()}) {
    FakeServer server;
    Client client(QuickOptions(server));
    server.React({refusal});

    const absl::Status status = client.Debit(Debit()).status();
    const absl::Status same = AwaitDebit(&client, Debit()).status();

    EXPECT_EQ(static_cast<int>(status.code()), refusal.status.code());
    EXPECT_THAT(server.request_ids(), SizeIs(2)) << same;
  }
}

TEST_F(ClientTest, TellsReasonAndRequestIdOfARefusal) {
  server_.React({FindsInsufficientBalance()});

  const ErrorDetails details = ErrorOf(client_.Debit(Debit()).status());

  EXPECT_EQ(details.reason, "INSUFFICIENT_BALANCE");
  EXPECT_THAT(server_.request_ids(), ElementsAre(details.request_id));
}

TEST_F(ClientTest, ComesBackToAnOverloadedServer) {
  server_.React({IsOverloaded(absl::Milliseconds(5)), IsOverloaded(absl::Milliseconds(5))});

  EXPECT_TRUE(client_.Debit(Debit()).ok());

  EXPECT_THAT(server_.request_ids(), SizeIs(3));
}

TEST_F(ClientTest, AnAttemptThatIsNotAnsweredIsRepeated) {
  ClientOptions options = QuickOptions(server_);
  options.retry.attempt_timeout = absl::Milliseconds(200);
  Client client(options);
  server_.React({IsSilent()});

  const absl::StatusOr<v1::DebitResponse> response = client.Debit(Debit());

  ASSERT_TRUE(response.ok()) << response.status();
  const std::vector<std::string> ids = server_.request_ids();
  EXPECT_THAT(ids, AllOf(SizeIs(::testing::Ge(2)), Each(ids[0])));
}

TEST_F(ClientTest, ACallEndsWhenItsTimeIsOver) {
  server_.React({IsSilent()});

  const absl::Status status = client_.Debit(Debit(), {.timeout = absl::Milliseconds(50)}).status();

  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(ErrorOf(status).request_id, Not(IsEmpty()));
}

// Once, the overload hid the lost attempt, and its "nothing was done" was believed.
TEST_F(ClientTest, ALostAttemptIsNotForgottenWhereLaterOnesAreTurnedAway) {
  ClientOptions options = QuickOptions(server_);
  options.retry.attempts_max = 2;
  Client client(options);
  const std::vector<testing::Reaction> reactions = {IsUnavailable(),
                                                    IsOverloaded(absl::Milliseconds(1))};

  server_.React(reactions);
  const absl::Status status = client.Debit(Debit()).status();
  server_.React(reactions);
  const absl::Status same = AwaitDebit(&client, Debit()).status();

  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_TRUE(absl::IsUnavailable(same)) << same;
  EXPECT_EQ(ErrorOf(status).reason, "");
  EXPECT_EQ(ErrorOf(status).request_id, server_.request_ids()[0]);
}

TEST_F(ClientTest, ARefusalTellsWhatBecameOfALostAttempt) {
  server_.React({IsUnavailable(), FindsInsufficientBalance()});

  EXPECT_EQ(ErrorOf(client_.Debit(Debit()).status()).reason, "INSUFFICIENT_BALANCE");
}

TEST_F(ClientTest, AReadEndsWithItsLastAttempt) {
  ClientOptions options = QuickOptions(server_);
  options.retry.attempts_max = 2;
  Client client(options);
  server_.React({IsUnavailable(), IsOverloaded(absl::Milliseconds(1))});

  EXPECT_EQ(ErrorOf(client.GetBalance(v1::GetBalanceRequest()).status()).reason, "OVERLOADED");
}

TEST_F(ClientTest, ReadsAreRepeatedToo) {
  server_.React({IsUnavailable()});

  v1::GetBalanceRequest request;
  request.set_account_id("acme");

  EXPECT_TRUE(client_.GetBalance(request).ok());
}

TEST_F(ClientTest, TellsThatNobodyListens) {
  auto server = std::make_unique<FakeServer>();
  ClientOptions options = QuickOptions(*server);
  options.retry.attempts_max = 3;
  server.reset();
  Client client(options);

  EXPECT_TRUE(absl::IsUnavailable(client.Debit(Debit()).status()));
}

TEST_F(ClientTest, EachOperationOfABatchGetsARequestId) {
  v1::ApplyBatchRequest request;
  *request.add_operations()->mutable_debit() = Debit();
  *request.add_operations()->mutable_debit() = Debit();
  request.mutable_operations(1)->mutable_debit()->set_request_id("mine");

  const absl::StatusOr<v1::ApplyBatchResponse> response = client_.ApplyBatch(request);

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(response->results(0).debit().entry().request_id(), SizeIs(36));
  EXPECT_EQ(response->results(1).debit().entry().request_id(), "mine");
}

// Once, it told none: whoever repeated the batch had new ones made, and each change a second time.
TEST_F(ClientTest, ALostBatchTellsTheIdsThatItWasSentWith) {
  ClientOptions options = QuickOptions(server_);
  options.retry.attempts_max = 2;
  Client client(options);
  server_.React({IsUnavailable(), IsUnavailable(), IsUnavailable(), IsUnavailable()});
  v1::ApplyBatchRequest request;
  *request.add_operations()->mutable_debit() = Debit();
  *request.add_operations()->mutable_debit() = Debit();
  request.mutable_operations(1)->mutable_debit()->set_request_id("mine");

  const absl::Status status = client.ApplyBatch(request).status();
  absl::Status same;
  absl::Notification done;
  client.ApplyBatchAsync(request, [&](const absl::StatusOr<v1::ApplyBatchResponse>& response) {
    same = response.status();
    done.Notify();
  });
  done.WaitForNotification();

  const std::vector<std::string> ids = server_.request_ids();
  ASSERT_THAT(ids, AllOf(SizeIs(4), Each(Not(IsEmpty()))));
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_THAT(ErrorOf(status).request_ids, ElementsAre(ids[0], "mine"));
  EXPECT_THAT(ErrorOf(same).request_ids, ElementsAre(ids[2], "mine"));
}

TEST_F(ClientTest, AnOperationOfABatchThatFailsTellsItsId) {
  v1::ApplyBatchRequest request;
  *request.add_operations()->mutable_debit() = Debit();
  request.mutable_operations(0)->mutable_debit()->set_account_id("poor");

  const absl::StatusOr<v1::ApplyBatchResponse> response = client_.ApplyBatch(request);

  ASSERT_TRUE(response.ok()) << response.status();
  const ErrorDetails details = ErrorOf(StatusFromProto(response->results(0).error()));
  EXPECT_EQ(details.reason, "INSUFFICIENT_BALANCE");
  EXPECT_THAT(server_.request_ids(), ElementsAre(details.request_id));
}

TEST_F(ClientTest, ManyCallsMayBeOutstanding) {
  constexpr int kCalls = 500;
  absl::BlockingCounter answered(kCalls);
  for (int i = 0; i < kCalls; ++i) {
    client_.DebitAsync(Debit(), [&](const absl::StatusOr<v1::DebitResponse>& response) {
      EXPECT_TRUE(response.ok()) << response.status();
      answered.DecrementCount();
    });
  }
  answered.Wait();

  const std::vector<std::string> ids = server_.request_ids();
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), kCalls);
}

// Promised in options.h: calls_max.
TEST_F(ClientTest, OneCallTooManyIsGivenUpUnsentButNotWhatEndsACall) {
  std::vector<absl::Status> ends;
  absl::Mutex mu;
  const auto note = [&](const auto& response) {
    const absl::MutexLock lock(&mu);
    ends.push_back(response.status());
  };
  std::optional<FakeServer> server(std::in_place);
  server->React({IsSilent(), IsSilent(), IsSilent(), IsSilent()});
  ClientOptions options = QuickOptions(*server);
  options.calls_max = 2;
  {
    Client client(options);
    for (int i = 0; i < 3; ++i) client.DebitAsync(Debit(), note);
    const auto ends_now = [&] {
      const absl::MutexLock lock(&mu);
      return ends;
    }();
    ASSERT_THAT(ends_now, SizeIs(1));
    EXPECT_TRUE(absl::IsResourceExhausted(ends_now[0])) << ends_now[0];
    EXPECT_THAT(ErrorOf(ends_now[0]).request_id, Not(IsEmpty()));

    v1::DebitRequest settlement = Debit();
    settlement.mutable_settlement()->set_hold_id(7);
    client.DebitAsync(settlement, note);
    client.ReleaseAsync(v1::ReleaseRequest(), note);
    server.reset();
  }

  EXPECT_THAT(ends, SizeIs(5));
  EXPECT_EQ(std::count_if(ends.begin(), ends.end(), absl::IsResourceExhausted), 1);
}

// Once, the thread of the last answer was the last to hold the channel, and gRPC crashed.
TEST_F(ClientTest, ClosingWaitsForOutstandingCalls) {
  constexpr int kClients = 100;
  std::atomic<int> done = 0;
  for (int i = 0; i < kClients; ++i) {
    Client client(QuickOptions(server_));
    client.DebitAsync(Debit(), [&](const absl::StatusOr<v1::DebitResponse>&) { ++done; });
  }

  EXPECT_EQ(done, kClients);
}

TEST_F(ClientTest, ImportsADeckInPieces) {
  const std::string csv(200'000, 'x');

  const absl::StatusOr<v1::ImportRatesResponse> response = client_.ImportRates("standard", csv);

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->rate_deck().deck(), "standard");
  EXPECT_EQ(server_.imported_csv(), csv);
}

TEST_F(ClientTest, AnImportIsNotRepeated) {
  server_.React({IsUnavailable()});

  EXPECT_TRUE(absl::IsUnavailable(client_.ImportRates("standard", "a,b\n").status()));

  EXPECT_THAT(server_.request_ids(), SizeIs(1));
}

v1::GetBalanceRequest Balance() {
  v1::GetBalanceRequest request;
  request.set_account_id("acme");
  return request;
}

TEST_F(ClientTest, EachAttemptOfATracedCallSaysSo) {
  server_.React({IsUnavailable(), Answers()});

  EXPECT_TRUE(client_.GetBalance(Balance(), {.traceparent = kTraceparent}).ok());

  EXPECT_THAT(server_.traceparents(), ElementsAre(kTraceparent, kTraceparent));
}

TEST_F(ClientTest, ATracedClientTracesEveryCallButThoseWithATraceOfTheirOwn) {
  ClientOptions options = QuickOptions(server_);
  options.traceparent = kTraceparent;
  Client client(options);
  const std::string own = MakeTraceparent();

  EXPECT_TRUE(client.GetBalance(Balance()).ok());
  EXPECT_TRUE(client.GetBalance(Balance(), {.traceparent = own}).ok());

  EXPECT_THAT(server_.traceparents(), ElementsAre(kTraceparent, own));
}

TEST_F(ClientTest, AFailureHasTheTraceIdThatTheServerTells) {
  server_.React({FindsRequestIdReused()});

  const absl::Status failure =
      client_.GetBalance(Balance(), {.traceparent = kTraceparent}).status();

  EXPECT_EQ(ErrorOf(failure).trace_id, "0af7651916cd43dd8448eb211c80319c");
}

TEST_F(ClientTest, StreamsAreTracedAsCallsAre) {
  const CallOptions traced = {.traceparent = kTraceparent};
  server_.React(std::vector<testing::Reaction>(4, FindsRequestIdReused()));

  const std::vector<absl::Status> failures = {
      client_.ImportRates("standard", "", traced).status(),
      client_.ExportRates(
          {}, [](absl::string_view) {}, traced),
      client_.ExportActivity(
          {}, [](const v1::ExportActivityResponse&) {}, traced),
      client_
          .Backup(
              {}, [](const v1::BackupProgress&) {}, traced)
          .status()};

  EXPECT_THAT(server_.traceparents(), AllOf(SizeIs(4), Each(kTraceparent)));
  for (const absl::Status& failure : failures) {
    EXPECT_EQ(ErrorOf(failure).trace_id, "0af7651916cd43dd8448eb211c80319c") << failure;
  }
}

TEST(Traceparent, IsNewEachTime) {
  const std::string header = MakeTraceparent();

  EXPECT_THAT(header, ::testing::MatchesRegex("00-[0-9a-f]+-[0-9a-f]+-01"));
  EXPECT_THAT(header, SizeIs(55));
  EXPECT_NE(header, MakeTraceparent());
  EXPECT_THAT(TraceIdOf(header), SizeIs(32));
  EXPECT_EQ(TraceIdOf("junk"), "");
}

}  // namespace
}  // namespace farebox::client
