#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "client/cpp/client.h"
#include "client/cpp/errors.h"
#include "tests/client/fake_server.h"

namespace farebox::client {
namespace {

using ::farebox::testing::Answers;
using ::farebox::testing::FakeServer;
using ::farebox::testing::IsCancelled;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class StreamsTest : public ::testing::Test {
 protected:
  v1::ApplyStreamRequest Debit(int64_t correlation_id, const std::string& account_id = "acme") {
    v1::ApplyStreamRequest request;
    request.set_correlation_id(correlation_id);
    request.mutable_operation()->mutable_debit()->set_account_id(account_id);
    return request;
  }

  std::unique_ptr<Watch> WatchFrom(int64_t from_entry_id, Watch::OnEvent on_event,
                                   WatchOptions options = {}) {
    v1::WatchAccountRequest request;
    request.set_from_entry_id(from_entry_id);
    return client_.WatchAccount(request, std::move(on_event), options);
  }

  FakeServer server_;
  Client client_{
      {.target = server_.address(),
       .retry = {.pause_first = absl::Milliseconds(1), .pause_max = absl::Milliseconds(2)}}};
};

TEST_F(StreamsTest, EachOperationOfAnApplyStreamHasItsResultInOrder) {
  std::vector<int64_t> answered;
  const auto stream = client_.OpenApplyStream(
      [&](const v1::ApplyStreamResponse& r) { answered.push_back(r.correlation_id()); });
  for (int64_t i = 1; i <= 3; ++i) ASSERT_TRUE(stream->Send(Debit(i)).ok());

  const absl::Status end = stream->Finish();

  EXPECT_TRUE(end.ok()) << end;
  EXPECT_THAT(answered, ElementsAre(1, 2, 3));
  EXPECT_THAT(stream->TakeUnanswered(), IsEmpty());
}

TEST_F(StreamsTest, LongOperationsAreNotGatheredBeyondWhatTheServerTakes) {
  int answered = 0;
  const auto stream = client_.OpenApplyStream([&](const v1::ApplyStreamResponse&) { ++answered; });
  for (int64_t i = 1; i <= 1'000; ++i) {
    v1::ApplyStreamRequest request = Debit(i);
    request.mutable_operation()->mutable_debit()->mutable_usage()->mutable_text()->set_body(
        std::string(6'000, 'x'));
    ASSERT_TRUE(stream->Send(request).ok());
  }

  const absl::Status end = stream->Finish();

  EXPECT_TRUE(end.ok()) << end;
  EXPECT_EQ(answered, 1'000);
}

TEST_F(StreamsTest, AnApplyStreamLetsNoMoreInFlightThanItMay) {
  int answered = 0;
  const auto stream = client_.OpenApplyStream([&](const v1::ApplyStreamResponse&) { ++answered; },
                                              {.in_flight_max = 1});

  for (int64_t i = 1; i <= 100; ++i) ASSERT_TRUE(stream->Send(Debit(i)).ok());
  ASSERT_TRUE(stream->Finish().ok());

  EXPECT_EQ(answered, 100);
}

TEST_F(StreamsTest, WhatGathersForAnApplyStreamIsAnsweredOneByOneAndInOrder) {
  constexpr int64_t kOperations = 5'000;
  std::vector<int64_t> answered;
  const auto stream = client_.OpenApplyStream(
      [&](const v1::ApplyStreamResponse& r) { answered.push_back(r.correlation_id()); });

  for (int64_t i = 0; i < kOperations; ++i) ASSERT_TRUE(stream->Send(Debit(i)).ok());
  ASSERT_TRUE(stream->Finish().ok());

  std::vector<int64_t> all(kOperations);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(answered, all);
}

TEST_F(StreamsTest, AResultOfAnApplyStreamMayBeARefusal) {
  absl::Status refusal;
  const auto stream = client_.OpenApplyStream([&](const v1::ApplyStreamResponse& response) {
    refusal = StatusFromProto(response.result().error());
  });
  ASSERT_TRUE(stream->Send(Debit(1, "poor")).ok());
  ASSERT_TRUE(stream->Finish().ok());

  EXPECT_TRUE(absl::IsFailedPrecondition(refusal)) << refusal;
  EXPECT_EQ(ErrorOf(refusal).reason, "INSUFFICIENT_BALANCE");
  EXPECT_THAT(ErrorOf(refusal).request_id, SizeIs(36));
}

TEST_F(StreamsTest, ABrokenApplyStreamKeepsWhatHasNoResult) {
  server_.BreakApplyStreamAfter(2);
  const auto stream = client_.OpenApplyStream([](const v1::ApplyStreamResponse&) {});
  for (int64_t i = 1; i <= 5; ++i) stream->Send(Debit(i)).IgnoreError();

  const absl::Status end = stream->Finish();
  const std::vector<v1::ApplyStreamRequest> unanswered = stream->TakeUnanswered();

  EXPECT_TRUE(absl::IsUnavailable(end)) << end;
  ASSERT_THAT(unanswered, SizeIs(3));
  EXPECT_EQ(unanswered[0].correlation_id(), 3);
  EXPECT_THAT(unanswered[0].operation().debit().request_id(), Not(IsEmpty()));
}

TEST_F(StreamsTest, AnApplyStreamThatEndedTakesNoMore) {
  const auto stream = client_.OpenApplyStream([](const v1::ApplyStreamResponse&) {});
  ASSERT_TRUE(stream->Finish().ok());

  EXPECT_FALSE(stream->Send(Debit(1)).ok());
}

TEST_F(StreamsTest, AStoppedApplyStreamEndsCancelled) {
  const auto stream = client_.OpenApplyStream([](const v1::ApplyStreamResponse&) {});
  ASSERT_TRUE(stream->Send(Debit(1)).ok());

  stream->Stop();

  EXPECT_TRUE(absl::IsCancelled(stream->Finish()));
}

TEST_F(StreamsTest, AWatchGoesOnAfterTheLastEntryThatCame) {
  server_.SetJournal(/*last=*/9, /*per_stream=*/3);
  std::vector<int64_t> seen;
  absl::Notification has_all;
  const auto watch = WatchFrom(1, [&](const v1::WatchAccountResponse& event) {
    seen.push_back(event.entry().entry_id());
    if (seen.back() == 9) has_all.Notify();
  });

  has_all.WaitForNotification();
  watch->Stop();

  EXPECT_TRUE(watch->Wait().ok());
  EXPECT_THAT(seen, ElementsAre(2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_THAT(server_.watched_from(), ElementsAre(1, 4, 7));
}

// Once, every ordinary stop of a server ended it: the stream that is opened again at once is opened
// on the old connection, and gRPC cancels it.
TEST_F(StreamsTest, AWatchGoesOnAfterAStreamThatWasCancelledAsItsConnectionWent) {
  server_.SetJournal(/*last=*/4, /*per_stream=*/3);
  server_.ReactToWatchers({Answers(), IsCancelled()});
  absl::Notification is_there;
  const auto watch = WatchFrom(0, [&](const v1::WatchAccountResponse& event) {
    if (event.entry().entry_id() == 4) is_there.Notify();
  });

  EXPECT_TRUE(is_there.WaitForNotificationWithTimeout(absl::Seconds(30)));
  watch->Stop();

  EXPECT_TRUE(watch->Wait().ok());
  EXPECT_THAT(server_.watched_from(), ElementsAre(0, 3, 3));
}

TEST_F(StreamsTest, AWatchMayBeStoppedByItsOwnEvent) {
  server_.SetJournal(/*last=*/1, /*per_stream=*/3);
  absl::Notification is_made;
  std::unique_ptr<Watch> watch;
  watch = WatchFrom(0, [&](const v1::WatchAccountResponse&) {
    is_made.WaitForNotification();
    watch->Stop();
  });
  is_made.Notify();

  EXPECT_TRUE(watch->Wait().ok());
}

TEST_F(StreamsTest, AWatchEndsWhereItIsRefused) {
  v1::WatchAccountRequest request;
  request.set_account_id("nobody");
  const auto watch = client_.WatchAccount(request, [](const v1::WatchAccountResponse&) {});

  EXPECT_TRUE(absl::IsNotFound(watch->Wait()));
}

TEST_F(StreamsTest, AWatchEndsWhenItsPatienceDoes) {
  server_.SetJournal(/*last=*/1, /*per_stream=*/0);

  const auto watch =
      WatchFrom(0, [](const v1::WatchAccountResponse&) {}, {.patience = absl::Milliseconds(20)});

  EXPECT_TRUE(absl::IsUnavailable(watch->Wait()));
}

TEST_F(StreamsTest, DestroyingAWatchStopsIt) {
  server_.SetJournal(/*last=*/1, /*per_stream=*/1);
  absl::Notification has_event;
  auto watch = WatchFrom(0, [&](const v1::WatchAccountResponse&) { has_event.Notify(); });
  has_event.WaitForNotification();

  watch.reset();
}

}  // namespace
}  // namespace farebox::client
