#include "client/cpp/retry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "client/cpp/errors.h"
#include "google/rpc/error_details.pb.h"
#include "tests/client/fake_server.h"

namespace farebox::client {
namespace {

using ::farebox::testing::Reaction;
using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Le;
using ::testing::Optional;

constexpr RetryOptions kOptions = {.attempt_timeout = absl::Seconds(1),
                                   .attempts_max = 4,
                                   .pause_first = absl::Milliseconds(100),
                                   .pause_max = absl::Milliseconds(300)};

absl::Status StatusOf(const Reaction& reaction) { return StatusFromProto(reaction.status); }

// As the server sends it.
absl::Status WithReason(const absl::Status& status, const std::string& reason) {
  google::rpc::Status proto = StatusToProto(status);
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  proto.add_details()->PackFrom(info);
  return StatusFromProto(proto);
}

TEST(IsRetryableTest, APendingPaymentIsAnAnswer) {
  EXPECT_TRUE(IsRetryable(StatusOf(testing::IsUnavailable())));
  EXPECT_FALSE(IsRetryable(StatusOf(testing::FindsPaymentPending())));
}

class RetryPlanTest : public ::testing::Test {
 protected:
  std::optional<absl::Duration> PauseAfter(const absl::Status& status,
                                           absl::Duration elapsed = absl::ZeroDuration()) {
    return plan_.PauseAfter(status, elapsed, bits_);
  }

  std::mt19937_64 bits_{1};
  RetryPlan plan_{kOptions, absl::Seconds(2)};
};

auto IsBetween(absl::Duration low, absl::Duration high) {
  return Optional(AllOf(Ge(low), Le(high)));
}

TEST_F(RetryPlanTest, PausesGrowByHalvesAndWholesUpToTheLongest) {
  const absl::Status status = absl::UnavailableError("away");

  EXPECT_THAT(PauseAfter(status), IsBetween(absl::Milliseconds(50), absl::Milliseconds(100)));
  EXPECT_THAT(PauseAfter(status), IsBetween(absl::Milliseconds(100), absl::Milliseconds(200)));
  EXPECT_THAT(PauseAfter(status), IsBetween(absl::Milliseconds(150), absl::Milliseconds(300)));
}

TEST_F(RetryPlanTest, PausesOfTwoCallsDiffer) {
  RetryPlan other(kOptions, absl::Seconds(2));
  const absl::Status status = absl::UnavailableError("away");

  EXPECT_NE(PauseAfter(status), other.PauseAfter(status, absl::ZeroDuration(), bits_));
}

TEST_F(RetryPlanTest, EndsWithTheLastAttempt) {
  const absl::Status status = absl::UnavailableError("away");
  for (int attempt = 1; attempt < kOptions.attempts_max; ++attempt) {
    ASSERT_NE(PauseAfter(status), std::nullopt) << attempt;
  }

  EXPECT_EQ(PauseAfter(status), std::nullopt);
}

TEST_F(RetryPlanTest, EndsWhereThePauseWouldOutlastTheCall) {
  EXPECT_EQ(PauseAfter(absl::UnavailableError("away"), absl::Milliseconds(1950)), std::nullopt);
}

TEST_F(RetryPlanTest, WaitsAsLongAsTheServerAsks) {
  const absl::Status status = StatusOf(testing::IsOverloaded(absl::Milliseconds(700)));

  EXPECT_THAT(PauseAfter(status), IsBetween(absl::Milliseconds(700), absl::Milliseconds(875)));
}

TEST_F(RetryPlanTest, KeepsItsOwnPauseWhereTheServerAsksForLess) {
  const absl::Status status = StatusOf(testing::IsOverloaded(absl::Milliseconds(1)));

  EXPECT_THAT(PauseAfter(status), IsBetween(absl::Milliseconds(50), absl::Milliseconds(100)));
}

TEST_F(RetryPlanTest, EndsWhereTheServerAsksForLongerThanTheCallMayTake) {
  const absl::Status status = StatusOf(testing::IsOverloaded(absl::Milliseconds(999)));

  EXPECT_EQ(PauseAfter(status, absl::Milliseconds(1500)), std::nullopt);
}

TEST_F(RetryPlanTest, AnAttemptTakesNoLongerThanWhatIsLeftOfTheCall) {
  EXPECT_EQ(plan_.AttemptTimeout(absl::ZeroDuration()), absl::Seconds(1));
  EXPECT_EQ(plan_.AttemptTimeout(absl::Milliseconds(1700)), absl::Milliseconds(300));
  EXPECT_EQ(plan_.AttemptTimeout(absl::Seconds(3)), absl::ZeroDuration());
}

TEST_F(RetryPlanTest, AChangeEndsWithItsLostAttemptUnlessTheLastOneTellsWhatBecameOfIt) {
  const absl::Status lost = absl::DeadlineExceededError("lost");
  PauseAfter(lost);

  for (const absl::Status& last :
       {StatusOf(testing::IsOverloaded(absl::Milliseconds(1))), absl::UnauthenticatedError("who"),
        WithReason(absl::InternalError("a fault"), "INTERNAL"),
        WithReason(absl::DataLossError("damage"), "JOURNAL_DAMAGED")}) {
    PauseAfter(last);
    EXPECT_TRUE(absl::IsDeadlineExceeded(plan_.EndOfChange(last))) << last;
  }
  for (const absl::Status& last :
       {StatusOf(testing::FindsInsufficientBalance()), StatusOf(testing::FindsRequestIdReused()),
        StatusOf(testing::FindsPaymentPending()), absl::UnavailableError("lost too")}) {
    EXPECT_EQ(plan_.EndOfChange(last), last);
  }
}

TEST_F(RetryPlanTest, AChangeThatWasOnlyTurnedAwayEndsSo) {
  const absl::Status last = StatusOf(testing::IsOverloaded(absl::Milliseconds(1)));
  PauseAfter(last);
  PauseAfter(last);

  EXPECT_EQ(plan_.EndOfChange(last), last);
}

// The journal may have it, or not.
TEST_F(RetryPlanTest, AnAttemptWhoseJournalFailedIsLost) {
  PauseAfter(WithReason(absl::UnavailableError("disk"), "STORAGE_FAILED"));

  const absl::Status end =
      plan_.EndOfChange(StatusOf(testing::IsOverloaded(absl::Milliseconds(1))));

  EXPECT_TRUE(absl::IsUnavailable(end)) << end;
  EXPECT_EQ(ErrorOf(end).reason, "STORAGE_FAILED");
}

TEST(IsRetryableTest, OnlyWhatMayBeAnsweredOtherwiseAMomentLater) {
  EXPECT_TRUE(IsRetryable(absl::UnavailableError("")));
  EXPECT_TRUE(IsRetryable(absl::DeadlineExceededError("")));
  EXPECT_TRUE(IsRetryable(absl::CancelledError("")));
  EXPECT_TRUE(IsRetryable(StatusOf(testing::IsOverloaded(absl::Milliseconds(1)))));

  EXPECT_FALSE(IsRetryable(StatusOf(testing::FindsMessageTooLarge())));
  EXPECT_FALSE(IsRetryable(StatusOf(testing::FindsRequestIdReused())));
  for (const absl::StatusCode code :
       {absl::StatusCode::kOk, absl::StatusCode::kUnknown, absl::StatusCode::kInvalidArgument,
        absl::StatusCode::kNotFound, absl::StatusCode::kAlreadyExists,
        absl::StatusCode::kPermissionDenied, absl::StatusCode::kFailedPrecondition,
        absl::StatusCode::kAborted, absl::StatusCode::kOutOfRange, absl::StatusCode::kUnimplemented,
        absl::StatusCode::kInternal, absl::StatusCode::kDataLoss,
        absl::StatusCode::kUnauthenticated}) {
    EXPECT_FALSE(IsRetryable(absl::Status(code, ""))) << absl::StatusCodeToString(code);
  }
}

}  // namespace
}  // namespace farebox::client
