#include "client/cpp/errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "tests/client/fake_server.h"

namespace farebox::client {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(ErrorOfTest, TellsReasonAndMetadata) {
  const ErrorDetails details = ErrorOf(StatusFromProto(testing::FindsInsufficientBalance().status));

  EXPECT_EQ(details.reason, "INSUFFICIENT_BALANCE");
  EXPECT_THAT(details.metadata, ElementsAre(Pair("account_id", "acme")));
  EXPECT_EQ(details.retry_after, std::nullopt);
}

TEST(ErrorOfTest, TellsWhenToComeBack) {
  const absl::Status status =
      StatusFromProto(testing::IsOverloaded(absl::Milliseconds(250)).status);

  EXPECT_EQ(ErrorOf(status).retry_after, absl::Milliseconds(250));
}

TEST(ErrorOfTest, NamesTheFieldsThatAreWrong) {
  const ErrorDetails details = ErrorOf(StatusFromProto(testing::FindsFieldInvalid().status));

  EXPECT_THAT(details.field_violations,
              ElementsAre(AllOf(Field(&FieldViolation::field, "usage.call.to"),
                                Field(&FieldViolation::description, "is empty"))));
}

TEST(ErrorOfTest, IsEmptyForAStatusWithoutDetails) {
  const ErrorDetails details = ErrorOf(absl::UnavailableError("connection refused"));

  EXPECT_THAT(details.reason, IsEmpty());
  EXPECT_THAT(details.metadata, IsEmpty());
  EXPECT_THAT(details.request_id, IsEmpty());
}

TEST(ErrorOfTest, TellsTheRequestIdThatWasNoted) {
  absl::Status status = absl::UnavailableError("away");

  SetRequestId("r-1", &status);

  EXPECT_EQ(ErrorOf(status).request_id, "r-1");
}

TEST(ErrorOfTest, TellsTheRequestIdsOfABatchWhateverIsInThem) {
  absl::Status status = absl::UnavailableError("away");

  SetRequestIds({"r-1", "", "r\n2"}, &status);

  EXPECT_THAT(ErrorOf(status).request_ids, ElementsAre("r-1", "", "r\n2"));
}

TEST(StatusToProtoTest, GivesBackWhatTheServerSent) {
  const google::rpc::Status sent = testing::FindsFieldInvalid().status;

  EXPECT_EQ(StatusToProto(StatusFromProto(sent)).SerializeAsString(), sent.SerializeAsString());
}

TEST(StatusToProtoTest, TellsTheRequestId) {
  absl::Status status = absl::UnavailableError("away");
  SetRequestId("r-1", &status);

  const google::rpc::Status proto = StatusToProto(status);

  google::rpc::RequestInfo info;
  ASSERT_EQ(proto.details_size(), 1);
  ASSERT_TRUE(proto.details(0).UnpackTo(&info));
  EXPECT_EQ(info.request_id(), "r-1");
}

TEST(StatusToProtoTest, TellsTheTraceId) {
  absl::Status status = absl::InternalError("failed");
  SetTraceId("0af7651916cd43dd8448eb211c80319c", &status);

  const google::rpc::Status proto = StatusToProto(status);

  google::rpc::RequestInfo info;
  ASSERT_EQ(proto.details_size(), 1);
  ASSERT_TRUE(proto.details(0).UnpackTo(&info));
  EXPECT_EQ(info.serving_data(), "0af7651916cd43dd8448eb211c80319c");
}

}  // namespace
}  // namespace farebox::client
