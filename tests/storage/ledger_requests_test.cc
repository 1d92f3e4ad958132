// Exactly once: what a request id promises.

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/limits.h"
#include "tests/storage/ledger_fixture.h"

namespace farebox {
namespace {

using ::testing::AnyOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;

// Every command that can be recorded, each with a request id of its own.
std::vector<Command> OneOfEach(EntryId extended, EntryId settled, EntryId released) {
  return {
      ToCredit("alice", Cents(5), "credit"),
      ToDebit("alice", Cents(7), "debit"),
      ToDebit("alice", Cents(7000), "declined debit"),
      ToHold("alice", Cents(3), kHoldLifetime, "hold"),
      ToHold("alice", Cents(3000), kHoldLifetime, "declined hold"),
      ToExtend("alice", extended, Cents(20), kHoldLifetime, "extension"),
      ToExtend("alice", extended, Cents(2000), kHoldLifetime, "declined extension"),
      ToCharge("alice", settled, Cents(2), "interim"),
      ToSettle("alice", settled, Cents(4), "settlement"),
      ToRelease("alice", released, Cents(1), "release"),
      ToChange("alice", {.low_balance_threshold = Cents(1)}, "settings", "change"),
  };
}

TEST_P(LedgerContract, RepeatedRequestGetsItsFirstAnswer) {
  EXPECT_THAT(Apply(ToOpen("alice", {}, "", "open")), IsApplied());
  EXPECT_THAT(Apply(ToCredit("alice", Cents(1000))), IsApplied());
  const EntryId extended = OpenHold("alice", Cents(10));
  const EntryId settled = OpenHold("alice", Cents(10));
  const EntryId released = OpenHold("alice", Cents(10));
  std::vector<Command> commands = OneOfEach(extended, settled, released);
  const std::vector<Outcome> first = ApplyTogether(commands);
  const AccountState state = Facts("alice").state;
  const EntryId last = ledger().Stats().last_entry;

  for (const bool reopened : {false, true}) {
    if (reopened) Reopen();
    for (size_t i = 0; i < commands.size(); ++i) {
      EXPECT_THAT(first[i].status, IsOk()) << commands[i].request_id;
      EXPECT_THAT(Apply(commands[i]), IsReplayOf(first[i]));
    }
    EXPECT_EQ(Facts("alice").state, state);
    EXPECT_EQ(ledger().Stats().last_entry, last);
  }
}

TEST_P(LedgerContract, RepeatedOpeningGetsItsFirstAnswer) {
  const Outcome first = Apply(ToOpen("alice", {.credit_limit = Cents(5)}, "s", "open"));

  EXPECT_THAT(Apply(ToOpen("alice", {.credit_limit = Cents(5)}, "s", "open")), IsReplayOf(first));
  EXPECT_THAT(Apply(ToOpen("alice", {.credit_limit = Cents(6)}, "s", "open")),
              IsRefused(Reason::kRequestIdReused));
  EXPECT_THAT(Apply(ToOpen("alice", {.credit_limit = Cents(5)}, "s", "open again")),
              IsRefused(Reason::kAccountExists));
}

TEST_P(LedgerContract, DeclineIsReplayedThoughThereIsMoneyNow) {
  OpenAccount("alice");
  const Outcome declined = Apply(ToDebit("alice", Cents(5), "once"));
  EXPECT_THAT(declined, IsDeclined(Reason::kInsufficientBalance));
  EXPECT_THAT(Apply(ToCredit("alice", Cents(100))), IsApplied());

  EXPECT_THAT(Apply(ToDebit("alice", Cents(5), "once")), IsReplayOf(declined));

  ExpectBooks("alice", Cents(100));
}

TEST_P(LedgerContract, RequestIdWithOtherContentIsRefused) {
  OpenAccount("alice", Cents(100));
  EXPECT_THAT(Apply(ToDebit("alice", Cents(5), "once")), IsApplied());

  for (const bool reopened : {false, true}) {
    if (reopened) Reopen();
    EXPECT_THAT(Apply(ToDebit("alice", Cents(6), "once")), IsRefused(Reason::kRequestIdReused));
    EXPECT_THAT(Apply(ToCredit("alice", Cents(5), "once")), IsRefused(Reason::kRequestIdReused));
    EXPECT_THAT(Apply(ToHold("alice", Cents(5), kHoldLifetime, "once")),
                IsRefused(Reason::kRequestIdReused));
  }
  ExpectBooks("alice", Cents(95));
}

TEST_P(LedgerContract, RequestIdsOfDifferentAccountsAreDifferent) {
  OpenAccount("alice", Cents(100));
  OpenAccount("bob", Cents(100));

  EXPECT_THAT(Apply(ToDebit("alice", Cents(5), "once")), IsApplied());
  EXPECT_THAT(Apply(ToDebit("bob", Cents(6), "once")), IsApplied());
}

// Short ids of neighbouring accounts once had one hash: the second was taken for the first in the
// same commit, and its retry was charged again in a later one.
TEST_P(LedgerContract, ShortRequestIdsOfNeighboursAreDifferent) {
  OpenAccount("alice", Cents(1000));
  OpenAccount("bob", Cents(1000));
  std::vector<Command> commands;
  for (const char* account : {"alice", "bob"}) {
    for (int i = 0; i < 500; ++i) {
      const std::string id = absl::StrCat(i / 100, "-", i / 10 % 10, "-", i % 10);
      commands.push_back(ToDebit(account, Cents(1), id));
    }
  }

  EXPECT_THAT(ApplyTogether(commands), Each(IsApplied()));
  EXPECT_THAT(ApplyTogether(commands), Each(Field(&Outcome::replayed, true)));

  ExpectBooks("alice", Cents(500));
  ExpectBooks("bob", Cents(500));
}

TEST_P(LedgerContract, RefusalThatWasNotRecordedDoesNotUseUpItsRequestId) {
  EXPECT_THAT(Apply(ToDebit("alice", Cents(5), "once")), IsRefused(Reason::kAccountNotFound));
  OpenAccount("alice", Cents(100));
  EXPECT_THAT(Apply(ToSettle("alice", 99, Cents(1), "once")), IsRefused(Reason::kHoldNotFound));

  EXPECT_THAT(Apply(ToDebit("alice", Cents(5), "once")), IsApplied());
}

TEST_P(LedgerContract, RequestsRepeatedInOneCommitAreAppliedOnce) {
  OpenAccount("alice", Cents(100));

  const std::vector<Outcome> outcomes =
      ApplyTogether({ToDebit("alice", Cents(5), "once"), ToDebit("alice", Cents(5), "once"),
                     ToDebit("alice", Cents(6), "once"), ToDebit("alice", Cents(5), "once")});

  ASSERT_THAT(outcomes[0], IsApplied());
  EXPECT_THAT(outcomes, ElementsAre(IsApplied(), IsReplayOf(outcomes[0]),
                                    IsRefused(Reason::kRequestIdReused), IsReplayOf(outcomes[0])));
  ExpectBooks("alice", Cents(95));
}

TEST_P(LedgerContract, OpeningRepeatedInOneCommitIsAppliedOnce) {
  const std::vector<Outcome> outcomes = ApplyTogether(
      {ToOpen("alice", {}, "", "open"), ToOpen("alice", {}, "", "open"), ToOpen("bob"),
       ToOpen("alice"), ToCredit("alice", Cents(3)), ToCredit("bob", Cents(4))});

  EXPECT_THAT(outcomes, ElementsAre(IsApplied(), IsReplayOf(outcomes[0]), IsApplied(),
                                    IsRefused(Reason::kAccountExists), IsApplied(), IsApplied()));
  ExpectBooks("alice", Cents(3));
  ExpectBooks("bob", Cents(4));
}

TEST_P(LedgerContract, RequestRepeatedWhileItIsOnItsWayToTheDiskIsAppliedOnce) {
  OpenAccount("alice", Cents(100));
  faults_.CloseGate();
  const PendingAnswer first = Submit(ToDebit("alice", Cents(5), "once"));
  faults_.WaitUntilBlocked();

  const PendingAnswer second = Submit(ToDebit("alice", Cents(5), "once"));
  const PendingAnswer other = Submit(ToDebit("alice", Cents(6), "once"));
  EXPECT_FALSE(first.has_come());
  faults_.OpenGate();

  const Outcome applied = first.Wait()[0];
  EXPECT_THAT(applied, IsApplied());
  EXPECT_THAT(second.Wait()[0], IsReplayOf(applied));
  EXPECT_THAT(other.Wait()[0], IsRefused(Reason::kRequestIdReused));
  ExpectBooks("alice", Cents(95));
}

TEST_P(LedgerContract, HundredThreadsWithOneRequestIdDebitOnce) {
  constexpr int kThreads = 100;
  OpenAccount("alice", Cents(100));
  std::vector<Outcome> outcomes(kThreads);

  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { outcomes[i] = Apply(ToDebit("alice", Cents(5), "once")); });
  }
  for (std::thread& thread : threads) thread.join();

  int applied = 0;
  for (const Outcome& outcome : outcomes) applied += outcome.replayed ? 0 : 1;
  EXPECT_EQ(applied, 1);
  for (const Outcome& outcome : outcomes) {
    EXPECT_THAT(outcome, AnyOf(IsApplied(), IsReplayOf(outcomes[0])));
    EXPECT_EQ(outcome.entry, outcomes[0].entry);
  }
  ExpectBooks("alice", Cents(95));
}

// ---- Ids older than memory

class OldRequests : public LedgerContract {
 protected:
  static constexpr absl::Duration kWindow = absl::Hours(8);

  OldRequests() { options_.request_window = kWindow; }

  // Time and commits enough that every id in memory is forgotten.
  void LetIdsGrowOld() {
    constexpr int kCommits = 260;
    for (int i = 0; i < kCommits; ++i) {
      clock_.Advance(4 * kWindow / kCommits);
      EXPECT_THAT(Apply(ToCredit("alice", Cents(1))), IsApplied());
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Journals, OldRequests, ::testing::ValuesIn(JournalKinds()), NameOfKind);

TEST_P(OldRequests, AreFoundByTheJournal) {
  OpenAccount("alice", Cents(100));
  const Outcome plain = Apply(ToDebit("alice", Cents(5), "plain"));
  const std::string timed_id = TimedRequestId(clock_.Now());
  const Outcome timed = Apply(ToDebit("alice", Cents(5), timed_id));

  LetIdsGrowOld();

  EXPECT_THAT(Apply(ToDebit("alice", Cents(5), "plain")), IsReplayOf(plain));
  EXPECT_THAT(Apply(ToDebit("alice", Cents(5), timed_id)), IsReplayOf(timed));
  EXPECT_THAT(Apply(ToDebit("alice", Cents(6), timed_id)), IsRefused(Reason::kRequestIdReused));

  Reopen();
  EXPECT_THAT(Apply(ToDebit("alice", Cents(5), "plain")), IsReplayOf(plain));
  EXPECT_THAT(Apply(ToDebit("alice", Cents(5), timed_id)), IsReplayOf(timed));
}

TEST_P(OldRequests, OfTheRecentPastAreReplayedAfterARestart) {
  OpenAccount("alice", Cents(100));
  std::vector<Outcome> debits;
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(kWindow / 25);
    ids.push_back(TimedRequestId(clock_.Now(), i));
    debits.push_back(Apply(ToDebit("alice", Cents(1), ids.back())));
  }

  Reopen();

  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(Apply(ToDebit("alice", Cents(1), ids[i])), IsReplayOf(debits[i]));
  }
}

TEST_P(OldRequests, TimedIdFromTheFutureIsRefused) {
  OpenAccount("alice", Cents(100));
  const absl::Time latest = clock_.Now() + kWindow / 4;

  EXPECT_THAT(Apply(ToDebit("alice", Cents(5), TimedRequestId(latest + absl::Milliseconds(1)))),
              IsRefused(Reason::kFieldInvalid));
  EXPECT_THAT(Apply(ToOpen("bob", {}, "", TimedRequestId(latest + absl::Milliseconds(1)))),
              IsRefused(Reason::kFieldInvalid));
  EXPECT_THAT(Apply(ToDebit("alice", Cents(5), TimedRequestId(latest))), IsApplied());
}

// What the journal had no time to index before the stop is loaded at the start, however old it is.
TEST_P(OldRequests, AreFoundAfterALongStop) {
  OpenAccount("alice", Cents(100));
  std::vector<Outcome> debits;
  std::vector<Command> commands;
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(absl::Seconds(1));
    commands.push_back(i % 2 == 0 ? ToDebit("alice", Cents(1))
                                  : ToDebit("alice", Cents(1), TimedRequestId(clock_.Now(), i)));
    debits.push_back(Apply(commands.back()));
  }
  Close();
  clock_.Advance(3 * kWindow);

  Reopen();

  for (int i = 0; i < 20; ++i) EXPECT_THAT(Apply(commands[i]), IsReplayOf(debits[i]));
}

// A clock that is set to a wrong time for a while, as a machine's may be when it starts.
TEST_P(OldRequests, AreRememberedThoughTheClockWasWrongAtTheStart) {
  OpenAccount("alice", Cents(100));
  const std::string id = TimedRequestId(clock_.Now());
  const Outcome debit = Apply(ToDebit("alice", Cents(5), id));
  for (int i = 0; i < 5; ++i) EXPECT_THAT(Apply(ToCredit("alice", Cents(1))), IsApplied());
  Close();
  clock_.Advance(absl::Hours(24 * 365));
  Reopen();

  clock_.Advance(-absl::Hours(24 * 365));

  EXPECT_THAT(Apply(ToDebit("alice", Cents(5), id)), IsReplayOf(debit));
}

// ---- What a request id may be

TEST_P(LedgerContract, RequestIdIsPrintableAndNotTooLong) {
  OpenAccount("alice", Cents(100));
  const std::string longest(limits::kRequestIdBytesMax, 'r');

  EXPECT_THAT(Apply(ToDebit("alice", Cents(1), longest)), IsApplied());
  for (const std::string& id :
       {longest + "r", std::string("a\nb"), std::string("a\0b", 3), std::string("a\x7f"),
        std::string("\xc3\xa4"), std::string(3, ' ')}) {
    EXPECT_THAT(Apply(ToDebit("alice", Cents(1), id)), IsRefused(Reason::kFieldInvalid)) << id;
  }
  Command without_id = ToDebit("alice", Cents(1));
  without_id.request_id.clear();
  EXPECT_THAT(Apply(without_id), IsRefused(Reason::kFieldInvalid));
}

}  // namespace
}  // namespace farebox
