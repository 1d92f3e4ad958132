// What a power cut leaves: after every operation on the disk, with what was not synced there, lost
// or torn.

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

TEST(CrashStatesTest, NothingAcknowledgedIsLostAndNothingIsThereTwice) {
  const ExploreReport report = ExploreCrashes({.states = kStates});

  for (const std::string& finding : report.findings) ADD_FAILURE() << finding;
  EXPECT_GE(report.states, kStates);
}

// The exploration has teeth: it notices what SQLite's synchronous=NORMAL would lose, and a disk
// that only pretends to sync.
TEST(CrashStatesTest, NoticesCommitsThatAreNotSynced) {
  const ExploreReport report =
      ExploreCrashes({.states = kStates, .lie = SyncLie::kCommit, .findings_max = 1'000});

  EXPECT_THAT(report.findings, Contains(HasSubstr("acknowledged batches are lost")));
  EXPECT_THAT(report.findings, Contains(HasSubstr("acknowledged documents are lost")));
}

TEST(CrashStatesTest, NoticesALogThatIsNotSynced) {
  const ExploreReport report = ExploreCrashes({.states = kStates, .lie = SyncLie::kLog});

  EXPECT_FALSE(report.findings.empty());
}

TEST(CrashStatesTest, NoticesADatabaseThatIsNotSynced) {
  const ExploreReport report = ExploreCrashes({.states = kStates, .lie = SyncLie::kDatabase});

  EXPECT_FALSE(report.findings.empty());
}

}  // namespace
}  // namespace farebox
