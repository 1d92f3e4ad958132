// What a power cut leaves: after every operation on the disk, with what was not synced there, lost
// or torn.

#include <cstddef>
#include <cstdint>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/crash/explore_crashes.h"

namespace farebox {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

#ifdef FAREBOX_IN_FULL
constexpr int64_t kStates = 50'000;
#else
constexpr int64_t kStates = 5'000;
#endif

// Some two hundred operations: several checkpoints.
constexpr int64_t kControlStates = 2'000;

TEST(CrashStatesTest, NothingAcknowledgedIsLostAndNothingIsThereTwice) {
  const ExploreReport report = ExploreCrashes({.states = kStates});

  for (const std::string& finding : report.findings) ADD_FAILURE() << finding;
  EXPECT_GE(report.states, kStates);
}

// The exploration has teeth: it notices what SQLite's synchronous=NORMAL would lose, and a disk
// that only pretends to sync. All states of a part of a workload are judged, the same each time.
class CrashStatesControl : public ::testing::Test {
 protected:
  static ExploreReport Explore(SyncLie lie) {
    ExploreReport report = ExploreCrashes({.states = kControlStates,
                                           .lie = lie,
                                           .findings_max = std::numeric_limits<size_t>::max(),
                                           .explorers_max = 1});
    RecordProperty("bad_states", static_cast<int>(report.findings.size()));
    RecordProperty("states", static_cast<int>(report.states));
    return report;
  }

  // A quarter is far less than there are: between two checkpoints are some seven commits, and from
  // the end of the first on nine states of ten have lost something. A database's loss shows once
  // the log begins anew after the first checkpoint.
  static size_t FewestBad(const ExploreReport& report) {
    return static_cast<size_t>(report.states) / 4;
  }
};

TEST_F(CrashStatesControl, NoticesCommitsThatAreNotSynced) {
  const ExploreReport report = Explore(SyncLie::kCommit);

  EXPECT_GE(report.states, kControlStates);
  EXPECT_GT(report.findings.size(), FewestBad(report));
  EXPECT_THAT(report.findings, Contains(HasSubstr("acknowledged batches are lost")));
  EXPECT_THAT(report.findings, Contains(HasSubstr("acknowledged documents are lost")));
}

TEST_F(CrashStatesControl, NoticesALogThatIsNotSynced) {
  const ExploreReport report = Explore(SyncLie::kLog);

  EXPECT_GT(report.findings.size(), FewestBad(report));
}

TEST_F(CrashStatesControl, NoticesADatabaseThatIsNotSynced) {
  const ExploreReport report = Explore(SyncLie::kDatabase);

  EXPECT_GT(report.findings.size(), FewestBad(report));
}

}  // namespace
}  // namespace farebox
