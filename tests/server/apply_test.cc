// Many operations at once: ApplyBatch and ApplyStream.

#include <map>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "server/base/limits.h"
#include "storage/clock.h"
#include "storage/mutex.h"
#include "tests/server/server_fixture.h"
#include "tests/server/thread_gate.h"

namespace farebox::server {
namespace {

using grpc::StatusCode;

class Apply : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    OpenAccount("alice", 1'000'000);
  }

  v1::Operation DebitOf(int64_t amount, absl::string_view request_id) {
    return Parse<v1::Operation>(
        absl::StrCat("debit { account_id: 'alice' item: ITEM_ADJUSTMENT amount_micros: ", amount,
                     " request_id: '", request_id, "' }"));
  }
};

TEST_F(Apply, ABatchIsAnsweredInOrderEachOperationByItself) {
  v1::ApplyBatchRequest batch;
  *batch.add_operations() = DebitOf(400'000, "1");
  *batch.add_operations() = DebitOf(-1, "2");
  *batch.add_operations() = DebitOf(700'000, "3");
  *batch.add_operations() = Parse<v1::Operation>(
      "authorize { account_id: 'alice' request_id: '4' requested_seconds: 60 usage { call { "
      "direction: DIRECTION_OUTBOUND from: '+12025550100' to: '+12025550123' } } }");
  batch.add_operations();
  *batch.add_operations() = Parse<v1::Operation>(
      "credit { account_id: 'nobody' request_id: '6' amount_micros: 1 reason: "
      "CREDIT_REASON_PAYMENT }");
  // The hold of the fourth, in the same batch.
  *batch.add_operations() =
      Parse<v1::Operation>("release { account_id: 'alice' request_id: '7' hold_id: 5 }");
  *batch.add_operations() = DebitOf(400'000, "1");

  const auto answer = Send(batch);

  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  ASSERT_EQ(answer->results_size(), 8);
  const auto reason = [&](int i) {
    return DetailsOf(answer->results(i).error()).error_info.reason();
  };
  EXPECT_THAT(answer->results(0), Shows("debit { entry { entry_id: 3 } }"));
  EXPECT_EQ(reason(1), "AMOUNT_INVALID");
  EXPECT_EQ(reason(2), "INSUFFICIENT_BALANCE");
  EXPECT_THAT(answer->results(3), Shows("authorize { decision: DECISION_GRANTED hold_id: 5 }"));
  EXPECT_EQ(reason(4), "FIELD_INVALID");
  EXPECT_EQ(reason(5), "ACCOUNT_NOT_FOUND");
  EXPECT_THAT(answer->results(6), Shows("release { entry { hold_id: 5 } }"));
  EXPECT_THAT(answer->results(7), Shows("debit { entry { entry_id: 3 } replayed: true }"));
  EXPECT_EQ(Balance("alice").balance_micros(), 600'000);
}

TEST_F(Apply, ABatchIsOneCommit) {
  const int64_t before = Send<v1::GetStatusRequest>("")->batches();
  v1::ApplyBatchRequest batch;
  for (int i = 0; i < 1000; ++i) *batch.add_operations() = DebitOf(1, absl::StrCat(i));

  const auto answer = Send(batch);

  EXPECT_EQ(answer->results_size(), 1000);
  EXPECT_EQ(Send<v1::GetStatusRequest>("")->batches(), before + 1);
  EXPECT_EQ(Balance("alice").balance_micros(), 999'000);
}

TEST_F(Apply, AStreamAnswersEveryOperationWithItsNumberInTheOrderOfTheJournal) {
  constexpr int kOperations = 5'000;
  grpc::ClientContext context;
  SetDeadline(&context);
  const auto stream = billing_->ApplyStream(&context);

  std::thread sender([&] {
    for (int i = 0; i < kOperations; ++i) {
      v1::ApplyStreamRequest request;
      request.set_correlation_id(i);
      *request.mutable_operation() = DebitOf(1, absl::StrCat("s", i));
      stream->Write(request);
    }
    stream->WritesDone();
  });
  std::map<int64_t, int64_t> entry_of;
  int64_t last_entry = 0;
  v1::ApplyStreamResponse response;
  while (stream->Read(&response)) {
    const int64_t entry = response.result().debit().entry().entry_id();
    EXPECT_GT(entry, last_entry);
    last_entry = entry;
    entry_of[response.correlation_id()] = entry;
  }
  sender.join();

  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(entry_of.size(), static_cast<size_t>(kOperations));
  EXPECT_EQ(Balance("alice").balance_micros(), 1'000'000 - kOperations);
}

TEST_F(Apply, AStreamAnswersWhatIsInvalidAndGoesOn) {
  grpc::ClientContext context;
  SetDeadline(&context);
  const auto stream = billing_->ApplyStream(&context);
  v1::ApplyStreamRequest request;
  request.set_correlation_id(7);
  v1::ApplyStreamResponse response;

  stream->Write(request);
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_THAT(response, Shows("correlation_id: 7 result { error { code: 3 } }"));
  *request.mutable_operation() = DebitOf(1, "a");
  stream->Write(request);
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_THAT(response, Shows("result { debit { available_micros: 999999 } }"));

  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(Apply, OperationsThatAStreamSendsTogetherHaveTheirResultsTogether) {
  grpc::ClientContext context;
  SetDeadline(&context);
  const auto stream = billing_->ApplyStream(&context);
  v1::ApplyStreamRequest request;
  request.set_correlation_id(1);
  *request.mutable_operation() = DebitOf(1, "a");
  request.add_more()->set_correlation_id(2);  // Without an operation.
  v1::StreamOperation* const last = request.add_more();
  last->set_correlation_id(3);
  *last->mutable_operation() = DebitOf(1, "b");
  v1::ApplyStreamResponse response;

  stream->Write(request);
  ASSERT_TRUE(stream->Read(&response));

  EXPECT_THAT(response, Shows("correlation_id: 1 result { debit { available_micros: 999999 } } "
                              "more { correlation_id: 2 result { error { code: 3 } } } "
                              "more { correlation_id: 3 "
                              "       result { debit { available_micros: 999998 } } }"));
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(Apply, AStreamAnswersInOrderWhateverIsRefusedAtOnce) {
  grpc::ClientContext context;
  SetDeadline(&context);
  const auto stream = billing_->ApplyStream(&context);
  constexpr int kOperations = 200;
  for (int i = 0; i < kOperations; ++i) {
    v1::ApplyStreamRequest request;
    request.set_correlation_id(i);
    // Every other one is no operation, which is known before anything is on disk.
    if (i % 2 == 0) *request.mutable_operation() = DebitOf(1, absl::StrCat("s", i));
    ASSERT_TRUE(stream->Write(request));
  }
  stream->WritesDone();

  v1::ApplyStreamResponse response;
  for (int i = 0; i < kOperations; ++i) {
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.correlation_id(), i);
  }

  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(Apply, AStreamEndsWithAMessageOfTooManyOperations) {
  grpc::ClientContext context;
  SetDeadline(&context);
  const auto stream = billing_->ApplyStream(&context);
  v1::ApplyStreamRequest request;
  *request.mutable_operation() = DebitOf(1, "a");
  for (int i = 0; i < 1'000; ++i) *request.add_more()->mutable_operation() = DebitOf(1, "b");

  stream->Write(request);
  v1::ApplyStreamResponse response;

  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Balance("alice").balance_micros(), 1'000'000);
}

TEST_F(Apply, AStreamThatIsNotReadIsNotReadEither) {
  grpc::ClientContext context;
  SetDeadline(&context);
  const auto stream = billing_->ApplyStream(&context);
  // More than fits into the windows of HTTP/2 and the operations that may be in flight.
  constexpr int kOperations = 20'000;

  std::thread sender([&] {
    for (int i = 0; i < kOperations; ++i) {
      v1::ApplyStreamRequest request;
      request.set_correlation_id(i);
      *request.mutable_operation() = DebitOf(1, absl::StrCat("s", i));
      if (!stream->Write(request)) return;
    }
    stream->WritesDone();
  });
  v1::ApplyStreamResponse response;
  int results = 0;
  while (stream->Read(&response)) ++results;
  sender.join();

  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(results, kOperations);
}

// While the disk does not answer: what a caller sends is not kept without a bound.
TEST_F(Apply, AStreamKeepsSoManyBytesAndNoMore) {
  ThreadGate gate;
  HoldUpWriter(&server_->ledger(), &gate);
  grpc::ClientContext context;
  SetDeadline(&context);
  const auto stream = billing_->ApplyStream(&context);
  constexpr int kMessages = 100;
  constexpr size_t kMessageBytes = 400'000;
  Mutex mu;
  CondVar changed;
  int sent = 0;

  std::thread sender([&] {
    for (int i = 0; i < kMessages; ++i) {
      v1::ApplyStreamRequest request;
      *request.mutable_operation() = DebitOf(1, absl::StrCat("s", i));
      // What a newer client may know of.
      constexpr int kUnknownField = 1'000;
      request.GetReflection()->MutableUnknownFields(&request)->AddLengthDelimited(
          kUnknownField, std::string(kMessageBytes, 'x'));
      if (!stream->Write(request)) return;
      MutexLock lock(&mu);
      ++sent;
      changed.SignalAll();
    }
    stream->WritesDone();
  });
  {
    MutexLock lock(&mu);
    const absl::Time enough = SystemClock().Now() + absl::Seconds(1);
    while (sent < kMessages && SystemClock().Now() < enough) {
      changed.WaitFor(&mu, absl::Milliseconds(10));
    }
    EXPECT_LT(sent, kMessages / 2);
  }
  gate.Open();
  v1::ApplyStreamResponse response;
  int results = 0;
  while (stream->Read(&response)) ++results;
  sender.join();

  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(results, kMessages);
}

TEST_F(Apply, AStreamWhoseCallerIsGoneLosesNothingThatWasTaken) {
  {
    grpc::ClientContext context;
    const auto stream = billing_->ApplyStream(&context);
    v1::ApplyStreamRequest request;
    *request.mutable_operation() = DebitOf(1, "a");
    stream->Write(request);
    v1::ApplyStreamResponse response;
    ASSERT_TRUE(stream->Read(&response));
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), StatusCode::CANCELLED);
  }

  EXPECT_EQ(Balance("alice").balance_micros(), 999'999);
}

}  // namespace
}  // namespace farebox::server
