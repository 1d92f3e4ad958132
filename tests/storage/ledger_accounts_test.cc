// Accounts: their records, states and lists, and which of several reasons is told.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/limits.h"
#include "tests/storage/ledger_fixture.h"

namespace farebox {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr AccountTerms kSuspended{.status = AccountStatus::kSuspended};
constexpr AccountTerms kClosed{.status = AccountStatus::kClosed};

TEST_P(LedgerContract, OpenedAccountIsFoundByIdAndByNumber) {
  const AccountTerms terms = {
      .credit_limit = Cents(500), .low_balance_threshold = Cents(100), .open_holds_max = 3};

  const Outcome opened = Apply(ToOpen("alice", terms, "her settings"));
  EXPECT_THAT(Apply(ToOpen("bob")), IsApplied());

  EXPECT_EQ(opened.entry.kind, EntryKind::kAccountOpened);
  EXPECT_EQ(opened.available(), Cents(500));
  const AccountFacts facts = Facts("alice");
  EXPECT_EQ(facts.account_id, "alice");
  EXPECT_EQ(facts.state.terms, terms);
  EXPECT_EQ(*facts.settings, "her settings");
  EXPECT_EQ(ledger().FindAccount(facts.number)->account_id, "alice");
  EXPECT_EQ(Facts("bob").number, facts.number + 1);
  const absl::StatusOr<AccountRecord> record = DecodeAccountRecord(opened.entry.detail);
  ASSERT_THAT(record.status(), IsOk());
  EXPECT_EQ(record->account_id, "alice");
  EXPECT_EQ(record->terms, terms);
}

TEST_P(LedgerContract, UnknownAccountsAreNotFound) {
  OpenAccount("alice");

  EXPECT_THAT(ledger().FindAccount("ALICE").status(), FailsWith(Reason::kAccountNotFound));
  EXPECT_THAT(ledger().FindAccount("").status(), FailsWith(Reason::kAccountNotFound));
  for (const AccountNumber number : {-1, 0, 2}) {
    EXPECT_THAT(ledger().FindAccount(number).status(), FailsWith(Reason::kAccountNotFound));
  }
  EXPECT_THAT(Apply(ToDebit("Alice", Cents(1))), IsRefused(Reason::kAccountNotFound));
  EXPECT_THAT(Apply(ToChange("Alice", {})), IsRefused(Reason::kAccountNotFound));
}

TEST_P(LedgerContract, ChangeSeesTheRecordAsItIsAndIsKeptWhole) {
  const Outcome opened = Apply(ToOpen("alice", {.credit_limit = Cents(5)}, "one"));
  ASSERT_THAT(opened, IsApplied());
  clock_.Advance(absl::Hours(1));
  Command change = ToChange("alice", {});
  AccountRecord seen;
  change.action = ChangeAccount{.change = [&seen](AccountRecord* record) {
    seen = *record;
    record->terms.credit_limit = Cents(9);
    record->settings = "two";
    return absl::OkStatus();
  }};

  const Outcome changed = Apply(change);

  ASSERT_THAT(changed, IsApplied());
  EXPECT_EQ(seen.account_id, "alice");
  EXPECT_EQ(seen.terms.credit_limit, Cents(5));
  EXPECT_EQ(seen.settings, "one");
  EXPECT_EQ(changed.entry.credit_limit, Cents(9));
  EXPECT_EQ(*Facts("alice").settings, "two");
  EXPECT_EQ(changed.available(), Cents(9));
  EXPECT_EQ(*DecodeAccountRecord(changed.entry.detail),
            (AccountRecord{.account_id = "alice",
                           .terms = {.credit_limit = Cents(9)},
                           .open_time = opened.entry.time,
                           .settings = "two"}));
  EXPECT_EQ(Facts("alice").open_time, opened.entry.time);
}

TEST_P(LedgerContract, ChangesOfOneCommitSeeEachOther) {
  OpenAccount("alice");
  const auto append = [](AccountRecord* record) {
    record->settings += "x";
    return absl::OkStatus();
  };
  std::vector<Command> changes;
  for (int i = 0; i < 3; ++i) {
    changes.push_back(ToChange("alice", {}));
    changes.back().action = ChangeAccount{.change = append};
  }

  ApplyTogether(changes);

  EXPECT_EQ(*Facts("alice").settings, "xxx");
}

TEST_P(LedgerContract, ChangeThatFailsRecordsNothing) {
  const EntryId opened = OpenAccount("alice");
  Command change = ToChange("alice", {});
  change.action = ChangeAccount{
      .change = [](AccountRecord*) { return error::FieldInvalid("email", "is none"); }};

  EXPECT_THAT(Apply(change), IsRefused(Reason::kFieldInvalid));

  EXPECT_EQ(Facts("alice").state.last_entry, opened);
}

TEST_P(LedgerContract, TermsOutOfRangeAreRefused) {
  OpenAccount("alice");
  const Micros too_much(limits::kAmountMax.value() + 1);

  for (const AccountTerms& terms :
       {AccountTerms{.credit_limit = Cents(-1)}, AccountTerms{.credit_limit = too_much},
        AccountTerms{.low_balance_threshold = Cents(-1)}, AccountTerms{.open_holds_max = 0},
        AccountTerms{.open_holds_max = limits::kOpenHoldsMax + 1},
        AccountTerms{.status = static_cast<AccountStatus>(9)}}) {
    EXPECT_FALSE(Apply(ToOpen("bob", terms)).status.ok());
    EXPECT_FALSE(Apply(ToChange("alice", terms)).status.ok());
  }

  EXPECT_THAT(ledger().FindAccount("bob").status(), FailsWith(Reason::kAccountNotFound));
  EXPECT_EQ(Facts("alice").state.terms, AccountTerms());
}

TEST_P(LedgerContract, LowerCreditLimitBindsWhatComesNext) {
  OpenAccount("alice", Micros(), {.credit_limit = Cents(10)});
  EXPECT_THAT(Apply(ToDebit("alice", Cents(8))), IsApplied());

  EXPECT_THAT(Apply(ToChange("alice", {.credit_limit = Cents(5)})), IsApplied());

  EXPECT_EQ(Facts("alice").state.available(), Cents(-3));
  EXPECT_THAT(Apply(ToDebit("alice", Cents(1))), IsDeclined(Reason::kInsufficientBalance));
  EXPECT_THAT(Apply(ToDebit("alice", Micros())), IsApplied());
}

// ---- Suspended and closed

TEST_P(LedgerContract, SuspendedAccountTakesNothingNew) {
  OpenAccount("alice", Cents(100));
  const EntryId hold = OpenHold("alice", Cents(10));
  const EntryId other = OpenHold("alice", Cents(10));
  EXPECT_THAT(Apply(ToChange("alice", kSuspended)), IsApplied());

  EXPECT_THAT(Apply(ToDebit("alice", Cents(1))), IsDeclined(Reason::kAccountSuspended));
  EXPECT_THAT(Apply(ToHold("alice", Cents(1))), IsDeclined(Reason::kAccountSuspended));
  EXPECT_THAT(Apply(ToExtend("alice", hold, Cents(20))), IsDeclined(Reason::kAccountSuspended));
  EXPECT_THAT(Apply(ToCharge("alice", hold, Cents(2))), IsApplied());
  EXPECT_THAT(Apply(ToSettle("alice", hold, Cents(5))), IsApplied());
  EXPECT_THAT(Apply(ToRelease("alice", other)), IsApplied());
  EXPECT_THAT(Apply(ToCredit("alice", Cents(1))), IsApplied());

  ExpectBooks("alice", Cents(96));
  EXPECT_THAT(Apply(ToChange("alice", {})), IsApplied());
  EXPECT_THAT(Apply(ToDebit("alice", Cents(96))), IsApplied());
}

TEST_P(LedgerContract, HoldOfASuspendedAccountStillExpires) {
  OpenAccount("alice", Cents(100));
  OpenHold("alice", Cents(10), absl::Seconds(60));
  EXPECT_THAT(Apply(ToChange("alice", kSuspended)), IsApplied());

  clock_.Advance(absl::Seconds(60));
  Expire();

  ExpectBooks("alice", Cents(100));
}

TEST_P(LedgerContract, OnlyAnEmptyAccountIsClosed) {
  OpenAccount("alice", Cents(1));
  EXPECT_THAT(Apply(ToChange("alice", kClosed)), IsRefused(Reason::kAccountNotEmpty));
  const EntryId free_hold = OpenHold("alice", Micros());
  EXPECT_THAT(Apply(ToDebit("alice", Cents(1))), IsApplied());
  EXPECT_THAT(Apply(ToChange("alice", kClosed)), IsRefused(Reason::kAccountNotEmpty));
  EXPECT_THAT(Apply(ToRelease("alice", free_hold)), IsApplied());

  EXPECT_THAT(Apply(ToChange("alice", kClosed)), IsApplied());

  EXPECT_EQ(Facts("alice").state.terms.status, AccountStatus::kClosed);
}

TEST_P(LedgerContract, ClosedAccountIsClosedForGood) {
  OpenAccount("alice");
  EXPECT_THAT(Apply(ToChange("alice", kClosed)), IsApplied());

  for (const bool reopened : {false, true}) {
    if (reopened) Reopen();
    EXPECT_THAT(Apply(ToDebit("alice", Micros())), IsDeclined(Reason::kAccountClosed));
    EXPECT_THAT(Apply(ToHold("alice", Micros())), IsDeclined(Reason::kAccountClosed));
    EXPECT_THAT(Apply(ToCredit("alice", Cents(1))), IsDeclined(Reason::kAccountClosed));
    EXPECT_THAT(Apply(ToChange("alice", {})), IsRefused(Reason::kAccountClosed));
    EXPECT_THAT(Apply(ToOpen("alice")), IsRefused(Reason::kAccountExists));
  }
  ExpectBooks("alice", Micros());
}

// ---- Lists

TEST_P(LedgerContract, AccountsAreListedNewestFirstInPages) {
  for (int i = 1; i <= 5; ++i) OpenAccount(absl::StrCat("account-", i));
  const auto list = [&](AccountNumber before, size_t count_max) {
    std::vector<std::string> ids;
    for (const AccountFacts& account : ledger().ListAccounts(before, count_max)) {
      ids.push_back(account.account_id);
    }
    return ids;
  };

  EXPECT_THAT(list(Micros::Max().value(), 2), ElementsAre("account-5", "account-4"));
  EXPECT_THAT(list(4, 2), ElementsAre("account-3", "account-2"));
  EXPECT_THAT(list(2, 2), ElementsAre("account-1"));
  EXPECT_THAT(list(1, 2), IsEmpty());
  EXPECT_THAT(list(-7, 2), IsEmpty());
  EXPECT_THAT(list(3, 0), IsEmpty());
}

// ---- Precedence: field, request id, account, hold, state, money

TEST_P(LedgerContract, OfSeveralReasonsTheFirstInOrderIsTold) {
  OpenAccount("open", Cents(10), {.open_holds_max = 1});
  const EntryId hold = OpenHold("open", Cents(1));
  const EntryId debit = Apply(ToDebit("open", Cents(2), "used")).entry.id;
  const EntryId ended = OpenAccount("suspended", Cents(10));
  EXPECT_THAT(Apply(ToDebit("suspended", Cents(1), "used")), IsApplied());
  EXPECT_THAT(Apply(ToChange("suspended", kSuspended)), IsApplied());
  OpenAccount("closed");
  EXPECT_THAT(Apply(ToChange("closed", kClosed)), IsApplied());
  const std::string too_long(limits::kRequestIdBytesMax + 1, 'r');
  struct Row {
    const char* rule;
    Command command;
    Reason reason;
  };

  const std::vector<Row> rows = {
      {"field before account", ToDebit("nobody", Cents(1), too_long), Reason::kFieldInvalid},
      {"account before hold", ToSettle("nobody", hold, Cents(1)), Reason::kAccountNotFound},
      {"request id before state", ToDebit("suspended", Cents(5), "used"), Reason::kRequestIdReused},
      {"request id before money", ToDebit("open", Cents(5000), "used"), Reason::kRequestIdReused},
      {"request id before hold", ToSettle("open", 999, Cents(1), "used"), Reason::kRequestIdReused},
      {"request id before existence", ToOpen("open", {}, "", "used"), Reason::kRequestIdReused},
      {"hold before state", ToExtend("suspended", ended, Cents(1)), Reason::kHoldNotFound},
      {"state before money", ToDebit("suspended", Cents(5000)), Reason::kAccountSuspended},
      {"state before the number of holds", ToHold("suspended", Cents(1)),
       Reason::kAccountSuspended},
      {"the number of holds before money", ToHold("open", Cents(5000)), Reason::kTooManyHolds},
      {"field before state", ToCredit("closed", Micros()), Reason::kAmountInvalid},
      {"entry before money", ToRefund("open", hold, Cents(5000)), Reason::kEntryNotFound},
      {"money last", ToRefund("open", debit, Cents(3)), Reason::kRefundExceedsDebit},
  };
  for (const Row& row : rows) {
    const Outcome outcome = Apply(row.command);
    const Reason told = outcome.status.ok() ? outcome.entry.reason : GetReason(outcome.status);
    EXPECT_EQ(ReasonName(told), ReasonName(row.reason)) << row.rule;
  }
}

}  // namespace
}  // namespace farebox
