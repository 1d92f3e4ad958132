// From the start of a server to its end.

#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/generic_stub.h"
#include "server/exit_codes.h"
#include "storage/errors.h"
#include "tests/server/server_fixture.h"
#include "tests/server/thread_gate.h"
#include "tests/support/await.h"

namespace farebox::server {
namespace {

using grpc::StatusCode;

class Lifecycle : public ServerTest {
 protected:
  absl::StatusOr<std::unique_ptr<Server>> StartAnother(const Config& config) {
    return Server::Start(config, &clock_, [](const absl::Status&) {});
  }

  // What grpc.health.v1.Health/Check answers for the whole server: 1 SERVING, 2 NOT_SERVING.
  int Health() {
    grpc::GenericStub stub(channel_);
    grpc::CompletionQueue queue;
    grpc::ClientContext context;
    SetDeadline(&context);
    grpc::Slice nothing;
    grpc::ByteBuffer request(&nothing, 1);
    grpc::ByteBuffer response;
    grpc::Status status;
    const auto call =
        stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", request, &queue);
    call->StartCall();
    call->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    if (!status.ok()) return -static_cast<int>(status.error_code());
    grpc::Slice slice;
    if (!response.DumpToSingleSlice(&slice).ok() || slice.size() != 2) return 0;
    return slice.begin()[1];  // Field 1, a varint.
  }
};

TEST_F(Lifecycle, ASecondServerOnTheSameFilesIsRefused) {
  const auto second = StartAnother(MakeConfig());

  EXPECT_THAT(second, FailsWith(Reason::kFilesInUse));
  EXPECT_EQ(ExitCodeOf(second.status()), kExitTemporary);
}

TEST_F(Lifecycle, ASecondServerOnTheSamePortIsRefused) {
  Config config = MakeConfig();
  config.data_directory = absl::StrCat(directory_.path(), "/other");
  config.listen = absl::StrCat("127.0.0.1:", server_->port());

  const auto second = StartAnother(config);

  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
  EXPECT_EQ(ExitCodeOf(second.status()), kExitUnavailable);
}

// The successor answers at the same address a moment later.
TEST_F(Lifecycle, HealthIsLeftAloneByAHandOver) {
  ASSERT_EQ(Health(), 1);

  server_->DrainForSuccessor();

  EXPECT_EQ(Health(), 1);
  Restart();
}

class LifecycleWithGrace : public Lifecycle {
 protected:
  Config MakeConfig() const override {
    Config config = Lifecycle::MakeConfig();
    config.drain_grace = absl::Seconds(3);
    return config;
  }
};

TEST_F(LifecycleWithGrace, HealthSaysNotServingBeforeConnectionsAreRefused) {
  ASSERT_EQ(Health(), 1);
  std::thread drain([this] { server_->Drain(); });

  int health = 1;
  testing::Await([&] {
    health = Health();
    return health != 1;
  });

  EXPECT_EQ(health, 2);
  drain.join();
  Restart();
}

TEST_F(Lifecycle, ADrainEndsStreamsThatNobodyEnds) {
  OpenAccount("alice", 1'000'000);
  grpc::ClientContext watch_context;
  SetDeadline(&watch_context);
  const auto watch = billing_->WatchAccount(&watch_context, Parse<v1::WatchAccountRequest>(""));
  watch->WaitForInitialMetadata();
  grpc::ClientContext apply_context;
  SetDeadline(&apply_context);
  const auto apply = billing_->ApplyStream(&apply_context);
  apply->Write(Parse<v1::ApplyStreamRequest>(
      "operation { debit { account_id: 'alice' request_id: 'd' amount_micros: 1 item: "
      "ITEM_ADJUSTMENT } }"));
  v1::ApplyStreamResponse result;
  ASSERT_TRUE(apply->Read(&result));

  server_->Drain();

  EXPECT_FALSE(apply->Read(&result));
  Answer<v1::ApplyStreamResponse> applied{.status = apply->Finish()};
  EXPECT_THAT(applied, FailsWith(StatusCode::UNAVAILABLE, "SHUTTING_DOWN"));
  v1::WatchAccountResponse event;
  while (watch->Read(&event)) {
  }
  Answer<v1::WatchAccountResponse> watched{.status = watch->Finish()};
  EXPECT_THAT(watched, FailsWith(StatusCode::UNAVAILABLE, "SHUTTING_DOWN"));
  EXPECT_TRUE(DetailsOf(watched.status).has_retry_info);
  Restart();
}

TEST_F(Lifecycle, DecksAndAccountsAreThereAfterARestart) {
  OpenAccount("alice", 1'000'000);
  ASSERT_TRUE(Import("standard", DeckCsv()).status.ok());

  Restart();

  EXPECT_THAT(AuthorizeCall("alice", "a", 60),
              Answers("decision: DECISION_GRANTED price { tariff_id: 'standard@2:2' }"));
}

TEST_F(Lifecycle, ACallWhoseDeadlineHasPassedChangesNothing) {
  OpenAccount("alice", 1'000'000);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(SystemClock().Now() - absl::Seconds(1)));
  v1::DebitResponse response;

  const grpc::Status status = billing_->Debit(
      &context,
      Parse<v1::DebitRequest>(
          "account_id: 'alice' request_id: 'd' amount_micros: 1 item: ITEM_ADJUSTMENT"),
      &response);

  EXPECT_EQ(status.error_code(), StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(Balance("alice").balance_micros(), 1'000'000);
}

class SmallQueue : public ServerTest {
 protected:
  Config MakeConfig() const override {
    Config config = ServerTest::MakeConfig();
    config.queued_commands_max = 1;
    return config;
  }

  Answer<v1::DebitResponse> Debit(absl::string_view request_id) {
    return Send<v1::DebitRequest>(
        absl::StrCat("account_id: 'alice' item: ITEM_ADJUSTMENT amount_micros: 1 request_id: '",
                     request_id, "'"));
  }

  // Of a debit whose caller names no deadline, and which the writer finds after so long.
  Answer<v1::DebitResponse> DebitWithoutDeadline(absl::Duration in_queue) {
    ThreadGate gate;
    HoldUpWriter(&server_->ledger(), &gate);
    Answer<v1::DebitResponse> answer;
    std::thread waiting([&] {
      grpc::ClientContext without_deadline;
      const auto request = Parse<v1::DebitRequest>(
          "account_id: 'alice' request_id: 'd' amount_micros: 1 item: ITEM_ADJUSTMENT");
      answer.status = billing_->Debit(&without_deadline, request, &answer.value);
    });
    testing::Await([&] { return server_->ledger().Stats().queued_commands > 0; });
    clock_.Advance(in_queue);
    gate.Open();
    waiting.join();
    return answer;
  }
};

TEST_F(SmallQueue, ACallWithoutADeadlineIsNotBegunAfterTwoSeconds) {
  OpenAccount("alice", 1'000'000);

  const auto late = DebitWithoutDeadline(absl::Milliseconds(2'001));

  EXPECT_THAT(late, FailsWith(StatusCode::DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"));
  EXPECT_EQ(Balance("alice").balance_micros(), 1'000'000);
}

TEST_F(SmallQueue, ACallWithoutADeadlineIsBegunWithinTwoSeconds) {
  OpenAccount("alice", 1'000'000);

  const auto in_time = DebitWithoutDeadline(absl::Milliseconds(1'999));

  EXPECT_THAT(in_time, Answers("available_micros: 999999"));
}

TEST_F(SmallQueue, WhatFindsTheQueueFullIsToldToComeBack) {
  OpenAccount("alice", 1'000'000);
  ThreadGate gate;
  HoldUpWriter(&server_->ledger(), &gate);
  // The writer stands still: this one waits, and the queue is full.
  std::thread waiting([&] { EXPECT_THAT(Debit("1"), Answers("available_micros: 999999")); });
  testing::Await([&] { return server_->ledger().Stats().queued_commands > 0; });

  const auto refused = Debit("2");

  EXPECT_THAT(refused, FailsWith(StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED"));
  EXPECT_TRUE(DetailsOf(refused.status).has_retry_info);
  EXPECT_EQ(Balance("alice").balance_micros(), 1'000'000);
  gate.Open();
  waiting.join();
}

}  // namespace
}  // namespace farebox::server
