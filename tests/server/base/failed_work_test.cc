#include "server/base/failed_work.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace farebox::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class FailedWorkTest : public ::testing::Test {
 protected:
  ManualClock clock_{absl::FromUnixSeconds(1'770'000'000)};
  FailedWork failed_{&clock_, absl::Seconds(10)};
};

TEST_F(FailedWorkTest, WhatFailedRestsUntilItIsTakenToBeTriedAgain) {
  failed_.Add("alice");
  clock_.Advance(absl::Seconds(9));
  EXPECT_THAT(failed_.TakeRested(), IsEmpty());
  EXPECT_TRUE(failed_.Rests("alice"));
  EXPECT_FALSE(failed_.Rests("bob"));

  clock_.Advance(absl::Seconds(1));
  // Nobody has tried it yet.
  EXPECT_TRUE(failed_.Rests("alice"));

  EXPECT_THAT(failed_.TakeRested(), ElementsAre("alice"));
  EXPECT_FALSE(failed_.Rests("alice"));
  EXPECT_THAT(failed_.TakeRested(), IsEmpty());
}

TEST_F(FailedWorkTest, EachRestsFromItsNewestFailure) {
  failed_.Add("alice");
  failed_.Add("bob");
  failed_.Add("carol");
  clock_.Advance(absl::Seconds(5));
  failed_.Add("bob");

  clock_.Advance(absl::Seconds(5));

  EXPECT_THAT(failed_.TakeRested(), UnorderedElementsAre("alice", "carol"));
  EXPECT_TRUE(failed_.Rests("bob"));
}

TEST_F(FailedWorkTest, AClockThatIsSetBackEndsTheRest) {
  failed_.Add("alice");

  clock_.Advance(-absl::Hours(24));

  EXPECT_THAT(failed_.TakeRested(), ElementsAre("alice"));
}

}  // namespace
}  // namespace farebox::server
