// The queue of commands: what it takes, what it refuses, and what becomes of it at the end.

#include <thread>
#include <vector>

#include "tests/storage/ledger_fixture.h"

namespace farebox {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_P(LedgerContract, CommandWhoseDeadlinePassedInTheQueueIsNotApplied) {
  OpenAccount("alice", Cents(100));
  faults_.CloseGate();
  const PendingAnswer first = Submit(ToDebit("alice", Cents(1)));
  faults_.WaitUntilBlocked();
  Command late = ToDebit("alice", Cents(5), "late");
  late.deadline = clock_.Now() + absl::Seconds(1);
  Command in_time = ToDebit("alice", Cents(7));
  in_time.deadline = clock_.Now() + absl::Seconds(3);

  const PendingAnswer queued = Submit({late, in_time});
  clock_.Advance(absl::Seconds(2));
  faults_.OpenGate();

  EXPECT_THAT(queued.Wait(), ElementsAre(IsRefused(Reason::kDeadlineExceeded), IsApplied()));
  ExpectBooks("alice", Cents(92));
  EXPECT_THAT(Apply(ToDebit("alice", Cents(5), "late")), IsApplied());
}

TEST_P(LedgerContract, FullQueueRefusesAndDoesNothing) {
  options_.queued_commands_max = 8;  // Half of it for new work.
  Reopen();
  OpenAccount("alice", Cents(100));
  faults_.CloseGate();
  const PendingAnswer first = Submit(ToDebit("alice", Cents(1)));
  faults_.WaitUntilBlocked();
  const PendingAnswer queued = Submit({ToDebit("alice", Cents(1)), ToDebit("alice", Cents(1))});

  const PendingAnswer too_many = Submit({ToDebit("alice", Cents(10)), ToDebit("alice", Cents(10))});
  EXPECT_TRUE(too_many.has_come());
  EXPECT_THAT(too_many.Wait(),
              ElementsAre(IsRefused(Reason::kOverloaded), IsRefused(Reason::kOverloaded)));
  EXPECT_TRUE(GetErrorDetail(too_many.Wait()[0].status)->retry_after.has_value());
  const PendingAnswer fits = Submit(ToDebit("alice", Cents(1)));
  EXPECT_EQ(ledger().Stats().queued_commands, 4);
  EXPECT_THAT(Submit(ToDebit("alice", Cents(10))).Wait(),
              ElementsAre(IsRefused(Reason::kOverloaded)));

  faults_.OpenGate();
  EXPECT_THAT(queued.Wait(), ElementsAre(IsApplied(), IsApplied()));
  EXPECT_THAT(fits.Wait(), ElementsAre(IsApplied()));
  ExpectBooks("alice", Cents(96));
}

TEST_P(LedgerContract, ASlowDiskGathersOnlySoManyRequests) {
  options_.queued_requests_max = 8;  // Half of it for new work.
  Reopen();
  OpenAccount("alice", Cents(100));
  faults_.CloseGate();
  std::vector<PendingAnswer> taken;
  taken.push_back(Submit(ToDebit("alice", Cents(1))));
  faults_.WaitUntilBlocked();
  for (int i = 0; i < 2; ++i) taken.push_back(Submit(ToDebit("alice", Cents(1))));
  taken.push_back(Submit({ToDebit("alice", Cents(1)), ToDebit("alice", Cents(1))}));

  EXPECT_THAT(Submit(ToDebit("alice", Cents(10))).Wait(),
              ElementsAre(IsRefused(Reason::kOverloaded)));

  faults_.OpenGate();
  for (PendingAnswer& answer : taken) EXPECT_THAT(answer.Wait(), Each(IsApplied()));
  EXPECT_THAT(Apply(ToDebit("alice", Cents(1))), IsApplied());
  ExpectBooks("alice", Cents(94));
}

// Who has its answer has its place in the queue back.
TEST_P(LedgerContract, AnsweredCommandNoLongerFillsTheQueue) {
  options_.queued_commands_max = 1;
  Reopen();
  OpenAccount("alice", Cents(1000));

  for (int i = 0; i < 200; ++i) {
    ASSERT_THAT(Apply(ToDebit("alice", Cents(1))), IsApplied());
  }
}

TEST_P(LedgerContract, SubmitLargerThanTheQueueGoesAloneOrNotAtAll) {
  options_.queued_commands_max = 2;
  Reopen();
  OpenAccount("alice", Cents(100));

  EXPECT_THAT(ApplyTogether({ToDebit("alice", Cents(1)), ToDebit("alice", Cents(1)),
                             ToDebit("alice", Cents(1))}),
              ElementsAre(IsApplied(), IsApplied(), IsApplied()));
}

TEST_P(LedgerContract, SubmitOfNothingIsAnsweredWithNothing) {
  EXPECT_THAT(ApplyTogether({}), IsEmpty());
}

// Or a derived file that is being brought up ends a server whose disk is well. Callers wait for it
// all the same, and no new ones are let in.
TEST_P(LedgerContract, AWriterThatWaitsForTheDerivedFileIsNotWriting) {
  OpenAccount("alice", Cents(100));
  const EntryId hold = OpenHold("alice", Cents(10));
  const int64_t begun = ledger().gate().commits_begun();
  faults_.SetDerivedLags(true);
  const PendingAnswer first = Submit(ToDebit("alice", Cents(1)));
  faults_.WaitUntilDerivedIsAwaited();

  clock_.Advance(absl::Seconds(20));

  EXPECT_FALSE(ledger().gate().is_committing());
  EXPECT_EQ(ledger().gate().commits_begun(), begun);
  const PendingAnswer next = Submit(ToDebit("alice", Cents(10)));
  EXPECT_TRUE(next.has_come());
  const PendingAnswer ending = Submit(ToSettle("alice", hold, Cents(7)));
  faults_.SetDerivedLags(false);
  EXPECT_THAT(first.Wait(), ElementsAre(IsApplied()));
  EXPECT_THAT(next.Wait(), ElementsAre(IsRefused(Reason::kOverloaded)));
  EXPECT_THAT(ending.Wait(), ElementsAre(IsApplied()));
  EXPECT_THAT(Apply(ToDebit("alice", Cents(2))), IsApplied());
  ExpectBooks("alice", Cents(90));
}

TEST_P(LedgerContract, DrainAnswersWhatIsQueuedAndRefusesTheRest) {
  OpenAccount("alice", Cents(100));
  faults_.CloseGate();
  const PendingAnswer first = Submit(ToDebit("alice", Cents(1)));
  faults_.WaitUntilBlocked();
  const PendingAnswer queued = Submit(ToDebit("alice", Cents(2)));

  std::thread drain([&] { ledger().Drain(); });
  faults_.OpenGate();
  drain.join();

  EXPECT_THAT(first.Wait(), ElementsAre(IsApplied()));
  EXPECT_THAT(queued.Wait(), ElementsAre(IsApplied()));
  EXPECT_THAT(Apply(ToDebit("alice", Cents(1))), IsRefused(Reason::kShuttingDown));
  EXPECT_THAT(ledger().ExpireDue().status(), FailsWith(Reason::kShuttingDown));
  ledger().Drain();
  ExpectBooks("alice", Cents(97));
}

}  // namespace
}  // namespace farebox
