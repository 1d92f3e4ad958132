// The rules for one account, as tables.

#include "storage/account_state.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/account_fold.h"
#include "storage/limits.h"
#include "tests/storage/ledger_fixture.h"

namespace farebox {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
constexpr EntryId kHoldId = 3;
// More than any table below has.
constexpr Micros kPlenty = Cents(1000);

AccountState StateOf(Micros balance, Micros held = Micros(), const AccountTerms& terms = {}) {
  return {.terms = terms,
          .balance = balance,
          .held = held,
          .open_holds = held.is_zero() ? 0 : 1,
          .last_entry = 9};
}

Hold HoldOf(Micros amount, Micros charged = Micros(), bool expired = false) {
  return {.id = kHoldId,
          .item = 5,
          .amount = amount,
          .charged = charged,
          .start_time = kNow - absl::Seconds(30),
          .expire_time = expired ? kNow - absl::Seconds(1) : kNow + absl::Seconds(30),
          .expired = expired,
          .detail = "hold"};
}

// The reason a decision was refused for, recorded or not.
Reason ReasonOf(const absl::StatusOr<Entry>& decided) {
  if (!decided.ok()) return GetReason(decided.status());
  return decided->reason;
}

TEST(AccountStateTest, AvailableIsBalanceLessHeldPlusCreditLimit) {
  struct Row {
    Micros balance, held, credit_limit, available;
  };
  for (const Row& row :
       std::vector<Row>{{Cents(10), Cents(0), Cents(0), Cents(10)},
                        {Cents(10), Cents(4), Cents(0), Cents(6)},
                        {Cents(10), Cents(4), Cents(3), Cents(9)},
                        {Cents(-10), Cents(0), Cents(3), Cents(-7)},
                        {limits::kBalanceMax, Micros(), limits::kAmountMax,
                         Micros(limits::kBalanceMax.value() + limits::kAmountMax.value())}}) {
    EXPECT_EQ(StateOf(row.balance, row.held, {.credit_limit = row.credit_limit}).available(),
              row.available);
  }
}

TEST(DebitTest, TakesWhatFits) {
  struct Row {
    Micros balance, held, credit_limit, amount;
    Reason reason;
  };
  for (const Row& row : std::vector<Row>{
           {Cents(10), Cents(0), Cents(0), Cents(10), Reason::kNone},
           {Cents(10), Cents(0), Cents(0), Cents(11), Reason::kInsufficientBalance},
           {Cents(10), Cents(9), Cents(0), Cents(1), Reason::kNone},
           {Cents(10), Cents(9), Cents(0), Cents(2), Reason::kInsufficientBalance},
           {Cents(0), Cents(0), Cents(5), Cents(5), Reason::kNone},
           {Cents(0), Cents(0), Cents(5), Cents(6), Reason::kInsufficientBalance},
           {Cents(-1), Cents(0), Cents(0), Cents(0), Reason::kNone},
           {Cents(-1), Cents(0), Cents(0), Micros(1), Reason::kInsufficientBalance},
           {limits::kBalanceMax, Cents(0), Cents(0), limits::kAmountMax, Reason::kNone},
           {Cents(10), Cents(0), Cents(0), Micros(-1), Reason::kAmountOverflow},
           {limits::kBalanceMax, Cents(0), Cents(0), Micros(limits::kAmountMax.value() + 1),
            Reason::kAmountOverflow}}) {
    const AccountState state = StateOf(row.balance, row.held, {.credit_limit = row.credit_limit});

    const absl::StatusOr<Entry> debit =
        DecideDebit({"alice", state, kNow}, {.item = 1, .charge = {.amount = row.amount}});

    EXPECT_EQ(ReasonOf(debit), row.reason) << row.balance << " debited " << row.amount;
    if (!debit.ok()) continue;
    const bool taken = row.reason == Reason::kNone;
    EXPECT_EQ(debit->amount.value(), taken ? -row.amount.value() : 0);
    EXPECT_EQ(debit->balance.value(), row.balance.value() + debit->amount.value());
    EXPECT_EQ(debit->held, row.held);
  }
}

TEST(DebitTest, MoneyThatHasLeftIsTakenWhateverIsThereAndSaysSo) {
  struct Row {
    Micros balance, held, amount;
    AccountStatus status;
    uint8_t flags;
  };
  for (const Row& row :
       std::vector<Row>{{Cents(10), Cents(0), Cents(10), AccountStatus::kOpen, 0},
                        {Cents(10), Cents(0), Cents(11), AccountStatus::kOpen, kOverrun},
                        {Cents(10), Cents(9), Cents(2), AccountStatus::kOpen, kOverrun},
                        {Cents(-5), Cents(0), Cents(1), AccountStatus::kOpen, kOverrun},
                        {Cents(10), Cents(0), Cents(10), AccountStatus::kSuspended, 0},
                        {Cents(0), Cents(0), Cents(10), AccountStatus::kClosed, kOverrun}}) {
    const AccountState state = StateOf(row.balance, row.held, {.status = row.status});

    const absl::StatusOr<Entry> debit = DecideDebit(
        {"alice", state, kNow}, {.item = 1, .charge = {.amount = row.amount}, .has_left = true});

    ASSERT_THAT(debit.status(), IsOk());
    EXPECT_EQ(debit->kind, EntryKind::kDebit);
    EXPECT_EQ(debit->amount.value(), -row.amount.value());
    EXPECT_EQ(debit->balance.value(), row.balance.value() - row.amount.value());
    EXPECT_EQ(debit->flags, row.flags) << row.balance << " less " << row.amount;
    // And verification agrees.
    Entry entry = *debit;
    entry.id = 10;
    entry.previous = 9;
    EXPECT_THAT(CheckFollows(state, std::nullopt, entry), IsOk());
    entry.flags ^= kOverrun;
    EXPECT_THAT(CheckFollows(state, std::nullopt, entry), FailsWith(Reason::kJournalDamaged));
  }
}

TEST(DebitTest, StateComesBeforePrice) {
  const Debit unpriced = {.charge = {.refusal = Reason::kNoRate}};
  const AccountState suspended = StateOf(kPlenty, {}, {.status = AccountStatus::kSuspended});

  EXPECT_EQ(ReasonOf(DecideDebit({"alice", suspended, kNow}, unpriced)), Reason::kAccountSuspended);
  EXPECT_EQ(ReasonOf(DecideDebit({"alice", StateOf(kPlenty), kNow}, unpriced)), Reason::kNoRate);
}

TEST(CreditTest, GivesUpToTheLargestBalance) {
  const Micros largest = limits::kBalanceMax;
  struct Row {
    Micros balance, amount;
    std::optional<Micros> refundable;
    Reason reason;
  };
  for (const Row& row :
       std::vector<Row>{{Cents(-5), Cents(3), std::nullopt, Reason::kNone},
                        {Micros(largest.value() - 1), Micros(1), std::nullopt, Reason::kNone},
                        {largest, Micros(1), std::nullopt, Reason::kAmountOverflow},
                        {Cents(0), Cents(0), std::nullopt, Reason::kAmountInvalid},
                        {Cents(0), Cents(-1), std::nullopt, Reason::kAmountInvalid},
                        {Cents(0), Cents(3), Cents(3), Reason::kNone},
                        {Cents(0), Cents(3), Cents(2), Reason::kRefundExceedsDebit},
                        {Cents(0), Cents(3), Cents(0), Reason::kRefundExceedsDebit}}) {
    const AccountState state = StateOf(row.balance);

    const absl::StatusOr<Entry> credit =
        DecideCredit({"alice", state, kNow}, {.amount = row.amount, .refunds = 2}, row.refundable);

    EXPECT_EQ(ReasonOf(credit), row.reason) << row.balance << " credited " << row.amount;
  }
}

TEST(StatusTest, DecidesWhatIsTaken) {
  struct Row {
    AccountStatus status;
    Reason debit, hold, extension, credit, settlement, release;
  };
  constexpr Reason kTaken = Reason::kNone;
  for (const Row& row : std::vector<Row>{
           {AccountStatus::kOpen, kTaken, kTaken, kTaken, kTaken, kTaken, kTaken},
           {AccountStatus::kSuspended, Reason::kAccountSuspended, Reason::kAccountSuspended,
            Reason::kAccountSuspended, kTaken, kTaken, kTaken},
           {AccountStatus::kClosed, Reason::kAccountClosed, Reason::kAccountClosed,
            Reason::kAccountClosed, Reason::kAccountClosed, kTaken, kTaken}}) {
    const AccountState state = StateOf(kPlenty, Cents(1), {.status = row.status});
    const AccountView view = {"alice", state, kNow};
    const Hold hold = HoldOf(Cents(1));
    const auto offer = [](auto...) { return HoldOffer{.amount = Cents(2)}; };
    const auto price = [](const Hold&) { return Charge{.amount = Cents(1)}; };

    EXPECT_EQ(ReasonOf(DecideDebit(view, {.charge = {.amount = Cents(1)}})), row.debit);
    EXPECT_EQ(ReasonOf(DecidePlaceHold(view, {.size = offer})), row.hold);
    EXPECT_EQ(ReasonOf(DecideExtendHold(view, hold, {.resize = offer})), row.extension);
    EXPECT_EQ(ReasonOf(DecideCredit(view, {.amount = Cents(1)}, std::nullopt)), row.credit);
    EXPECT_EQ(ReasonOf(DecideSettleHold(view, hold, {.price = price})), row.settlement);
    EXPECT_EQ(ReasonOf(DecideReleaseHold(view, hold, {.price = price})), row.release);
  }
}

// One row: a hold, what is charged in all, and what comes of it.
struct SettlementRow {
  const char* name;
  Micros balance, held;  // of the account, the hold included
  Hold hold;
  bool final;
  Micros total;
  int64_t amount_cents, held_change_cents;
  uint8_t flags;
};

TEST(SettlementTest, ChargesWhatIsDueAndSaysWhatIsUnusual) {
  const std::vector<SettlementRow> rows = {
      {"less than held", Cents(50), Cents(20), HoldOf(Cents(20)), true, Cents(5), -5, -20, 0},
      {"all that is held", Cents(50), Cents(20), HoldOf(Cents(20)), true, Cents(20), -20, -20, 0},
      {"more than held", Cents(50), Cents(20), HoldOf(Cents(20)), true, Cents(21), -21, -20,
       kOverrun},
      {"nothing", Cents(50), Cents(20), HoldOf(Cents(20)), true, Cents(0), 0, -20, 0},
      {"less than charged", Cents(50), Cents(15), HoldOf(Cents(15), Cents(5)), true, Cents(3), 0,
       -15, 0},
      {"rest of what was charged", Cents(50), Cents(15), HoldOf(Cents(15), Cents(5)), true,
       Cents(20), -15, -15, 0},
      {"interim", Cents(50), Cents(20), HoldOf(Cents(20)), false, Cents(5), -5, -5, 0},
      {"interim of nothing", Cents(50), Cents(20), HoldOf(Cents(20)), false, Cents(0), 0, 0, 0},
      {"interim beyond", Cents(50), Cents(20), HoldOf(Cents(20)), false, Cents(30), -30, -20,
       kOverrun},
      {"late", Cents(50), Cents(0), HoldOf(Cents(20), {}, true), true, Cents(20), -20, 0, kLate},
      {"late and too long", Cents(50), Cents(0), HoldOf(Cents(20), {}, true), true, Cents(21), -21,
       0, kLate | kOverrun},
      {"late and not there", Cents(19), Cents(0), HoldOf(Cents(20), {}, true), true, Cents(20), -20,
       0, kLate | kOverrun},
      {"late, and free", Cents(-5), Cents(0), HoldOf(Cents(20), {}, true), true, Cents(0), 0, 0,
       kLate},
      {"late, of what others hold", Cents(50), Cents(40), HoldOf(Cents(20), {}, true), true,
       Cents(20), -20, 0, kLate | kOverrun},
      {"late interim", Cents(50), Cents(0), HoldOf(Cents(20), {}, true), false, Cents(7), -7, 0,
       kLate},
      {"within its hold though the account is below zero", Cents(-30), Cents(20), HoldOf(Cents(20)),
       true, Cents(20), -20, -20, 0},
  };
  for (const SettlementRow& row : rows) {
    SCOPED_TRACE(row.name);
    const AccountState state = StateOf(row.balance, row.held);
    const auto price = [&](const Hold&) { return Charge{.amount = row.total, .detail = "used"}; };

    const absl::StatusOr<Entry> settled = DecideSettleHold(
        {"alice", state, kNow}, row.hold, {.hold = kHoldId, .price = price, .final = row.final});

    ASSERT_THAT(settled.status(), IsOk());
    EXPECT_EQ(settled->kind, row.final ? EntryKind::kHoldSettled : EntryKind::kHoldCharged);
    EXPECT_EQ(settled->amount, Cents(row.amount_cents));
    EXPECT_EQ(settled->held_change, Cents(row.held_change_cents));
    EXPECT_EQ(settled->flags, row.flags);
    EXPECT_EQ(settled->subject, kHoldId);
    EXPECT_EQ(settled->item, row.hold.item);
    EXPECT_EQ(settled->detail, "used");
    // And verification agrees.
    Entry entry = *settled;
    entry.id = 10;
    entry.previous = 9;
    EXPECT_THAT(CheckFollows(state, row.hold, entry), IsOk());
    entry.flags ^= kOverrun;
    EXPECT_THAT(CheckFollows(state, row.hold, entry), FailsWith(Reason::kJournalDamaged));
  }
}

TEST(SettlementTest, PriceSeesTheHoldAsItIs) {
  const Hold hold = HoldOf(Cents(20), Cents(5));
  const AccountState state = StateOf(Cents(50), Cents(20));
  std::optional<Hold> seen;
  const auto price = [&](const Hold& current) {
    seen = current;
    return Charge{};
  };

  EXPECT_THAT(DecideSettleHold({"alice", state, kNow}, hold, {.price = price}).status(), IsOk());

  EXPECT_EQ(seen, hold);
}

TEST(SettlementTest, BalanceNeverLeavesItsRange) {
  const AccountState state = StateOf(Micros(-limits::kBalanceMax.value()), Cents(1));
  const auto price = [](const Hold&) { return Charge{.amount = Micros(1)}; };

  EXPECT_EQ(ReasonOf(DecideSettleHold({"alice", state, kNow}, HoldOf(Cents(1)), {.price = price})),
            Reason::kAmountOverflow);
}

TEST(ExtensionTest, SetsAsideWhatIsMissing) {
  struct Row {
    Micros available;
    Hold hold;
    Micros total;
    Micros growth;
    Reason reason;
  };
  for (const Row& row : std::vector<Row>{
           {Cents(10), HoldOf(Cents(5)), Cents(15), Cents(10), Reason::kNone},
           {Cents(10), HoldOf(Cents(5)), Cents(16), Cents(0), Reason::kInsufficientBalance},
           {Cents(10), HoldOf(Cents(5), Cents(2)), Cents(17), Cents(10), Reason::kNone},
           {Cents(10), HoldOf(Cents(5), Cents(2)), Cents(18), Cents(0),
            Reason::kInsufficientBalance},
           {Cents(-3), HoldOf(Cents(5)), Cents(5), Cents(0), Reason::kNone},
           {Cents(-3), HoldOf(Cents(5)), Cents(6), Cents(0), Reason::kInsufficientBalance},
           {Cents(10), HoldOf(Cents(5)), Cents(1), Cents(0), Reason::kNone},
           {Cents(10), HoldOf(Cents(5), {}, true), Cents(6), Cents(0), Reason::kHoldEnded},
           {Cents(10), HoldOf(Cents(5)), Micros(limits::kAmountMax.value() + 1), Cents(0),
            Reason::kAmountOverflow}}) {
    const Micros held = row.hold.expired ? Micros() : row.hold.amount;
    const AccountState state = StateOf(Micros(row.available.value() + held.value()), held);
    std::optional<Micros> budget;
    const auto resize = [&](Micros seen, const Hold&) {
      budget = seen;
      return HoldOffer{.amount = row.total, .lifetime = absl::Seconds(1)};
    };

    const absl::StatusOr<Entry> extended =
        DecideExtendHold({"alice", state, kNow}, row.hold, {.resize = resize});

    EXPECT_EQ(ReasonOf(extended), row.reason) << row.total;
    if (!extended.ok()) continue;
    EXPECT_EQ(extended->held_change, row.growth) << row.total;
    EXPECT_EQ(budget->value(),
              row.available.value() + row.hold.amount.value() + row.hold.charged.value());
  }
}

// ---- Folding

TEST(FoldTest, InterimChargesUseUpAnExpiredHoldsGrant) {
  std::optional<Hold> hold = HoldOf(Cents(20), {}, true);
  Entry charge = {.kind = EntryKind::kHoldCharged, .flags = kLate, .amount = Cents(-15)};

  FoldHold(charge, &hold);
  EXPECT_EQ(hold->amount, Cents(5));
  EXPECT_EQ(hold->charged, Cents(15));
  FoldHold(charge, &hold);
  EXPECT_EQ(hold->amount, Cents(0));
  EXPECT_EQ(hold->charged, Cents(30));
}

TEST(FoldTest, OnlyEndsOfOpenHoldsCount) {
  AccountState state = StateOf(Cents(10), Cents(5));
  Entry settled = {.id = 10, .kind = EntryKind::kHoldSettled, .balance = Cents(5)};

  FoldAccount(settled, &state);
  EXPECT_EQ(state.open_holds, 0);
  EXPECT_EQ(state.held, Micros());
  settled.flags = kLate;
  FoldAccount(settled, &state);
  EXPECT_EQ(state.open_holds, 0);
}

TEST(FoldTest, EntriesWithoutAHoldLeaveItAlone) {
  for (const EntryKind kind : {EntryKind::kAccountOpened, EntryKind::kAccountChanged,
                               EntryKind::kDebit, EntryKind::kCredit, EntryKind::kDecline}) {
    std::optional<Hold> hold = HoldOf(Cents(20));
    FoldHold({.kind = kind, .amount = Cents(-5)}, &hold);
    EXPECT_EQ(hold, HoldOf(Cents(20)));
  }
}

TEST(FoldTest, RefundsAddUpAsFarAsTheyFit) {
  const Entry refund = {.kind = EntryKind::kCredit, .amount = Cents(5), .subject = 2};
  ASSERT_TRUE(IsRefund(refund));
  EXPECT_FALSE(IsRefund({.kind = EntryKind::kCredit, .amount = Cents(5)}));
  EXPECT_FALSE(IsRefund({.kind = EntryKind::kHold, .subject = 2}));

  Micros refunded = Cents(1);
  EXPECT_THAT(FoldRefund(refund, &refunded), IsOk());
  EXPECT_EQ(refunded, Cents(6));

  refunded = Micros::Max();
  EXPECT_THAT(FoldRefund(refund, &refunded), FailsWith(Reason::kJournalDamaged));
}

}  // namespace
}  // namespace farebox
