// The engine alone: what its ledger would sleep through, and what it keeps in memory.

#include "storage/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "storage/clock.h"
#include "storage/errors.h"
#include "storage/limits.h"
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
// More than one batch takes.
constexpr int kManyHolds = 20'000;

// Has no room for batches of more entries than this.
class SmallJournal : public FaultJournal {
 public:
  using FaultJournal::FaultJournal;

  absl::Status Append(const BatchHead& head, absl::Span<const Entry> entries) override {
    if (entries.size() > entries_max) return error::StorageFull("the batch is too large");
    return FaultJournal::Append(head, entries);
  }

  size_t entries_max = std::numeric_limits<size_t>::max();
};

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

  // On three accounts, each with room for some more; all are due then.
  void PlaceManyHolds() {
    EXPECT_THAT(Commit({ToOpen("bob"), ToCredit("bob", Cents(1'000'000)), ToOpen("carol"),
                        ToCredit("carol", Cents(1'000'000))}),
                Each(IsApplied()));
    for (const std::string account : {"alice", "bob", "carol"}) {
      std::vector<Command> holds;
      for (int i = 0; i < kManyHolds; i += 3) holds.push_back(ToHold(account, Cents(1)));
      EXPECT_THAT(Commit(holds), Each(IsApplied()));
    }
    clock_.Advance(kHoldLifetime);
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  MemoryDisk disk_;
  MemoryJournal memory_journal_{&disk_};
  JournalFaults faults_;
  SmallJournal journal_{&memory_journal_, &faults_};
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

TEST_F(EngineTest, HoldsThatAreAllDueExpireSomeWithEachBatch) {
  PlaceManyHolds();

  int64_t expired = 0;
  bool has_more_due = true;
  while (has_more_due) {
    EXPECT_LE(engine_.NextDue(), clock_.Now());
    const CommitResult result = engine_.Commit({});
    EXPECT_LE(result.entries.size(), limits::kBatchCommandsMax);
    expired += result.expired;
    has_more_due = result.has_more_due;
  }

  EXPECT_GE(expired, kManyHolds);
  EXPECT_GT(engine_.NextDue(), clock_.Now());
}

// In a batch with all of them they would not be written as long as the disk is nearly full.
TEST_F(EngineTest, CallsAreEndedWhereTheDiskHasNoRoomForAllHoldsThatAreDue) {
  const absl::Duration lifetime = 2 * kHoldLifetime;
  const EntryId first = Commit({ToHold("alice", Cents(1), lifetime)})[0].entry.id;
  const EntryId second = Commit({ToHold("alice", Cents(1), lifetime)})[0].entry.id;
  PlaceManyHolds();
  journal_.entries_max = limits::kBatchCommandsMax + 1;

  EXPECT_THAT(Commit({ToRelease("alice", first)}), Each(IsApplied()));
  EXPECT_THAT(Commit({ToSettle("alice", second, Cents(1))}), Each(IsApplied()));
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
