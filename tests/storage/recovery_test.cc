// What a start makes of a journal, and of what was derived from it.

#include "storage/recovery.h"

#include <memory>
#include <utility>
#include <vector>

#include "storage/ledger.h"
#include "tests/storage/commands.h"
#include "tests/storage/ledger_fixture.h"
#include "tests/support/fault_journal.h"
#include "tests/support/memory_journal.h"

namespace farebox {
namespace {

constexpr absl::Duration kWindow = absl::Hours(24);

// Hands over a snapshot in which the last entry of each account is missing.
class StaleSnapshot : public FaultJournal {
 public:
  using FaultJournal::FaultJournal;

  absl::StatusOr<EntryId> LoadSnapshot(SnapshotVisitor* visitor) override {
    Backdater backdater(visitor);
    return FaultJournal::LoadSnapshot(&backdater);
  }
  void OnWrongSnapshot() override { ++complaints; }

  int complaints = 0;

 private:
  class Backdater : public SnapshotVisitor {
   public:
    explicit Backdater(SnapshotVisitor* visitor) : visitor_(*visitor) {}

    void OnBegin(int64_t accounts) override { visitor_.OnBegin(accounts); }
    absl::Status OnAccount(AccountSnapshot account) override {
      --account.last_entry;
      account.balance = Micros(account.balance.value() + 1);
      return visitor_.OnAccount(std::move(account));
    }
    absl::Status OnHold(AccountNumber account, Hold hold) override {
      return visitor_.OnHold(account, std::move(hold));
    }
    absl::Status OnRefunded(EntryId debit, Micros refunded) override {
      return visitor_.OnRefunded(debit, refunded);
    }
    void OnDiscard() override { visitor_.OnDiscard(); }

   private:
    SnapshotVisitor& visitor_;
  };
};

class RecoveryTest : public ::testing::Test {
 protected:
  RecoveryTest() {
    auto ledger = Ledger::Open({.request_window = kWindow}, &memory_, &clock_);
    EXPECT_TRUE(ledger.ok()) << ledger.status();
    EXPECT_THAT((*ledger)->Apply(ToOpen("alice")), IsApplied());
    EXPECT_THAT((*ledger)->Apply(ToCredit("alice", Cents(100))), IsApplied());
    for (int i = 0; i < 4; ++i) {
      EXPECT_THAT((*ledger)->Apply(ToDebit("alice", Cents(1))), IsApplied());
    }
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  MemoryDisk disk_;
  // Two entries are left to be folded.
  MemoryJournal memory_{&disk_, {.snapshot_lag_entries = 2}};
  JournalFaults faults_;
  StaleSnapshot journal_{&memory_, &faults_};
  Recovery recovery_{kWindow};
};

TEST_F(RecoveryTest, ASnapshotThatTheJournalContradictsIsDoneWithout) {
  ASSERT_THAT(recovery_.CatchUp(&journal_), IsOk());

  EXPECT_EQ(recovery_.TakeBooks()->Find("alice")->state.balance, Cents(96));
  EXPECT_EQ(journal_.complaints, 1);
}

// One that is another process's cannot be told.
TEST_F(RecoveryTest, TheNextSourceIsToldOfAWrongSnapshotToo) {
  ASSERT_THAT(recovery_.CatchUp(&journal_), IsOk());
  StaleSnapshot ours(&memory_, &faults_);

  ASSERT_THAT(recovery_.CatchUp(&ours), IsOk());

  EXPECT_EQ(recovery_.TakeBooks()->Find("alice")->state.balance, Cents(96));
  EXPECT_EQ(ours.complaints, 1);
}

TEST_F(RecoveryTest, AJournalThatContradictsItselfIsDamagedWhateverTheSnapshotSays) {
  Entry last = disk_.entries().back();
  last.previous -= 1;
  disk_.ReplaceEntry(last);

  EXPECT_THAT(recovery_.CatchUp(&journal_), FailsWith(Reason::kJournalDamaged));
  EXPECT_EQ(journal_.complaints, 0);
}

}  // namespace
}  // namespace farebox
