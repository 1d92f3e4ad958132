// Request ids that are older than the window, where the index that is to know them is still to be
// made: after a power cut, after a restore, where somebody has deleted the derived file.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/statvfs.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "storage/ledger.h"
#include "storage/limits.h"
#include "storage/recovery.h"
#include "storage/sqlite/journal_follower.h"
#include "storage/sqlite/sqlite_journal.h"
#include "tests/storage/commands.h"
#include "tests/storage/ledger_fixture.h"
#include "tests/storage/sqlite/journal_fixture.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

// What the disk has free; where it is negative, nobody knows.
std::atomic<int64_t> free_disk_bytes = -1;

extern "C" int statvfs(const char* /*path*/, struct statvfs* disk) noexcept {
  const int64_t bytes = free_disk_bytes;
  if (bytes < 0) return -1;
  *disk = {};
  disk->f_frsize = 1;
  disk->f_bavail = static_cast<fsblkcnt_t>(bytes);
  return 0;
}

namespace farebox::sqlite {
namespace {

constexpr absl::Duration kRequestWindow = absl::Hours(24);
constexpr int kOld = 100;
constexpr int kRecent = 10;

class OldRequestsTest : public ::testing::Test {
 protected:
  OldRequestsTest() {
    OpenJournal({.derive = false});
    OpenLedger(nullptr);
    EXPECT_THAT(Apply(ToOpen("acme")), IsApplied());
    first_ = Apply(ToCredit("acme", Cents(1'000), "first"));
    for (int i = 3; i < kOld; ++i) EXPECT_THAT(Apply(ToDebit("acme", Cents(1))), IsApplied());
    last_ = Apply(ToDebit("acme", Cents(1), "last"));
    clock_.Advance(2 * kRequestWindow);
    for (int i = 1; i < kRecent; ++i) EXPECT_THAT(Apply(ToDebit("acme", Cents(1))), IsApplied());
    recent_ = Apply(ToDebit("acme", Cents(1), "recent"));
    Close();
  }

  // With the window and the clock of this test.
  void OpenJournal(SqliteJournal::Options options) {
    options.directory = directory_ / "ledger";
    options.request_window = kRequestWindow;
    options.clock = &clock_;
    auto journal = SqliteJournal::Open(options);
    ASSERT_THAT(journal, IsOk());
    journal_ = *std::move(journal);
  }
  // Nothing is derived while it is open.
  void OpenResting() { OpenJournal({.derived_gather = absl::Hours(1)}); }
  void OpenDeriving() {
    OpenJournal({.derived_gather = absl::ZeroDuration(), .derived_chunk_requests_max = 30});
  }

  void OpenLedger(std::unique_ptr<Recovery> recovery) {
    auto ledger = Ledger::Open({.request_window = kRequestWindow}, journal_.get(), &clock_,
                               std::move(recovery));
    ASSERT_THAT(ledger, IsOk());
    ledger_ = *std::move(ledger);
  }

  void Close() {
    ledger_.reset();
    journal_.reset();
  }

  // As if the old ones were too many.
  static std::unique_ptr<Recovery> Sparing() {
    return std::make_unique<Recovery>(kRequestWindow, /*old_requests_loaded_max=*/kOld / 2);
  }

  // How many request ids a start has in memory.
  size_t CountLoaded(std::unique_ptr<Recovery> recovery) {
    EXPECT_THAT(recovery->CatchUp(journal_.get()), IsOk());
    return recovery->TakeBooks()->request_ids().size();
  }

  Outcome Apply(Command command) { return ledger_->Apply(std::move(command)); }
  Outcome RepeatFirst() { return Apply(ToCredit("acme", Cents(1'000), "first")); }
  Outcome RepeatLast() { return Apply(ToDebit("acme", Cents(1), "last")); }
  Outcome RepeatRecent() { return Apply(ToDebit("acme", Cents(1), "recent")); }

  // Once the index is made.
  Outcome AwaitLast() {
    Outcome last;
    testing::Await([&] {
      last = RepeatLast();
      return GetReason(last.status) != Reason::kOverloaded;
    });
    return last;
  }

  const testing::TemporaryDirectory directory_;
  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  std::unique_ptr<SqliteJournal> journal_;
  std::unique_ptr<Ledger> ledger_;
  Outcome first_;
  Outcome last_;
  Outcome recent_;
};

TEST_F(OldRequestsTest, AreReadAtTheStartWhereTheyAreFew) {
  OpenResting();

  EXPECT_EQ(CountLoaded(std::make_unique<Recovery>(kRequestWindow)), kOld + kRecent);
}

TEST_F(OldRequestsTest, AreLeftToTheIndexWhereTheyAreMany) {
  OpenResting();

  EXPECT_EQ(CountLoaded(Sparing()), kRecent);
}

TEST_F(OldRequestsTest, AreReadWhereThereIsNoIndex) {
  OpenJournal({.derive = false});

  EXPECT_EQ(CountLoaded(Sparing()), kOld + kRecent);
}

TEST_F(OldRequestsTest, WhatMayBeOldIsRefusedUntilTheIndexIsMade) {
  OpenResting();
  OpenLedger(Sparing());

  EXPECT_THAT(RepeatFirst(), IsRefused(Reason::kOverloaded));
  EXPECT_THAT(RepeatRecent(), IsReplayOf(recent_));
  Command timed = ToDebit("acme", Cents(1), TimedRequestId(clock_.Now()));
  EXPECT_THAT(Apply(std::move(timed)), IsApplied());
}

TEST_F(OldRequestsTest, AreAnsweredFromTheIndexOnceItIsMade) {
  OpenDeriving();
  OpenLedger(Sparing());

  EXPECT_THAT(AwaitLast(), IsReplayOf(last_));
  EXPECT_THAT(RepeatFirst(), IsReplayOf(first_));
  EXPECT_THAT(Apply(ToDebit("acme", Cents(1))), IsApplied());
}

// In memory they are not: what is kept free for the journal is left, and no more.
TEST_F(OldRequestsTest, AreAnsweredFromTheIndexWhereTheDiskHasLittleRoom) {
  free_disk_bytes = limits::kFreeDiskBytesMin + 10'000'000;
  OpenDeriving();
  OpenLedger(Sparing());

  EXPECT_THAT(AwaitLast(), IsReplayOf(last_));
  free_disk_bytes = -1;
}

TEST_F(OldRequestsTest, ASuccessorLeavesThemToTheIndexToo) {
  auto recovery = Sparing();
  {
    auto follower = JournalFollower::Open(directory_ / "ledger");
    ASSERT_THAT(follower, IsOk());
    ASSERT_THAT(recovery->CatchUp(follower->get()), IsOk());
  }
  OpenResting();
  OpenLedger(std::move(recovery));

  EXPECT_THAT(RepeatFirst(), IsRefused(Reason::kOverloaded));
  EXPECT_THAT(RepeatRecent(), IsReplayOf(recent_));
}

}  // namespace
}  // namespace farebox::sqlite
