#include "server/base/disk_state.h"

#include "gtest/gtest.h"
#include "server/base/limits.h"

namespace farebox::server {
namespace {

class DiskStateTest : public ::testing::Test {
 protected:
  // The last of so many looks at the same write.
  DiskState::Kind LookFor(absl::Duration time) {
    DiskState::Kind kind = DiskState::Kind::kWell;
    for (int64_t i = 0; i <= time / limits::kWatchPause; ++i) kind = state_.Look(7, true);
    return kind;
  }

  DiskState state_;
};

TEST_F(DiskStateTest, OneWriteThatGoesOnIsSlowAndThenStuck) {
  EXPECT_EQ(LookFor(limits::kSlowWrite - limits::kWatchPause), DiskState::Kind::kWell);
  EXPECT_EQ(state_.Look(7, true), DiskState::Kind::kSlow);
  EXPECT_EQ(LookFor(limits::kStuckWrite), DiskState::Kind::kStuck);
}

// With what a look may be late by: within 1 s, and within 10 s.
TEST_F(DiskStateTest, ItIsToldInTime) {
  EXPECT_LE(limits::kSlowWrite + 2 * limits::kWatchPause, absl::Seconds(1));
  EXPECT_LE(limits::kStuckWrite + 2 * limits::kWatchPause + limits::kFailureTimeout,
            absl::Seconds(10));
}

TEST_F(DiskStateTest, ManyWritesAreNoSlowOne) {
  for (int64_t i = 1; i < 1'000; ++i) EXPECT_EQ(state_.Look(i, true), DiskState::Kind::kWell);
}

TEST_F(DiskStateTest, ItIsWellAgainWithTheNextWriteOrWithNone) {
  ASSERT_EQ(LookFor(limits::kSlowWrite), DiskState::Kind::kSlow);
  EXPECT_EQ(state_.Look(8, true), DiskState::Kind::kWell);
  ASSERT_EQ(LookFor(limits::kSlowWrite), DiskState::Kind::kSlow);
  EXPECT_EQ(state_.Look(7, false), DiskState::Kind::kWell);
}

TEST_F(DiskStateTest, NothingToWriteIsNoSlowDisk) {
  for (int64_t i = 0; i < 1'000; ++i) EXPECT_EQ(state_.Look(7, false), DiskState::Kind::kWell);
}

}  // namespace
}  // namespace farebox::server
