#include "server/numbers/clock_watch.h"

#include <gtest/gtest.h>

namespace farebox::server {
namespace {

constexpr absl::Duration kYears = absl::Hours(24 * 366 * 3);

class ClockWatchTest : public ::testing::Test {
 protected:
  // Looks each minute.
  bool Run(absl::Duration time) {
    bool believes = true;
    for (absl::Duration gone; gone < time; gone += absl::Minutes(1)) {
      now_ += absl::Minutes(1);
      believes = watch_.Believes(now_);
    }
    return believes;
  }

  absl::Time now_ = absl::FromUnixSeconds(1'767'225'600);
  ClockWatch watch_{now_};
};

TEST_F(ClockWatchTest, AClockThatGoesEvenlyIsBelieved) {
  EXPECT_TRUE(watch_.Believes(now_));
  EXPECT_TRUE(Run(absl::Hours(30)));
}

TEST_F(ClockWatchTest, ALeapIsBelievedAfterAnHour) {
  for (const absl::Duration leap : {kYears, -kYears, absl::Hours(25), -absl::Minutes(2)}) {
    now_ += leap;

    EXPECT_FALSE(watch_.Believes(now_)) << leap;
    EXPECT_FALSE(Run(absl::Minutes(59))) << leap;
    EXPECT_TRUE(Run(absl::Minutes(1))) << leap;
  }
}

TEST_F(ClockWatchTest, AClockThatLeapsThereAndBackIsNeverBelievedThere) {
  now_ += kYears;
  EXPECT_FALSE(Run(absl::Minutes(59)));
  now_ -= kYears;
  EXPECT_FALSE(Run(absl::Minutes(59)));
  EXPECT_TRUE(Run(absl::Minutes(2)));
}

TEST_F(ClockWatchTest, ATimeInWhichNobodyLookedIsALeap) {
  now_ += absl::Hours(24 * 60);

  EXPECT_FALSE(watch_.Believes(now_));
  EXPECT_TRUE(Run(absl::Hours(1)));
}

TEST_F(ClockWatchTest, ALittleStepIsNone) {
  now_ -= absl::Seconds(30);
  EXPECT_TRUE(watch_.Believes(now_));
  now_ += absl::Hours(23);
  EXPECT_TRUE(watch_.Believes(now_));
}

TEST_F(ClockWatchTest, ThatItWasSetBackIsToldOnce) {
  now_ += kYears;
  watch_.Believes(now_);
  EXPECT_FALSE(watch_.TakeSetBack());
  now_ -= kYears;
  watch_.Believes(now_);
  Run(absl::Minutes(30));

  EXPECT_TRUE(watch_.TakeSetBack());
  EXPECT_FALSE(watch_.TakeSetBack());
}

}  // namespace
}  // namespace farebox::server
