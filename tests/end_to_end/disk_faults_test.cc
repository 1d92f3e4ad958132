// A disk that fails or is slow under the real server, busy, over real connections.

#include <gmock/gmock.h>

#include <algorithm>
#include <cerrno>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "server/exit_codes.h"
#include "storage/clock.h"
#include "tests/end_to_end/faulty_server.h"
#include "tests/support/await.h"

namespace farebox {
namespace {

using testing::Await;
using testing::DiskFaults;
using ::testing::IsEmpty;
using ::testing::Optional;

constexpr uint32_t kJournal = testing::kJournalLog | testing::kJournalFile | testing::kOtherFiles;

class DiskFaultsTest : public FaultyServer {
 protected:
  // The server has met the fault: it ends by itself, and a next one goes on.
  void ExpectEndsAndGoesOn() {
    ASSERT_THAT(server_->AwaitExit(), Optional(server::kExitSoftware));
    slowest_end_ = std::max(slowest_end_, disk_.SinceFailure());
    EXPECT_EQ(disk_.failures(), 1);
    disk_.Heal();
    ASSERT_EQ(server_->Start(), absl::OkStatus());
    ASSERT_TRUE(AwaitAcknowledged(100));
  }

  // The callers of a batch that failed were told so, and soon; nobody was told anything else.
  void ExpectTold(int64_t times) {
    EXPECT_GE(CountOf(kStorageFailed), times);
    EXPECT_LT(slowest_end_, absl::Seconds(2));
    EXPECT_THAT(ErrorsBut({kStorageFailed, kShuttingDown, kNoConnection}), IsEmpty());
    RecordProperty("told", static_cast<int>(CountOf(kStorageFailed)));
    RecordProperty("slowest_end_ms", static_cast<int>(absl::ToInt64Milliseconds(slowest_end_)));
  }

  // How often a server has said that it takes calls, over all its lives.
  int64_t TimesListening() const {
    const std::vector<std::string> pieces = absl::StrSplit(server_->Log(), " listening ");
    return static_cast<int64_t>(pieces.size()) - 1;
  }

  absl::Duration slowest_end_;
};

TEST_F(DiskFaultsTest, ACommitWhoseSyncFailsEndsTheServerAndRetriesAreAppliedOnce) {
  Begin();

  const int64_t commits[] = {0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144};
  for (const int64_t skip : commits) {
    SCOPED_TRACE(skip);
    disk_.FailSyncs({.skip = skip, .error = EIO});
    ASSERT_NO_FATAL_FAILURE(ExpectEndsAndGoesOn());
  }

  ExpectTold(std::size(commits));
}

TEST_F(DiskFaultsTest, ACommitWhoseWriteFailsEndsTheServerAndRetriesAreAppliedOnce) {
  Begin();

  const int64_t writes[] = {0, 1, 2, 3, 5, 8, 13, 21};
  for (const int64_t skip : writes) {
    SCOPED_TRACE(skip);
    disk_.FailWrites({.skip = skip, .error = EIO});
    ASSERT_NO_FATAL_FAILURE(ExpectEndsAndGoesOn());
  }

  ExpectTold(std::size(writes));
}

TEST_F(DiskFaultsTest, ACheckpointThatFailsEndsTheServerAndNothingIsLost) {
  Begin();

  disk_.FailWrites({.files = testing::kJournalFile, .skip = 3, .error = EIO});
  ASSERT_NO_FATAL_FAILURE(ExpectEndsAndGoesOn());
  disk_.FailSyncs({.files = testing::kJournalFile, .error = EIO});
  ASSERT_NO_FATAL_FAILURE(ExpectEndsAndGoesOn());

  ExpectTold(2);
}

TEST_F(DiskFaultsTest, WritesThatAreDoneByHalfAreFinished) {
  Begin();

  disk_.FailWrites({.files = kJournal, .count = 500, .error = 0});

  ASSERT_TRUE(Await([&] { return disk_.failures() == 500; }));
  ASSERT_TRUE(AwaitAcknowledged(100));
  EXPECT_THAT(ErrorsBut({}), IsEmpty());
}

TEST_F(DiskFaultsTest, NothingIsAcknowledgedOnADiskThatStaysBroken) {
  Begin();

  for (const bool at_sync : {true, false}) {
    const DiskFaults::Failures for_ever = {
        .files = kJournal, .skip = 7, .count = DiskFaults::kForEver, .error = EIO};
    at_sync ? disk_.FailSyncs(for_ever) : disk_.FailWrites(for_ever);
    ASSERT_THAT(server_->AwaitExit(), Optional(server::kExitSoftware));
    // Once more from its first call on.
    const DiskFaults::Failures at_once = {
        .files = kJournal, .count = DiskFaults::kForEver, .error = EIO};
    at_sync ? disk_.FailSyncs(at_once) : disk_.FailWrites(at_once);
    const int64_t acknowledged = Acknowledged();
    const int64_t times_listening = TimesListening();
    for (int start = 0; start < 3; ++start) {
      // It never says that it serves: it does not even listen.
      server_->Launch();
      ASSERT_THAT(server_->AwaitExit(), Optional(server::kExitSoftware));
    }
    EXPECT_EQ(Acknowledged(), acknowledged);
    EXPECT_EQ(TimesListening(), times_listening);

    disk_.Heal();
    ASSERT_EQ(server_->Start(), absl::OkStatus());
    ASSERT_TRUE(AwaitAcknowledged(100));
    EXPECT_GT(TimesListening(), times_listening);
  }

  const std::string log = server_->Log();
  EXPECT_TRUE(absl::StrContains(log, "journal_failed")) << log;
  EXPECT_TRUE(absl::StrContains(log, "start_failed")) << log;
}

// What a killed server left in the log may be in memory only: the next one writes it and syncs it
// before it tells anybody.
TEST_F(DiskFaultsTest, TheLogIsSyncedBeforeAServerTellsWhatIsInIt) {
  Begin();
  server_->Kill();
  disk_.CountSyncs();

  ASSERT_EQ(server_->Start(), absl::OkStatus());

  EXPECT_GE(disk_.syncs(), 1);
}

TEST_F(DiskFaultsTest, TheDerivedFileMayFail) {
  Begin();

  disk_.FailWrites({.files = testing::kDerivedFiles, .count = DiskFaults::kForEver, .error = EIO});

  ASSERT_TRUE(Await([&] { return disk_.failures() >= 3; }));
  ASSERT_TRUE(AwaitAcknowledged(500));
  EXPECT_THAT(ErrorsBut({}), IsEmpty());
}

TEST_F(DiskFaultsTest, AWriteThatDoesNotFitIsToldAndChangesNothing) {
  Begin();

  for (const int64_t skip : {0, 1, 3, 7, 20}) {
    disk_.FailWrites({.skip = skip, .count = 50, .error = ENOSPC});
    ASSERT_TRUE(Await([&] { return disk_.failures() == 50; }));
    disk_.Heal();
    ASSERT_TRUE(AwaitAcknowledged(100));
  }

  EXPECT_GE(CountOf(kStorageFull), 5);
  EXPECT_THAT(ErrorsBut({kStorageFull}), IsEmpty());
}

TEST_F(DiskFaultsTest, NothingIsAcknowledgedBeforeASlowSync) {
  Begin({.patience = absl::Minutes(1)});

  for (const absl::Duration delay :
       {absl::Milliseconds(50), absl::Milliseconds(500), absl::Seconds(5)}) {
    SCOPED_TRACE(delay);
    disk_.SlowSyncs(delay);
    // Those that began before.
    Pause(2 * delay);
    load_->log().ResetTally();
    const int64_t enough = disk_.syncs() + 3;
    ASSERT_TRUE(Await([&] { return disk_.syncs() >= enough; }));

    const testing::CallTally tally = load_->log().tally();
    EXPECT_GT(tally.acknowledged, 0);
    EXPECT_GE(tally.quickest, delay);
    // Reads do not wait for the disk.
    EXPECT_LT(ReadTimeP80(), std::min(delay, absl::Milliseconds(200)));
  }
}

TEST_F(DiskFaultsTest, ASlowDiskFillsTheQueueAndNoMore) {
  Begin({.arguments = {"--queue-max", "64"}, .callers = 100, .patience = absl::Minutes(1)});
  disk_.SlowSyncs(absl::Milliseconds(500));
  ASSERT_TRUE(Await([&] { return CountOf(kOverloaded) > 100; }));
  const int64_t before = server_->ResidentBytes();

  ASSERT_TRUE(Await([&] { return disk_.syncs() >= 8; }));

  EXPECT_LT(server_->ResidentBytes() - before, testing::MemoryAtMost(16 << 20));
  EXPECT_THAT(ErrorsBut({kOverloaded}), IsEmpty());
  RecordProperty("overloaded", static_cast<int>(CountOf(kOverloaded)));
  RecordProperty("grown_kib", static_cast<int>((server_->ResidentBytes() - before) >> 10));
}

}  // namespace
}  // namespace farebox
