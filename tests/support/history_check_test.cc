#include "tests/support/history_check.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace farebox::history {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

auto Violates(Check check, const std::string& words) {
  return ElementsAre(
      AllOf(Field(&Violation::check, check), Field(&Violation::sentence, HasSubstr(words))));
}

// Two accounts with six requests one after the other, each sent at ten times its number and
// answered five later: a credit each (entries 1 and 2), a hold of `alice` (3), its settlement (4),
// a refused debit of `bob` (5, a decline), and a debit of `bob` (6).
class HistoryCheck : public ::testing::Test {
 protected:
  HistoryCheck() {
    history_.accounts["alice"] = {.end_balance_micros = 70, .end_held_micros = 0};
    history_.accounts["bob"] = {.end_balance_micros = 20, .end_held_micros = 0};
    Apply({.entry_id = 1, .account_id = "alice", .amount_micros = 100});
    Apply({.entry_id = 2, .account_id = "bob", .amount_micros = 50});
    Apply({.entry_id = 3, .account_id = "alice", .held_change_micros = 40});
    Apply({.entry_id = 4, .account_id = "alice", .amount_micros = -30, .held_change_micros = -40});
    Apply({.entry_id = 5, .account_id = "bob", .decline = true});
    Apply({.entry_id = 6, .account_id = "bob", .amount_micros = -30});
    history_.operations[4].outcome = Outcome::kRefused;
  }

  // Takes the next request, which made `entry`; the figures after it are filled in.
  void Apply(Entry entry) {
    entry.request_id = absl::StrCat("r", entry.entry_id);
    entry.balance_after_micros = entry.amount_micros;
    entry.held_after_micros = entry.held_change_micros;
    for (const Entry& before : history_.entries) {
      if (before.account_id != entry.account_id) continue;
      entry.balance_after_micros += before.amount_micros;
      entry.held_after_micros += before.held_change_micros;
    }
    history_.operations.push_back({.account_id = entry.account_id,
                                   .request_id = entry.request_id,
                                   .sent_at_nanos = entry.entry_id * 10,
                                   .answered_at_nanos = entry.entry_id * 10 + 5,
                                   .outcome = Outcome::kApplied,
                                   .entry_id = entry.entry_id,
                                   .amount_micros = entry.amount_micros,
                                   .balance_after_micros = entry.balance_after_micros,
                                   .held_after_micros = entry.held_after_micros});
    history_.entries.push_back(std::move(entry));
  }

  Operation& OperationOf(int64_t entry_id) { return history_.operations[entry_id - 1]; }
  Entry& EntryOf(int64_t entry_id) { return history_.entries[entry_id - 1]; }

  // The account's books as they are, so that a changed entry is the only thing that is wrong.
  void CloseBooks(const std::string& account_id) {
    Account& account = history_.accounts[account_id];
    account.end_balance_micros = account.start_balance_micros;
    account.end_held_micros = account.start_held_micros;
    for (const Entry& entry : history_.entries) {
      if (entry.account_id != account_id) continue;
      *account.end_balance_micros += entry.amount_micros;
      *account.end_held_micros += entry.held_change_micros;
    }
  }

  History history_;
};

TEST_F(HistoryCheck, CleanHistoryHasNoViolation) {
  EXPECT_THAT(FindViolations(history_), IsEmpty());
}

TEST_F(HistoryCheck, EmptyHistoryHasNoViolation) {
  EXPECT_THAT(FindViolations(History()), IsEmpty());
}

TEST_F(HistoryCheck, OrderOfWhatIsGivenDoesNotMatter) {
  std::reverse(history_.operations.begin(), history_.operations.end());
  std::reverse(history_.entries.begin(), history_.entries.end());

  EXPECT_THAT(FindViolations(history_), IsEmpty());
}

TEST_F(HistoryCheck, ReplayWithTheFirstAnswerIsFine) {
  Operation repeated = OperationOf(4);
  repeated.sent_at_nanos = 300;
  repeated.answered_at_nanos = 305;
  repeated.replayed = true;
  history_.operations.push_back(repeated);

  EXPECT_THAT(FindViolations(history_), IsEmpty());
}

TEST_F(HistoryCheck, ReplayWithAnotherAnswerIsFound) {
  Operation repeated = OperationOf(4);
  repeated.replayed = true;
  repeated.answer_fingerprint = 1;
  history_.operations.push_back(repeated);

  EXPECT_THAT(FindViolations(history_), Violates(Check::kOnce, "answered differently"));
}

TEST_F(HistoryCheck, RepeatedRequestThatIsTakenForANewOneIsFound) {
  history_.operations.push_back(OperationOf(4));

  EXPECT_THAT(FindViolations(history_), Violates(Check::kOnce, "2 times as if it were new"));
}

TEST_F(HistoryCheck, OneEntryForTwoRequestsIsFound) {
  Operation other = OperationOf(5);
  other.request_id = "other";
  history_.operations.push_back(other);

  EXPECT_THAT(FindViolations(history_), Violates(Check::kOnce, "both answered with entry 5"));
}

TEST_F(HistoryCheck, RequestWithTwoEntriesIsFound) {
  Entry twice = EntryOf(2);
  twice.entry_id = 7;
  twice.balance_after_micros = 70;
  history_.entries.push_back(twice);
  CloseBooks("bob");

  EXPECT_THAT(FindViolations(history_), Violates(Check::kOnce, "has two entries, 2 and 7"));
}

TEST_F(HistoryCheck, LowerPositionOfALaterRequestIsFound) {
  OperationOf(1).sent_at_nanos = 200;
  OperationOf(1).answered_at_nanos = 205;

  EXPECT_THAT(FindViolations(history_), Violates(Check::kOrder, "position 1 is not after 6"));
}

TEST_F(HistoryCheck, RequestsAtTheSameTimeMayTakeAnyPosition) {
  OperationOf(6).sent_at_nanos = 5;

  EXPECT_THAT(FindViolations(history_), IsEmpty());
}

TEST_F(HistoryCheck, PositionOfAnUnansweredRequestCountsToo) {
  OperationOf(2) = {.account_id = "bob", .request_id = "r2", .sent_at_nanos = 200};

  EXPECT_THAT(FindViolations(history_), Violates(Check::kOrder, "position 2 is not after 6"));
}

TEST_F(HistoryCheck, ReadOfWhatIsThereIsFine) {
  history_.reads = {{"alice", 36, 37, 3, 100, 40}, {"alice", 46, 60, 4, 70, 0}};

  EXPECT_THAT(FindViolations(history_), IsEmpty());
}

TEST_F(HistoryCheck, ReadThatIsOlderThanAnAnswerIsFound) {
  history_.reads = {{"alice", 46, 47, 3, 100, 40}};

  EXPECT_THAT(FindViolations(history_),
              Violates(Check::kOrder, "a read of account alice was sent"));
}

TEST_F(HistoryCheck, ReadThatIsOlderThanAReadBeforeItIsFound) {
  history_.reads = {{"alice", 41, 42, 4, 70, 0}, {"alice", 43, 44, 3, 100, 40}};

  EXPECT_THAT(FindViolations(history_), Violates(Check::kOrder, "position 3 is not after 4"));
}

TEST_F(HistoryCheck, ReadOfWhatHasNotBeenSentIsFound) {
  history_.reads = {{"alice", 36, 37, 4, 70, 0}};

  EXPECT_THAT(FindViolations(history_), Violates(Check::kOrder, "request r4 of account alice"));
}

TEST_F(HistoryCheck, ReadOfAnotherBalanceThanTheJournalHasIsFound) {
  history_.reads = {{"alice", 36, 37, 3, 99, 40}};

  EXPECT_THAT(FindViolations(history_), Violates(Check::kKept, "saw a balance of 99"));
}

TEST_F(HistoryCheck, BalanceThatDoesNotFollowIsFound) {
  EntryOf(6).balance_after_micros = 21;
  OperationOf(6).balance_after_micros = 21;

  EXPECT_THAT(FindViolations(history_), Violates(Check::kRunning, "moves a balance of 50 by -30"));
}

TEST_F(HistoryCheck, HeldThatDoesNotFollowIsFound) {
  EntryOf(6).held_after_micros = 1;
  OperationOf(6).held_after_micros = 1;

  EXPECT_THAT(FindViolations(history_), Violates(Check::kRunning, "moves what is held from 0"));
}

TEST_F(HistoryCheck, OverspendingIsFound) {
  Apply({.entry_id = 7, .account_id = "bob", .held_change_micros = 21});
  CloseBooks("bob");

  EXPECT_THAT(FindViolations(history_), Violates(Check::kRunning, "leaves -1 available"));
}

TEST_F(HistoryCheck, CreditLimitMayBeSpent) {
  Apply({.entry_id = 7, .account_id = "bob", .held_change_micros = 21});
  CloseBooks("bob");
  history_.accounts["bob"].credit_limit_micros = 1;

  EXPECT_THAT(FindViolations(history_), IsEmpty());
}

TEST_F(HistoryCheck, OverrunMayGoBelowZeroAndMoneyMayComeInAfterIt) {
  Apply({.entry_id = 7, .account_id = "bob", .amount_micros = -30, .overrun = true});
  Apply({.entry_id = 8, .account_id = "bob", .amount_micros = 5});
  CloseBooks("bob");

  EXPECT_THAT(FindViolations(history_), IsEmpty());
}

TEST_F(HistoryCheck, LostAcknowledgedRequestIsFound) {
  history_.entries.pop_back();
  CloseBooks("bob");

  EXPECT_THAT(FindViolations(history_), Violates(Check::kKept, "acknowledged, but has no entry"));
}

TEST_F(HistoryCheck, AcknowledgedRequestWithOtherFiguresIsFound) {
  OperationOf(6).amount_micros = -29;

  EXPECT_THAT(FindViolations(history_), Violates(Check::kKept, "answered with other figures"));
}

TEST_F(HistoryCheck, AcknowledgedRequestWithOtherAvailableIsFound) {
  OperationOf(3).available_after_micros = 61;

  EXPECT_THAT(FindViolations(history_), Violates(Check::kKept, "answered with other figures"));
}

TEST_F(HistoryCheck, RefusedRequestThatWasDoneIsFound) {
  OperationOf(6).outcome = Outcome::kRefused;

  EXPECT_THAT(FindViolations(history_), Violates(Check::kKept, "was refused, but did entry 6"));
}

TEST_F(HistoryCheck, RefusalThatMovesMoneyIsFound) {
  Entry& decline = EntryOf(5);
  decline.held_change_micros = 1;
  decline.held_after_micros = 1;
  EntryOf(6).held_after_micros = 1;
  OperationOf(6).held_after_micros = 1;
  CloseBooks("bob");

  EXPECT_THAT(FindViolations(history_), Violates(Check::kKept, "is a refusal and moves money"));
}

TEST_F(HistoryCheck, UnansweredRequestMayHaveBeenDoneOrNot) {
  OperationOf(6).outcome = Outcome::kUnanswered;
  history_.operations.push_back({.account_id = "bob", .request_id = "lost", .sent_at_nanos = 300});

  EXPECT_THAT(FindViolations(history_), IsEmpty());
}

TEST_F(HistoryCheck, EntryThatNobodyAskedForIsFound) {
  history_.operations.pop_back();

  EXPECT_THAT(FindViolations(history_), Violates(Check::kKept, "which nobody has sent"));
}

TEST_F(HistoryCheck, EarlierEntryThatIsGoneIsFound) {
  history_.earlier_entries.push_back({.entry_id = 7, .account_id = "bob"});

  EXPECT_THAT(FindViolations(history_), Violates(Check::kKept, "was there and is gone"));
}

TEST_F(HistoryCheck, EarlierEntryThatWasChangedIsFound) {
  history_.earlier_entries = history_.entries;
  history_.earlier_entries[2].overrun = true;

  EXPECT_THAT(FindViolations(history_), Violates(Check::kKept, "is not what it was"));
}

TEST_F(HistoryCheck, EntriesFromBeforeTheHistoryAreLeftAlone) {
  history_.accounts["bob"].start_entry_id = 5;
  history_.accounts["bob"].start_balance_micros = 50;
  history_.operations = {OperationOf(1), OperationOf(3), OperationOf(4), OperationOf(6)};
  history_.reads = {{"bob", 56, 57, 5, 50, 0}};

  EXPECT_THAT(FindViolations(history_), IsEmpty());
}

TEST_F(HistoryCheck, BalanceThatIsNotTheSumOfItsEntriesIsFound) {
  history_.accounts["alice"].end_balance_micros = 71;

  EXPECT_THAT(FindViolations(history_), Violates(Check::kSums, "its entries sum up to 70"));
}

TEST_F(HistoryCheck, HeldThatIsNotTheSumOfItsEntriesIsFound) {
  history_.accounts["alice"].end_held_micros = 1;

  EXPECT_THAT(FindViolations(history_), Violates(Check::kSums, "has 1 held"));
}

TEST_F(HistoryCheck, CaptureWithItsCreditIsFine) {
  Apply({.entry_id = 7, .account_id = "bob", .amount_micros = 10, .recharge = true});
  CloseBooks("bob");
  history_.captures = {{"r7", 10}};

  EXPECT_THAT(FindViolations(history_), IsEmpty());
}

TEST_F(HistoryCheck, CaptureWithoutCreditIsFound) {
  history_.captures = {{"r7", 10}};

  EXPECT_THAT(FindViolations(history_), Violates(Check::kSums, "never credited"));
}

TEST_F(HistoryCheck, CreditWithoutCaptureIsFound) {
  Apply({.entry_id = 7, .account_id = "bob", .amount_micros = 10, .recharge = true});
  CloseBooks("bob");

  EXPECT_THAT(FindViolations(history_), Violates(Check::kSums, "never captured"));
}

TEST_F(HistoryCheck, CaptureOfAnotherAmountIsFound) {
  Apply({.entry_id = 7, .account_id = "bob", .amount_micros = 10, .recharge = true});
  CloseBooks("bob");
  history_.captures = {{"r7", 11}};

  EXPECT_THAT(FindViolations(history_), Violates(Check::kSums, "captured with 11"));
}

TEST_F(HistoryCheck, TellsNoMoreThanItsLimit) {
  for (Entry& entry : history_.entries) entry.balance_after_micros += 1;
  for (int64_t id = 7; id < 300; ++id) history_.earlier_entries.push_back({.entry_id = id});

  EXPECT_EQ(FindViolations(history_).size(), kViolationsMax);
}

}  // namespace
}  // namespace farebox::history
