// Kills the real server again and again, at random moments under load, and looks whether anything
// that was answered is lost, or anything happened twice.

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "absl/time/time.h"
#include "tests/end_to_end/kill_run.h"

namespace farebox {
namespace {

#ifdef FAREBOX_IN_FULL
constexpr int kKills = 50;
#else
constexpr int kKills = 10;
#endif

TEST(KillTest, NothingAnsweredIsLostAndNothingHappensTwice) {
  const KillReport report = KillAgainAndAgain({.server = FAREBOX_SERVER_BINARY, .kills = kKills});

  for (const history::Violation& violation : report.violations) {
    ADD_FAILURE() << violation.sentence;
  }
  EXPECT_GE(report.kills, kKills);
  // The kills hit a server that was busy.
  EXPECT_GT(report.tally.acknowledged, 1'000);
  EXPECT_GT(report.tally.unanswered, kKills);
  EXPECT_GT(report.tally.replayed, 0);
  EXPECT_GT(report.tally.refused, 0);
  ASSERT_FALSE(report.recoveries.empty());
  std::vector<absl::Duration> recoveries = report.recoveries;
  std::sort(recoveries.begin(), recoveries.end());
  EXPECT_LT(recoveries[recoveries.size() / 2], absl::Seconds(2));
  RecordProperty("slowest_recovery_ms",
                 static_cast<int>(absl::ToInt64Milliseconds(recoveries.back())));
}

// The run has teeth: it notices what a server would lose that answers before its log is written.
// On a busy machine the first kills may come before anything was answered.
TEST(KillTest, NoticesALostLog) {
  const KillReport report =
      KillAgainAndAgain({.server = FAREBOX_SERVER_BINARY, .kills = 20, .loses_log = true});

  EXPECT_FALSE(report.violations.empty());
}

}  // namespace
}  // namespace farebox
