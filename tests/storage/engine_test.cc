// The engine alone: what its ledger would sleep through.

#include "storage/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  Engine engine_{{.request_window = absl::Hours(24 * 7), .expiry_warning = absl::Seconds(10)},
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

}  // namespace
}  // namespace farebox
