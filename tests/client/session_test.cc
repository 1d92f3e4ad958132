#include "client/cli/session.h"

#include <gtest/gtest.h>

namespace farebox::cli {
namespace {

TEST(SessionTest, WhoWaitsLongerForAnAnswerHasOneAttemptWaitLonger) {
  EXPECT_EQ(ClientOptionsOf({.timeout = absl::Seconds(60)}).retry.attempt_timeout,
            absl::Seconds(60));
  EXPECT_EQ(ClientOptionsOf({}).retry.attempt_timeout, absl::Seconds(5));
}

}  // namespace
}  // namespace farebox::cli
