#include "tools/drivers/call_plan.h"

#include <optional>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace farebox::drivers {
namespace {

using ::testing::AllOf;
using ::testing::Field;
using ::testing::Optional;

using Kind = CallStep::Kind;

auto Is(Kind kind, int64_t at_second, int64_t used_seconds) {
  return Optional(AllOf(Field(&CallStep::kind, kind), Field(&CallStep::at_second, at_second),
                        Field(&CallStep::used_seconds, used_seconds)));
}

LoggedCall CallOf(int64_t seconds) { return {.seconds = seconds, .answered = seconds > 0}; }

class CallPlanTest : public ::testing::Test {
 protected:
  RouterHabits habits_;
};

TEST_F(CallPlanTest, AsksForTheFirstSliceBeforeTheCall) {
  habits_.initial_seconds = 90;

  const CallStep first = CallPlan(CallOf(300), habits_, 0).First();

  EXPECT_EQ(first.kind, Kind::kAuthorize);
  EXPECT_EQ(first.asked_seconds, 90);
}

TEST_F(CallPlanTest, DeniedCallIsOver) {
  CallPlan plan(CallOf(300), habits_, 0);
  plan.First();

  EXPECT_EQ(plan.Next({.granted = false}), std::nullopt);
}

TEST_F(CallPlanTest, CallWithinItsGrantIsSettledAtItsEnd) {
  CallPlan plan(CallOf(45), habits_, 0);
  plan.First();

  EXPECT_THAT(plan.Next({true, 60, 50}), Is(Kind::kSettle, 45, 45));
  EXPECT_EQ(plan.Next({}), std::nullopt);
}

TEST_F(CallPlanTest, CallThatGoesOnAsksForMore) {
  CallPlan plan(CallOf(100), habits_, 0);
  plan.First();

  EXPECT_THAT(plan.Next({true, 60, 50}), Is(Kind::kReauthorize, 50, 50));
  EXPECT_THAT(plan.Next({true, 120, 110}), Is(Kind::kSettle, 100, 100));
}

TEST_F(CallPlanTest, CallThatGetsNoMoreIsHungUpWhenItsGrantEnds) {
  CallPlan plan(CallOf(100), habits_, 0);
  plan.First();

  EXPECT_THAT(plan.Next({true, 60, 50}), Is(Kind::kReauthorize, 50, 50));
  EXPECT_THAT(plan.Next({.granted = false}), Is(Kind::kSettle, 60, 60));
}

TEST_F(CallPlanTest, FinalGrantIsNotAskedToGrow) {
  CallPlan plan(CallOf(100), habits_, 0);
  plan.First();

  EXPECT_THAT(plan.Next({true, 60, 0}), Is(Kind::kSettle, 60, 60));
}

TEST_F(CallPlanTest, GrantThatDoesNotGrowEndsTheCall) {
  CallPlan plan(CallOf(100), habits_, 0);
  plan.First();

  EXPECT_THAT(plan.Next({true, 60, 50}), Is(Kind::kReauthorize, 50, 50));
  EXPECT_THAT(plan.Next({true, 60, 50}), Is(Kind::kSettle, 60, 60));
}

TEST_F(CallPlanTest, UnansweredCallIsReleased) {
  CallPlan plan(CallOf(0), habits_, 0);
  plan.First();

  EXPECT_THAT(plan.Next({true, 60, 50}), Is(Kind::kRelease, 0, 0));
}

TEST_F(CallPlanTest, UnansweredCallIsSettledWithNothingWhereThatIsTheHabit) {
  habits_.release_unanswered = false;
  CallPlan plan(CallOf(0), habits_, 0);
  plan.First();

  EXPECT_THAT(plan.Next({true, 60, 50}), Is(Kind::kSettle, 0, 0));
}

TEST_F(CallPlanTest, InterimSettlementComesBeforeTheQuestion) {
  habits_.interim_per_mille = 1000;
  CallPlan plan(CallOf(100), habits_, 0);
  plan.First();

  EXPECT_THAT(plan.Next({true, 60, 50}), Is(Kind::kSettleSoFar, 50, 50));
  EXPECT_THAT(plan.Next({}), Is(Kind::kReauthorize, 50, 50));
  EXPECT_THAT(plan.Next({true, 120, 110}), Is(Kind::kSettle, 100, 100));
}

TEST_F(CallPlanTest, ForgottenCallNeverEndsOtherwise) {
  habits_.crash_per_mille = 1000;
  for (uint64_t index = 0; index < 100; ++index) {
    CallPlan plan(CallOf(1000), habits_, index);
    CallStep step = plan.First();
    int64_t granted = 0;
    while (step.kind != Kind::kForget) {
      granted += 60;
      const std::optional<CallStep> next = plan.Next({true, granted, granted - 10});
      ASSERT_NE(next, std::nullopt);
      step = *next;
      ASSERT_NE(step.kind, Kind::kSettle);
    }
    EXPECT_EQ(plan.Next({}), std::nullopt);
  }
}

TEST_F(CallPlanTest, RequestsAreRepeatedInBothWays) {
  habits_.repeat_per_mille = 1000;
  std::set<CallStep::Repeat> ways;

  for (uint64_t index = 0; index < 100; ++index) {
    ways.insert(CallPlan(CallOf(10), habits_, index).First().repeat);
  }

  EXPECT_EQ(ways, (std::set{CallStep::Repeat::kAtOnce, CallStep::Repeat::kAfterAnswer}));
}

}  // namespace
}  // namespace farebox::drivers
