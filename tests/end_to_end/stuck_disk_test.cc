// A disk that does not answer, under the real server.

#include <gmock/gmock.h>

#include "absl/strings/match.h"
#include "server/exit_codes.h"
#include "storage/clock.h"
#include "tests/end_to_end/faulty_server.h"
#include "tests/support/health_watch.h"

namespace farebox {
namespace {

using testing::HealthWatch;
using Health = testing::HealthWatch::Health;
using ::testing::Optional;

class StuckDiskTest : public FaultyServer {
 protected:
  // How long it is until now, and in the test's report.
  absl::Duration Report(const char* name, absl::Time since) {
    const absl::Duration took = clock_.Now() - since;
    const int millis = static_cast<int>(absl::ToInt64Milliseconds(took));
    RecordProperty(name, millis);
    std::cout << name << " " << millis << "\n";
    return took;
  }

  // With room for a machine that is busy with other things.
  static constexpr absl::Duration kNotServingMax = absl::Seconds(5);
  static constexpr absl::Duration kEndedMax = absl::Seconds(25);

  const SystemClock clock_{};
};

TEST_F(StuckDiskTest, HealthTurnsAwayFromASlowDiskAndComesBackWithIt) {
  Begin();
  HealthWatch health(server_->address());
  ASSERT_TRUE(health.Await(Health::kServing));

  const absl::Time slowed = clock_.Now();
  disk_.SlowSyncs(absl::Seconds(3));
  ASSERT_TRUE(health.Await(Health::kNotServing));
  EXPECT_LT(Report("not_serving_after_ms", slowed), kNotServingMax);
  disk_.Heal();
  const absl::Time healed = clock_.Now();

  ASSERT_TRUE(health.Await(Health::kServing));
  Report("serving_after_ms", healed);
  EXPECT_TRUE(AwaitAcknowledged(100));
  EXPECT_TRUE(absl::StrContains(server_->Log(), "disk_slow"));
  EXPECT_TRUE(absl::StrContains(server_->Log(), "disk_well"));
}

// The process ends though its writer is held by the disk for ever, and what callers were told
// holds.
TEST_F(StuckDiskTest, ADiskThatNeverAnswersEndsTheServer) {
  Begin();
  HealthWatch health(server_->address());
  ASSERT_TRUE(health.Await(Health::kServing));

  const absl::Time stuck = clock_.Now();
  disk_.SlowSyncs(absl::Hours(1));
  ASSERT_TRUE(health.Await(Health::kNotServing));
  EXPECT_LT(clock_.Now() - stuck, kNotServingMax);
  ASSERT_THAT(server_->AwaitExit(absl::Minutes(1)), Optional(server::kExitSoftware));
  EXPECT_LT(Report("ended_after_ms", stuck), kEndedMax);

  EXPECT_TRUE(absl::StrContains(server_->Log(), "disk_stuck")) << server_->Log();
  disk_.Heal();
  ASSERT_EQ(server_->Start(), absl::OkStatus());
  EXPECT_TRUE(AwaitAcknowledged(100));
}

}  // namespace
}  // namespace farebox
