// Durable before answered, and what becomes of commands when the disk says no.

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "storage/limits.h"
#include "tests/storage/ledger_fixture.h"

namespace farebox {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Fault = JournalFaults::Fault;

TEST_P(LedgerContract, NothingIsAnsweredOrShownBeforeItIsDurable) {
  OpenAccount("alice", Cents(100));
  RecordingListener listener(&ledger());
  const AccountState before = Facts("alice").state;
  faults_.CloseGate();

  const PendingAnswer debit = Submit(ToDebit("alice", Cents(5)));
  const PendingAnswer opening = Submit(ToOpen("bob"));
  faults_.WaitUntilBlocked();

  EXPECT_FALSE(debit.has_come());
  EXPECT_EQ(Facts("alice").state, before);
  EXPECT_THAT(ledger().FindAccount("bob").status(), FailsWith(Reason::kAccountNotFound));
  EXPECT_EQ(ledger().Stats().last_entry, before.last_entry);
  EXPECT_THAT(listener.entries(), IsEmpty());

  faults_.OpenGate();
  EXPECT_THAT(debit.Wait(), ElementsAre(IsApplied()));
  EXPECT_THAT(opening.Wait(), ElementsAre(IsApplied()));
  ExpectBooks("alice", Cents(95));
}

// At the moment of the answer the disk has the entry, and reads show it.
TEST_P(LedgerContract, EveryAnswerIsOnDiskWhenItIsGiven) {
  constexpr int kRounds = 100;
  OpenAccount("alice", Cents(kRounds));
  std::atomic<int> answers = 0;
  std::atomic<int> too_early = 0;

  for (int i = 0; i < kRounds; ++i) {
    faults_.CloseGate();
    PendingAnswer answer;
    ledger().Submit({ToDebit("alice", Cents(1))},
                    [&, done = answer.MakeDone()](std::vector<Outcome> outcomes) mutable {
                      const EntryId entry = outcomes[0].entry.id;
                      const bool shown = ledger().FindAccount("alice")->state.last_entry >= entry;
                      if (entry > faults_.durable_through() || !shown) ++too_early;
                      ++answers;
                      done(std::move(outcomes));
                    });
    faults_.WaitUntilBlocked();
    for (int turn = 0; turn < 50; ++turn) std::this_thread::yield();
    faults_.OpenGate();
    answer.Wait();
  }

  EXPECT_EQ(answers, kRounds);
  EXPECT_EQ(too_early, 0);
}

TEST_P(LedgerContract, WhatArrivesDuringACommitIsTheNextCommit) {
  constexpr int kCommands = 50;
  OpenAccount("alice", Cents(100));
  faults_.CloseGate();
  const PendingAnswer first = Submit(ToDebit("alice", Cents(1)));
  faults_.WaitUntilBlocked();
  const int64_t before = faults_.append_count();

  std::vector<PendingAnswer> gathered;
  for (int i = 0; i < kCommands; ++i) gathered.push_back(Submit(ToDebit("alice", Cents(1))));
  faults_.OpenGate();
  for (const PendingAnswer& answer : gathered) EXPECT_THAT(answer.Wait(), ElementsAre(IsApplied()));

  EXPECT_EQ(faults_.append_count(), before + 1);
  ExpectBooks("alice", Cents(100 - 1 - kCommands));
}

// So that the first command of a long queue does not wait for the last.
TEST_P(LedgerContract, LongQueueIsSeveralCommits) {
  static_assert(2 * limits::kSubmittedCommandsMax > limits::kBatchCommandsMax);
  OpenAccount("alice", Cents(100));
  // Long to count and short to run: all but the first are refused.
  std::vector<Command> commands(limits::kSubmittedCommandsMax, ToDebit("nobody", Cents(1)));
  faults_.CloseGate();
  const PendingAnswer first = Submit(ToDebit("alice", Cents(1)));
  faults_.WaitUntilBlocked();
  const int64_t before = faults_.append_count();

  std::vector<PendingAnswer> answers;
  for (int i = 0; i < 3; ++i) {
    commands[0] = ToDebit("alice", Cents(1));
    answers.push_back(Submit(commands));
  }
  faults_.OpenGate();
  for (const PendingAnswer& answer : answers) EXPECT_THAT(answer.Wait()[0], IsApplied());

  EXPECT_EQ(faults_.append_count(), before + 2);
  ExpectBooks("alice", Cents(96));
}

TEST_P(LedgerContract, EverythingIsTheSameAfterARestart) {
  OpenAccount("alice", Cents(100), {.credit_limit = Cents(3), .open_holds_max = 7});
  OpenAccount("bob", Cents(50));
  OpenHold("alice", Cents(20));
  EXPECT_THAT(Apply(ToDebit("bob", Cents(9))), IsApplied());
  EXPECT_THAT(Apply(ToChange("bob", {.status = AccountStatus::kSuspended}, "settings of bob")),
              IsApplied());
  const AccountFacts alice = Facts("alice");
  const AccountFacts bob = Facts("bob");
  const LedgerStats stats = ledger().Stats();

  Reopen();

  EXPECT_EQ(Facts("alice").state, alice.state);
  EXPECT_EQ(Facts("bob").state, bob.state);
  EXPECT_EQ(Facts("bob").number, bob.number);
  EXPECT_EQ(*Facts("bob").settings, "settings of bob");
  EXPECT_EQ(ledger().Stats().last_entry, stats.last_entry);
  EXPECT_EQ(ledger().Stats().batches, stats.batches);
  EXPECT_EQ(ledger().Stats().accounts, 2);
}

// ---- Many at once

// Thirty calls at the same moment on money for one.
TEST_P(LedgerContract, OfThirtyCallsAtOnceOnMoneyForOneOneIsGranted) {
  constexpr int kCalls = 30;
  OpenAccount("alice", Cents(20));
  std::vector<PendingAnswer> answers;

  for (int i = 0; i < kCalls; ++i)
    answers.push_back(Submit(ToCall("alice", kTwentyCentsAMinute, 60)));

  int granted = 0;
  for (const PendingAnswer& answer : answers) granted += answer.Wait()[0].declined() ? 0 : 1;
  EXPECT_EQ(granted, 1);
  ExpectBooks("alice", Cents(20), Cents(20));
}

TEST_P(LedgerContract, RacingHoldsAndDebitsTakeWhatIsThereAndNoMore) {
  constexpr int kThreads = 64;
  constexpr int kCommandsPerThread = 8;
  constexpr Micros kAmount{7'000'001};
  constexpr int64_t kFits = 137;
  const Micros balance(Times(kFits, kAmount).value() + kAmount.value() - 1);
  OpenAccount("alice", balance);
  std::atomic<int64_t> held = 0;
  std::atomic<int64_t> debited = 0;
  std::atomic<int64_t> declined = 0;

  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < kCommandsPerThread; ++j) {
        const bool holds = (i + j) % 2 == 0;
        const Outcome outcome = Apply(holds ? ToHold("alice", kAmount) : ToDebit("alice", kAmount));
        EXPECT_THAT(outcome.status, IsOk());
        ++(outcome.declined() ? declined : holds ? held : debited);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(held + debited, kFits);
  EXPECT_EQ(declined, kThreads * kCommandsPerThread - kFits);
  ExpectBooks("alice", Micros(balance.value() - debited * kAmount.value()), Times(held, kAmount));
}

// Readers run all the while: an account is never seen half made.
TEST_P(LedgerContract, ReadersSeeAccountsWholeOrNotAtAll) {
  constexpr int kAccounts = 400;
  std::atomic<bool> stop = false;
  std::atomic<int> half_made = 0;
  const auto check = [&](const AccountFacts& facts) {
    const bool whole = facts.settings != nullptr && *facts.settings == "settings" &&
                       facts.state.last_entry > 0 && facts.state.terms.credit_limit == Cents(3);
    if (!whole) ++half_made;
  };
  std::thread reader([&] {
    while (!stop) {
      for (const AccountFacts& facts : ledger().ListAccounts(kAccounts + 1, 3)) check(facts);
      const AccountNumber newest = ledger().Stats().accounts;
      if (const auto facts = ledger().FindAccount(newest); facts.ok()) check(*facts);
      const auto next = ledger().FindAccount("account-" + std::to_string(newest));
      if (next.ok()) check(*next);
    }
  });

  for (int i = 0; i < kAccounts; ++i) {
    EXPECT_THAT(
        Apply(ToOpen("account-" + std::to_string(i), {.credit_limit = Cents(3)}, "settings")),
        IsApplied());
  }
  stop = true;
  reader.join();

  EXPECT_EQ(half_made, 0);
}

// ---- A full disk

TEST_P(LedgerContract, FullDiskRefusesAndChangesNothingUntilThereIsRoom) {
  OpenAccount("alice", Cents(100));
  const AccountState before = Facts("alice").state;

  for (const bool at_append : {false, true}) {
    if (at_append) {
      faults_.FailNextAppend(Fault::kFull);
    } else {
      faults_.SetDiskFull(true);
    }
    const std::vector<Outcome> refused =
        ApplyTogether({ToDebit("alice", Cents(5), "debit"), ToHold("alice", Cents(5)),
                       ToOpen("bob", {}, "", "open")});
    EXPECT_THAT(refused,
                ElementsAre(IsRefused(Reason::kStorageFull), IsRefused(Reason::kStorageFull),
                            IsRefused(Reason::kStorageFull)));
    EXPECT_TRUE(GetErrorDetail(refused[0].status)->retry_after.has_value());
    EXPECT_EQ(Facts("alice").state, before);
    faults_.SetDiskFull(false);
  }

  EXPECT_THAT(failures(), IsEmpty());
  EXPECT_THAT(Apply(ToDebit("alice", Cents(5), "debit")), IsApplied());
  EXPECT_THAT(Apply(ToOpen("bob", {}, "", "open")), IsApplied());
  ExpectBooks("alice", Cents(95));
}

TEST_P(LedgerContract, LowDiskEndsHoldsAndBeginsNothing) {
  OpenAccount("alice", Cents(100));
  const Outcome debit = Apply(ToDebit("alice", Cents(5), "debit"));
  const EntryId settled = OpenHold("alice", Cents(10));
  const EntryId released = OpenHold("alice", Cents(10));
  OpenHold("alice", Cents(10), absl::Seconds(60));
  faults_.SetDiskLow(true);

  EXPECT_THAT(ApplyTogether({ToDebit("alice", Cents(5)), ToHold("alice", Cents(5)),
                             ToExtend("alice", settled, Cents(20)), ToCredit("alice", Cents(5)),
                             ToOpen("bob")}),
              Each(IsRefused(Reason::kStorageFull)));
  EXPECT_THAT(Apply(ToDebit("alice", Cents(5), "debit")), IsReplayOf(debit));
  EXPECT_THAT(Apply(ToSettle("alice", settled, Cents(4))), IsApplied());
  EXPECT_THAT(Apply(ToRelease("alice", released)), IsApplied());
  clock_.Advance(absl::Seconds(60));
  Expire();
  ExpectBooks("alice", Cents(91));

  faults_.SetDiskLow(false);
  EXPECT_THAT(Apply(ToDebit("alice", Cents(1))), IsApplied());
  EXPECT_THAT(failures(), IsEmpty());
}

// What was decided on the strength of entries that were never written is not told as a fact.
TEST_P(LedgerContract, NoAnswerCountsOnEntriesThatTheDiskRefused) {
  OpenAccount("alice", Cents(100));
  const EntryId debit = Apply(ToDebit("alice", Cents(10))).entry.id;
  const EntryId hold = OpenHold("alice", Cents(10));
  faults_.FailNextAppend(Fault::kFull);

  const std::vector<Outcome> refused = ApplyTogether(
      {ToRefund("alice", debit, Cents(10)), ToRefund("alice", debit, Cents(10)),
       ToRelease("alice", hold), ToSettle("alice", hold, Cents(10)), ToOpen("bob"), ToOpen("bob"),
       ToDebit("alice", Cents(1), "once"), ToDebit("alice", Cents(2), "once")});

  for (const Outcome& outcome : refused) {
    EXPECT_THAT(outcome, IsRefused(Reason::kStorageFull));
  }
}

TEST_P(LedgerContract, DurableRequestIsReplayedInACommitThatFails) {
  OpenAccount("alice", Cents(100));
  const Outcome first = Apply(ToDebit("alice", Cents(5), "once"));
  faults_.FailNextAppend(Fault::kFull);

  EXPECT_THAT(ApplyTogether({ToDebit("alice", Cents(5), "once"), ToDebit("alice", Cents(6))}),
              ElementsAre(IsReplayOf(first), IsRefused(Reason::kStorageFull)));
}

TEST_P(LedgerContract, HoldExpiresOnceThereIsRoomAgain) {
  OpenAccount("alice", Cents(100));
  OpenHold("alice", Cents(60), absl::Seconds(60));
  faults_.SetDiskFull(true);
  clock_.Advance(absl::Seconds(60));

  EXPECT_THAT(ledger().ExpireDue().status(), FailsWith(Reason::kStorageFull));
  ExpectBooks("alice", Cents(100), Cents(60));
  faults_.SetDiskFull(false);

  Expire();
  ExpectBooks("alice", Cents(100));
}

TEST_P(LedgerContract, HoldWhoseExpiryWasNotWrittenExpiresTheNextTime) {
  OpenAccount("alice", Cents(100));
  OpenHold("alice", Cents(60), absl::Seconds(60));
  const int64_t appends_before = faults_.append_count();
  faults_.FailNextAppend(Fault::kFull);
  clock_.Advance(absl::Seconds(60));

  // The ledger looks by itself too: which of the two meets the fault is open.
  const absl::Status first = ledger().ExpireDue().status();
  EXPECT_TRUE(first.ok() || GetReason(first) == Reason::kStorageFull) << first;
  Expire();

  ExpectBooks("alice", Cents(100));
  EXPECT_EQ(faults_.append_count(), appends_before + 2);
}

// ---- An append that nobody knows the outcome of

TEST_P(LedgerContract, UnknownOutcomeStopsTheLedgerAndARestartShowsTheTruth) {
  for (const Fault fault : {Fault::kLost, Fault::kKept}) {
    const std::string account = fault == Fault::kLost ? "lost" : "kept";
    OpenAccount(account, Cents(100));
    const AccountState before = Facts(account).state;
    const size_t failures_before = failures().size();
    faults_.FailNextAppend(fault);

    EXPECT_THAT(ApplyTogether({ToDebit(account, Cents(5), "once"), ToHold(account, Cents(5))}),
                ElementsAre(IsRefused(Reason::kStorageFailed), IsRefused(Reason::kStorageFailed)));
    EXPECT_THAT(Apply(ToDebit(account, Cents(5), "once")), IsRefused(Reason::kStorageFailed));
    EXPECT_THAT(Apply(ToCredit(account, Cents(5))), IsRefused(Reason::kStorageFailed));
    EXPECT_THAT(ledger().ExpireDue().status(), FailsWith(Reason::kStorageFailed));
    EXPECT_EQ(Facts(account).state, before);
    EXPECT_THAT(failures(), SizeIs(failures_before + 1));

    Reopen();
    const bool kept = fault == Fault::kKept;
    ExpectBooks(account, kept ? Cents(95) : Cents(100), kept ? Cents(5) : Micros());
    EXPECT_EQ(Apply(ToDebit(account, Cents(5), "once")).replayed, kept);
    ExpectBooks(account, Cents(95), kept ? Cents(5) : Micros());
  }
}

TEST_P(LedgerContract, WhatIsQueuedBehindAFailedAppendIsRefused) {
  OpenAccount("alice", Cents(100));
  faults_.CloseGate();
  faults_.FailNextAppend(Fault::kLost);
  const PendingAnswer first = Submit(ToDebit("alice", Cents(1)));
  faults_.WaitUntilBlocked();
  const PendingAnswer queued = Submit({ToDebit("alice", Cents(1)), ToDebit("alice", Cents(1))});
  const int64_t appends = faults_.append_count();

  faults_.OpenGate();

  EXPECT_THAT(first.Wait(), ElementsAre(IsRefused(Reason::kStorageFailed)));
  EXPECT_THAT(queued.Wait(),
              ElementsAre(IsRefused(Reason::kStorageFailed), IsRefused(Reason::kStorageFailed)));
  EXPECT_EQ(faults_.append_count(), appends);
  EXPECT_THAT(failures(), SizeIs(1));
}

// A change of the catalog is a write like any other.
TEST_P(LedgerContract, CatalogChangeOfUnknownOutcomeStopsTheLedger) {
  OpenAccount("alice", Cents(100));
  const auto change = [&](absl::Status status) {
    Mutex mu;
    CondVar told;
    std::optional<absl::Status> answer;
    ledger().SubmitCatalogChange([status](Catalog&) { return status; },
                                 [&](absl::Status result) {
                                   MutexLock lock(&mu);
                                   answer = std::move(result);
                                   told.SignalOne();
                                 });
    MutexLock lock(&mu);
    while (!answer.has_value()) told.Wait(&mu);
    return *answer;
  };

  EXPECT_THAT(change(error::StorageFull("test")), FailsWith(Reason::kStorageFull));
  EXPECT_THAT(change(error::DeckNotFound("test")), FailsWith(Reason::kDeckNotFound));
  EXPECT_THAT(Apply(ToDebit("alice", Cents(1))), IsApplied());
  EXPECT_THAT(change(error::StorageFailed("test")), FailsWith(Reason::kStorageFailed));

  EXPECT_THAT(Apply(ToDebit("alice", Cents(1))), IsRefused(Reason::kStorageFailed));
  EXPECT_THAT(change(absl::OkStatus()), FailsWith(Reason::kStorageFailed));
  EXPECT_THAT(failures(), SizeIs(1));
}

}  // namespace
}  // namespace farebox
