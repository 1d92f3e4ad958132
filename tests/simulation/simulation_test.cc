#include "tests/simulation/simulation.h"

#include <cstdint>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/entry.h"
#include "storage/errors.h"

namespace farebox::simulation {
namespace {

using ::testing::AllOf;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Sanitizers and a build without optimisation make it many times slower.
#ifdef FAREBOX_IN_FULL
constexpr int64_t kOperations = 1'000'000;
constexpr int64_t kSomeOperations = 20'000;
#else
constexpr int64_t kOperations = 20'000;
constexpr int64_t kSomeOperations = 5'000;
#endif

TEST(Simulation, KeepsEveryPromiseWhateverHappens) {
  const Result result = RunSimulation({.first_seed = 1, .operations = kOperations});

  EXPECT_THAT(result.violation, IsEmpty());
  EXPECT_GE(result.tally.operations, kOperations);
}

TEST(Simulation, ReplaysASeedExactly) {
  const Result once = RunSimulation({.first_seed = 7, .operations = kSomeOperations});
  const Result again = RunSimulation({.first_seed = 7, .operations = kSomeOperations});
  const Result other = RunSimulation({.first_seed = 8, .operations = kSomeOperations});

  EXPECT_EQ(once.history_hash, again.history_hash);
  EXPECT_EQ(once.tally.Text(), again.tally.Text());
  EXPECT_NE(once.history_hash, other.history_hash);
}

TEST(Simulation, MeetsWhatItIsToProve) {
  const Tally tally = RunSimulation({.first_seed = 1, .operations = 5 * kSomeOperations}).tally;

  EXPECT_THAT(tally.replays, Gt(0));
  EXPECT_THAT(tally.late, Gt(0));
  EXPECT_THAT(tally.overruns, Gt(0));
  EXPECT_THAT(tally.restarts, Gt(0));
  EXPECT_THAT(tally.crashes_before, Gt(0));
  EXPECT_THAT(tally.crashes_after, Gt(0));
  EXPECT_THAT(tally.full_disks, Gt(0));
  EXPECT_THAT(tally.lost_batches, Gt(0));
  EXPECT_THAT(tally.kept_batches, Gt(0));
  EXPECT_THAT(tally.repeats_after_crash, Gt(0));
  EXPECT_THAT(tally.clock_set_back, Gt(0));
  for (size_t kind = 1; kind < tally.entries.size(); ++kind) {
    EXPECT_THAT(tally.entries[kind], Gt(0)) << EntryKindName(static_cast<EntryKind>(kind));
  }
  for (const Reason reason :
       {Reason::kInsufficientBalance, Reason::kAccountNotFound, Reason::kAccountSuspended,
        Reason::kAccountClosed, Reason::kNoRate, Reason::kTooManyHolds, Reason::kHoldNotFound,
        Reason::kHoldEnded, Reason::kRequestIdReused, Reason::kAmountInvalid,
        Reason::kAmountOverflow, Reason::kFieldInvalid, Reason::kRefundExceedsDebit,
        Reason::kAccountExists, Reason::kAccountNotEmpty, Reason::kEntryNotFound,
        Reason::kStorageFull, Reason::kStorageFailed, Reason::kDeadlineExceeded}) {
    EXPECT_THAT(tally.reasons[static_cast<size_t>(reason)], Gt(0)) << ReasonName(reason);
  }
}

// A disk that loses the newest batch, which was acknowledged.
void LoseNewestBatch(MemoryDisk* disk) {
  const std::vector<BatchHead> heads = disk->heads();
  if (heads.size() < 100) return;
  const BatchHead& newest = heads.back();
  for (EntryId id = newest.first; id <= newest.last; ++id) disk->EraseEntry(id);
  disk->EraseHead(newest.number);
}

TEST(Simulation, NoticesALostBatchAndNamesSeedOperationAndHistory) {
  const Result result =
      RunSimulation({.first_seed = 3, .operations = kSomeOperations, .on_crash = LoseNewestBatch});

  EXPECT_THAT(result.violation, AllOf(HasSubstr("the last entry is"), HasSubstr("seed "),
                                      HasSubstr("again: farebox-simulation --seed "),
                                      HasSubstr("the last operations:")));
}

TEST(Simulation, NoticesAnEntryThatWasChanged) {
  const auto change_detail = [](MemoryDisk* disk) {
    const std::vector<Entry> entries = disk->entries();
    if (entries.size() < 100) return;
    Entry entry = entries[50];
    entry.fingerprint ^= 1;
    disk->ReplaceEntry(entry);
  };

  const Result result =
      RunSimulation({.first_seed = 3, .operations = kSomeOperations, .on_crash = change_detail});

  EXPECT_THAT(result.violation, HasSubstr("the hash of its batch does not match"));
}

}  // namespace
}  // namespace farebox::simulation
