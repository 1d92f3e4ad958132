// Debits, credits and refunds: what fits, what does not, and that it is all or nothing.

#include <cstdint>
#include <vector>

#include "storage/limits.h"
#include "tests/storage/ledger_fixture.h"

namespace farebox {
namespace {

using ::testing::ElementsAre;

constexpr Micros kOneMicro{1};

INSTANTIATE_TEST_SUITE_P(Journals, LedgerContract, ::testing::ValuesIn(JournalKinds()), NameOfKind);

TEST_P(LedgerContract, DebitTakesItsAmountAndSaysWhatIsLeft) {
  OpenAccount("alice", Cents(800));

  const Outcome debit = Apply(ToDebit("alice", Cents(250)));

  ASSERT_THAT(debit, IsApplied());
  EXPECT_EQ(debit.entry.kind, EntryKind::kDebit);
  EXPECT_EQ(debit.entry.amount, Cents(-250));
  EXPECT_EQ(debit.entry.balance, Cents(550));
  EXPECT_EQ(debit.available(), Cents(550));
  ExpectBooks("alice", Cents(550));
  EXPECT_EQ(Facts("alice").state.last_entry, debit.entry.id);
}

TEST_P(LedgerContract, DebitOfAllThatIsAvailableFits) {
  OpenAccount("alice", Cents(10));

  EXPECT_THAT(Apply(ToDebit("alice", Cents(10))), IsApplied());

  ExpectBooks("alice", Micros());
}

TEST_P(LedgerContract, DebitOfOneMicroTooMuchIsDeclinedAndTakesNothing) {
  OpenAccount("alice", Cents(10));

  const Outcome debit = Apply(ToDebit("alice", Micros(Cents(10).value() + 1)));

  EXPECT_THAT(debit, IsDeclined(Reason::kInsufficientBalance));
  EXPECT_EQ(debit.entry.amount, Micros());
  EXPECT_EQ(debit.entry.balance, Cents(10));
  ExpectBooks("alice", Cents(10));
}

TEST_P(LedgerContract, MoneyThatHasLeftIsTakenBelowZeroOnce) {
  OpenAccount("alice", Cents(10));

  const Outcome taken = Apply(ToTakeBack("alice", Cents(25), "dispute"));
  const Outcome again = Apply(ToTakeBack("alice", Cents(25), "dispute"));

  ASSERT_THAT(taken, IsApplied());
  EXPECT_TRUE(taken.entry.overrun());
  EXPECT_TRUE(again.replayed);
  ExpectBooks("alice", Cents(-15));
}

TEST_P(LedgerContract, DebitDoesNotTakeWhatIsHeld) {
  OpenAccount("alice", Cents(10));
  OpenHold("alice", Cents(6));

  EXPECT_THAT(Apply(ToDebit("alice", Cents(5))), IsDeclined(Reason::kInsufficientBalance));
  EXPECT_THAT(Apply(ToDebit("alice", Cents(4))), IsApplied());

  ExpectBooks("alice", Cents(6), Cents(6));
}

TEST_P(LedgerContract, CreditLimitIsAvailableAndNoMore) {
  OpenAccount("alice", Cents(10), {.credit_limit = Cents(5)});

  EXPECT_THAT(Apply(ToDebit("alice", Micros(Cents(15).value() + 1))),
              IsDeclined(Reason::kInsufficientBalance));
  const Outcome debit = Apply(ToDebit("alice", Cents(15)));

  EXPECT_THAT(debit, IsApplied());
  EXPECT_EQ(debit.entry.credit_limit, Cents(5));
  ExpectBooks("alice", Cents(-5));
  EXPECT_THAT(Apply(ToDebit("alice", kOneMicro)), IsDeclined(Reason::kInsufficientBalance));
}

TEST_P(LedgerContract, WhatIsFreePassesAtZero) {
  OpenAccount("alice");

  EXPECT_THAT(Apply(ToDebit("alice", Micros())), IsApplied());
  EXPECT_THAT(Apply(ToDebit("alice", kOneMicro)), IsDeclined(Reason::kInsufficientBalance));
}

// Five segments on a balance for three: none of them is charged.
TEST_P(LedgerContract, TextOfFiveSegmentsOnMoneyForThreeIsRefusedWhole) {
  constexpr Micros kSegment = Cents(2);
  OpenAccount("alice", Times(3, kSegment));

  EXPECT_THAT(Apply(ToDebit("alice", Times(5, kSegment))),
              IsDeclined(Reason::kInsufficientBalance));

  ExpectBooks("alice", Times(3, kSegment));
}

TEST_P(LedgerContract, RefusalsOfThePricingAreRecorded) {
  OpenAccount("alice", Cents(10));
  Command debit = ToDebit("alice", Micros());
  debit.action = Debit{.item = 7, .charge = {.refusal = Reason::kNoRate, .detail = "to +99"}};

  const Outcome declined = Apply(debit);

  EXPECT_THAT(declined, IsDeclined(Reason::kNoRate));
  EXPECT_EQ(declined.entry.item, 7);
  EXPECT_EQ(declined.entry.detail, "to +99");
}

TEST_P(LedgerContract, CommandsOfOneSubmitSucceedAndFailByThemselves) {
  OpenAccount("alice", Cents(10));
  OpenAccount("bob", Cents(10));

  const std::vector<Outcome> outcomes = ApplyTogether(
      {ToDebit("alice", Cents(8)), ToDebit("alice", Cents(8)), ToDebit("carol", Cents(1)),
       ToDebit("bob", Cents(8)), ToCredit("alice", Cents(6)), ToDebit("alice", Cents(8))});

  EXPECT_THAT(outcomes, ElementsAre(IsApplied(), IsDeclined(Reason::kInsufficientBalance),
                                    IsRefused(Reason::kAccountNotFound), IsApplied(), IsApplied(),
                                    IsApplied()));
  ExpectBooks("alice", Micros());
  ExpectBooks("bob", Cents(2));
}

TEST_P(LedgerContract, CommandsOfOneSubmitAreOneCommit) {
  OpenAccount("alice", Cents(10));
  const int64_t before = faults_.append_count();

  ApplyTogether({ToDebit("alice", Cents(1)), ToDebit("alice", Cents(1)), ToOpen("bob"),
                 ToCredit("bob", Cents(1)), ToHold("bob", Cents(1))});

  EXPECT_EQ(faults_.append_count(), before + 1);
  ExpectBooks("bob", Cents(1), Cents(1));
}

TEST_P(LedgerContract, NothingRecordedMeansNothingAppended) {
  OpenAccount("alice", Cents(10));
  const int64_t before = faults_.append_count();

  EXPECT_THAT(Apply(ToDebit("bob", Cents(1))), IsRefused(Reason::kAccountNotFound));
  EXPECT_THAT(Apply(ToSettle("alice", 77, Cents(1))), IsRefused(Reason::kHoldNotFound));

  EXPECT_EQ(faults_.append_count(), before);
}

// ---- Exact money

TEST_P(LedgerContract, LargestAmountIsTakenAndOneMoreIsAnOverflow) {
  OpenAccount("alice", limits::kAmountMax);

  const Micros too_much(limits::kAmountMax.value() + 1);
  EXPECT_THAT(Apply(ToDebit("alice", too_much)), IsRefused(Reason::kAmountOverflow));
  EXPECT_THAT(Apply(ToCredit("alice", too_much)), IsRefused(Reason::kAmountOverflow));
  EXPECT_THAT(Apply(ToDebit("alice", limits::kAmountMax)), IsApplied());

  ExpectBooks("alice", Micros());
}

TEST_P(LedgerContract, ExtremesOf64BitsAreRefused) {
  OpenAccount("alice", Cents(1));

  for (const Micros amount : {Micros::Max(), Micros::Min(), Micros(-1)}) {
    EXPECT_FALSE(Apply(ToDebit("alice", amount)).status.ok()) << amount;
    EXPECT_FALSE(Apply(ToCredit("alice", amount)).status.ok()) << amount;
  }

  ExpectBooks("alice", Cents(1));
}

TEST_P(LedgerContract, CreditOfNothingIsInvalid) {
  OpenAccount("alice", Cents(1));

  EXPECT_THAT(Apply(ToCredit("alice", Micros())), IsRefused(Reason::kAmountInvalid));
  EXPECT_THAT(Apply(ToCredit("alice", Cents(-1))), IsRefused(Reason::kAmountInvalid));
}

TEST_P(LedgerContract, HoldBeyondTheLargestAmountIsAnOverflow) {
  OpenAccount("alice", limits::kAmountMax);
  EXPECT_THAT(Apply(ToCredit("alice", limits::kAmountMax)), IsApplied());

  EXPECT_THAT(Apply(ToHold("alice", Micros(limits::kAmountMax.value() + 1))),
              IsRefused(Reason::kAmountOverflow));

  ExpectBooks("alice", Times(2, limits::kAmountMax));
}

TEST_P(LedgerContract, BalanceEndsAtItsLargestValue) {
  OpenAccount("alice");
  constexpr int64_t kCredits = limits::kBalanceMax.value() / limits::kAmountMax.value();
  std::vector<Command> credits;
  for (int64_t i = 0; i < kCredits - 1; ++i) {
    credits.push_back(ToCredit("alice", limits::kAmountMax));
  }
  ApplyTogether(credits);
  EXPECT_THAT(Apply(ToCredit("alice", kOneMicro)), IsApplied());

  EXPECT_THAT(Apply(ToCredit("alice", limits::kAmountMax)), IsRefused(Reason::kAmountOverflow));
  const Micros room(limits::kBalanceMax.value() - Facts("alice").state.balance.value());
  EXPECT_THAT(Apply(ToCredit("alice", room)), IsApplied());
  EXPECT_THAT(Apply(ToCredit("alice", kOneMicro)), IsRefused(Reason::kAmountOverflow));

  ExpectBooks("alice", limits::kBalanceMax);
}

// ---- Refunds

TEST_P(LedgerContract, RefundsOfADebitNeverExceedIt) {
  OpenAccount("alice", Cents(10));
  const EntryId debit = Apply(ToDebit("alice", Cents(10))).entry.id;

  EXPECT_THAT(Apply(ToRefund("alice", debit, Cents(11))), IsRefused(Reason::kRefundExceedsDebit));
  const Outcome first = Apply(ToRefund("alice", debit, Cents(4)));
  EXPECT_THAT(first, IsApplied());
  EXPECT_EQ(first.entry.subject, debit);
  EXPECT_THAT(Apply(ToRefund("alice", debit, Cents(7))), IsRefused(Reason::kRefundExceedsDebit));
  EXPECT_THAT(Apply(ToRefund("alice", debit, Cents(6))), IsApplied());
  EXPECT_THAT(Apply(ToRefund("alice", debit, kOneMicro)), IsRefused(Reason::kRefundExceedsDebit));

  ExpectBooks("alice", Cents(10));
}

TEST_P(LedgerContract, RefundsOfOneCommitAreCountedTogether) {
  OpenAccount("alice", Cents(10));
  const EntryId debit = Apply(ToDebit("alice", Cents(10))).entry.id;
  EXPECT_THAT(Apply(ToRefund("alice", debit, Cents(2))), IsApplied());

  const std::vector<Outcome> refunds =
      ApplyTogether({ToRefund("alice", debit, Cents(5)), ToRefund("alice", debit, Cents(5)),
                     ToRefund("alice", debit, Cents(3))});

  EXPECT_THAT(refunds,
              ElementsAre(IsApplied(), IsRefused(Reason::kRefundExceedsDebit), IsApplied()));
}

TEST_P(LedgerContract, RefundsAreRememberedAcrossRestarts) {
  OpenAccount("alice", Cents(10));
  const EntryId debit = Apply(ToDebit("alice", Cents(10))).entry.id;
  EXPECT_THAT(Apply(ToRefund("alice", debit, Cents(9))), IsApplied());
  for (int i = 0; i < 5; ++i) EXPECT_THAT(Apply(ToCredit("alice", Cents(1))), IsApplied());

  Reopen();

  EXPECT_THAT(Apply(ToRefund("alice", debit, Cents(2))), IsRefused(Reason::kRefundExceedsDebit));
  EXPECT_THAT(Apply(ToRefund("alice", debit, Cents(1))), IsApplied());
}

TEST_P(LedgerContract, SettledCallCanBeRefunded) {
  OpenAccount("alice", Cents(10));
  const EntryId settled = Apply(ToSettle("alice", OpenHold("alice", Cents(5)), Cents(3))).entry.id;

  EXPECT_THAT(Apply(ToRefund("alice", settled, Cents(4))), IsRefused(Reason::kRefundExceedsDebit));
  EXPECT_THAT(Apply(ToRefund("alice", settled, Cents(3))), IsApplied());
}

TEST_P(LedgerContract, OnlyDebitsOfTheSameAccountAreRefunded) {
  OpenAccount("alice", Cents(10));
  OpenAccount("bob", Cents(10));
  const EntryId debit = Apply(ToDebit("alice", Cents(5))).entry.id;
  const EntryId credit = Apply(ToCredit("alice", Cents(5))).entry.id;
  const EntryId hold = OpenHold("alice", Cents(5));
  const EntryId decline = Apply(ToDebit("alice", Cents(5000))).entry.id;

  EXPECT_THAT(Apply(ToRefund("bob", debit, Cents(1))), IsRefused(Reason::kEntryNotFound));
  for (const EntryId entry : {credit, hold, decline, EntryId{9999}, EntryId{-1}}) {
    EXPECT_THAT(Apply(ToRefund("alice", entry, Cents(1))), IsRefused(Reason::kEntryNotFound))
        << entry;
  }
}

}  // namespace
}  // namespace farebox
