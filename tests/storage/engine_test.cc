// The engine alone: what its ledger would sleep through, and what it keeps in memory.

#include "storage/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "storage/clock.h"
#include "tests/storage/commands.h"
#include "tests/storage/ledger_fixture.h"
#include "tests/support/fault_journal.h"
#include "tests/support/memory_journal.h"

namespace farebox {
namespace {

using ::testing::Each;
using Fault = JournalFaults::Fault;

constexpr absl::Duration kMonth = absl::Hours(24 * 30);
constexpr size_t kRemindersKept = 1'000;

class EngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(engine_.Recover(), IsOk());
    EXPECT_THAT(Commit({ToOpen("alice"), ToCredit("alice", Cents(1'000'000))}), Each(IsApplied()));
  }

  std::vector<Outcome> Commit(const std::vector<Command>& commands) {
    const absl::Span<const Command> submission = commands;
    return engine_.Commit({submission}).TakeOutcomes(commands.size());
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  MemoryDisk disk_;
  MemoryJournal memory_journal_{&disk_};
  JournalFaults faults_;
  FaultJournal journal_{&memory_journal_, &faults_};
  Engine engine_{{.request_window = absl::Hours(24 * 7),
                  .expiry_warning = absl::Seconds(10),
                  .reminders_kept_max = kRemindersKept},
                 &journal_,
                 &clock_};
};

TEST_F(EngineTest, AfterAFailureUnderAClockThatWasAheadHoldsExpireOnceItIsRight) {
  EXPECT_THAT(Commit({ToHold("alice", Cents(1), absl::Seconds(60))}), Each(IsApplied()));
  clock_.Advance(kMonth);
  faults_.FailNextAppend(Fault::kFull);
  Commit({});

  clock_.Advance(absl::Seconds(61) - kMonth);
  EXPECT_LE(engine_.NextDue(), clock_.Now() + absl::Seconds(1));
  clock_.Advance(absl::Seconds(1));

  EXPECT_LE(engine_.NextDue(), clock_.Now());
}

// All at once would keep one batch, and whoever waits for it, for a second.
TEST_F(EngineTest, RemindersOfWhatHasEndedAreDroppedAFewWithEachBatch) {
  size_t dropped_most = 0;
  size_t kept_most = 0;
  for (int i = 0; i < 3'000; ++i) {
    const size_t before = engine_.reminders();
    const EntryId hold = Commit({ToHold("alice", Cents(1))})[0].entry.id;
    EXPECT_THAT(Commit({ToRelease("alice", hold)}), Each(IsApplied()));
    const size_t after = engine_.reminders();
    if (after < before) dropped_most = std::max(dropped_most, before - after);
    kept_most = std::max(kept_most, after);
  }

  EXPECT_GT(dropped_most, 0);
  EXPECT_LT(dropped_most, 10);
  EXPECT_LT(kept_most, 2 * kRemindersKept);
}

}  // namespace
}  // namespace farebox
