// Lives of holds, with the money that must come out of each.

#include <cstdint>
#include <vector>

#include "storage/limits.h"
#include "tests/storage/ledger_fixture.h"

namespace farebox {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kMinute = 60;

int64_t Granted(const Outcome& outcome) { return GrantedSeconds(outcome.entry.detail); }

TEST_P(LedgerContract, ThreeCallsShareOneBalance) {
  const CallPrice& price = kTwentyCentsAMinute;
  OpenAccount("alice", Cents(800));

  const Outcome first = Apply(ToCall("alice", price, 30 * kMinute));
  const Outcome second = Apply(ToCall("alice", price, 30 * kMinute));
  const Outcome third = Apply(ToCall("alice", price, 30 * kMinute));

  ASSERT_THAT(first, IsApplied());
  EXPECT_EQ(Granted(first), 30 * kMinute);
  EXPECT_EQ(first.entry.held_change, Cents(600));
  EXPECT_FALSE(first.entry.final());
  ASSERT_THAT(second, IsApplied());
  EXPECT_EQ(Granted(second), 10 * kMinute);
  EXPECT_EQ(second.entry.held_change, Cents(200));
  EXPECT_TRUE(second.entry.final());
  EXPECT_THAT(third, IsDeclined(Reason::kInsufficientBalance));

  const Outcome ended = Apply(ToHangUp("alice", first.entry.id, price, 12 * kMinute));
  EXPECT_THAT(ended, IsApplied());
  EXPECT_EQ(ended.entry.amount, Cents(-240));
  ExpectBooks("alice", Cents(560), Cents(200));

  const Outcome fourth = Apply(ToCall("alice", price, 30 * kMinute));
  ASSERT_THAT(fourth, IsApplied());
  EXPECT_EQ(Granted(fourth), 18 * kMinute);
  EXPECT_EQ(fourth.entry.held_change, Cents(360));
}

TEST_P(LedgerContract, CallWhoseFirstBlockIsNotAffordableIsDeniedAndHoldsNothing) {
  OpenAccount("alice", Cents(1));

  EXPECT_THAT(Apply(ToCall("alice", {.nanos_per_minute = 40'000'000}, 60)),
              IsDeclined(Reason::kInsufficientBalance));

  ExpectBooks("alice", Cents(1));
}

TEST_P(LedgerContract, HoldThatFitsExactlyIsGrantedAndOneMicroLessIsNot) {
  constexpr Micros kPackage = Cents(500);
  OpenAccount("alice", kPackage);
  OpenAccount("bob", Micros(kPackage.value() - 1));

  const Outcome granted = Apply(ToHold("alice", kPackage));
  EXPECT_THAT(granted, IsApplied());
  EXPECT_EQ(granted.available(), Micros());
  EXPECT_THAT(Apply(ToHold("bob", kPackage)), IsDeclined(Reason::kInsufficientBalance));

  ExpectBooks("alice", kPackage, kPackage);
  ExpectBooks("bob", Micros(kPackage.value() - 1));
}

TEST_P(LedgerContract, FreeCallPassesAtZeroAndAPricedOneDoesNot) {
  OpenAccount("alice");

  const Outcome free = Apply(ToCall("alice", {.nanos_per_minute = 0}, 30 * kMinute));

  EXPECT_THAT(free, IsApplied());
  EXPECT_EQ(Granted(free), 30 * kMinute);
  EXPECT_THAT(Apply(ToCall("alice", kTwentyCentsAMinute, 60)),
              IsDeclined(Reason::kInsufficientBalance));
  EXPECT_THAT(Apply(ToSettle("alice", free.entry.id, Micros())), IsApplied());
}

// Whatever the pricing function says, the ledger never holds what is not there.
TEST_P(LedgerContract, OfferBeyondWhatIsAvailableIsDeclined) {
  OpenAccount("alice", Cents(5));
  const auto too_much = [](Micros) { return HoldOffer{.amount = Cents(6)}; };
  Command place = ToHold("alice", Cents(6));
  place.action = PlaceHold{.item = 1, .size = too_much};

  EXPECT_THAT(Apply(place), IsDeclined(Reason::kInsufficientBalance));

  const EntryId hold = OpenHold("alice", Cents(4));
  Command extend = ToExtend("alice", hold, Cents(6));
  extend.action = ExtendHold{
      .hold = hold, .resize = [](Micros, const Hold&) { return HoldOffer{.amount = Cents(6)}; }};
  EXPECT_THAT(Apply(extend), IsDeclined(Reason::kInsufficientBalance));
  ExpectBooks("alice", Cents(5), Cents(4));
}

TEST_P(LedgerContract, UnansweredCallCostsNothingButItsAttemptFee) {
  CallPrice price = kTwentyCentsAMinute;
  OpenAccount("alice", Cents(100));

  const Outcome released =
      Apply(ToGiveUp("alice", Apply(ToCall("alice", price, 60)).entry.id, price));
  EXPECT_THAT(released, IsApplied());
  EXPECT_EQ(released.entry.kind, EntryKind::kHoldReleased);
  ExpectBooks("alice", Cents(100));

  price.attempt_fee = Cents(3);
  EXPECT_THAT(Apply(ToGiveUp("alice", Apply(ToCall("alice", price, 60)).entry.id, price)),
              IsApplied());
  ExpectBooks("alice", Cents(97));
}

TEST_P(LedgerContract, CallThatRanOverIsChargedAndSaysSo) {
  constexpr CallPrice kACentASecond{.nanos_per_minute = 600'000'000, .block_seconds = 1};
  OpenAccount("alice", Cents(60));
  const Outcome call = Apply(ToCall("alice", kACentASecond, 60));

  const Outcome ended = Apply(ToHangUp("alice", call.entry.id, kACentASecond, 75));

  EXPECT_THAT(ended, IsApplied());
  EXPECT_TRUE(ended.entry.overrun());
  EXPECT_EQ(ended.entry.amount, Cents(-75));
  ExpectBooks("alice", Cents(-15));
  EXPECT_THAT(Apply(ToCall("alice", kACentASecond, 60)), IsDeclined(Reason::kInsufficientBalance));
}

TEST_P(LedgerContract, CallWithinItsGrantIsNoOverrun) {
  OpenAccount("alice", Cents(60));

  const Outcome ended = Apply(ToSettle("alice", OpenHold("alice", Cents(60)), Cents(60)));

  EXPECT_FALSE(ended.entry.overrun());
  EXPECT_FALSE(ended.entry.late());
  EXPECT_EQ(ended.entry.held_change, Cents(-60));
  ExpectBooks("alice", Micros());
}

TEST_P(LedgerContract, SettlementSaidTwiceIsOneEntry) {
  OpenAccount("alice", Cents(60));
  const EntryId hold = OpenHold("alice", Cents(60));

  const Outcome first = Apply(ToSettle("alice", hold, Cents(20), "hang-up"));

  EXPECT_THAT(Apply(ToSettle("alice", hold, Cents(20), "hang-up")), IsReplayOf(first));
  EXPECT_THAT(Apply(ToSettle("alice", hold, Cents(21), "hang-up")),
              IsRefused(Reason::kRequestIdReused));
  EXPECT_THAT(Apply(ToSettle("alice", hold, Cents(20), "another")), IsRefused(Reason::kHoldEnded));
  ExpectBooks("alice", Cents(40));
}

TEST_P(LedgerContract, ExtendedCallIsChargedAsOneCall) {
  // 1.001 cents to connect, then a third of a cent a second: roundings would show.
  constexpr CallPrice kOddPrice{
      .connect_fee = Micros(10'010), .nanos_per_minute = 200'000'001, .block_seconds = 1};
  OpenAccount("alice", Cents(500));
  const Outcome call = Apply(ToCall("alice", kOddPrice, 60));
  EXPECT_EQ(Granted(call), 60);

  clock_.Advance(absl::Seconds(50));
  const Outcome more = Apply(ToReauthorize("alice", call.entry.id, kOddPrice, 60));
  EXPECT_THAT(more, IsApplied());
  EXPECT_EQ(Granted(more), 120);
  EXPECT_EQ(Facts("alice").state.held, PriceOf(kOddPrice, 120));
  const Outcome ended = Apply(ToHangUp("alice", call.entry.id, kOddPrice, 95));

  EXPECT_EQ(ended.entry.amount, Times(-1, PriceOf(kOddPrice, 95)));
  EXPECT_FALSE(ended.entry.overrun());
  ExpectBooks("alice", Micros(Cents(500).value() - PriceOf(kOddPrice, 95).value()));
}

TEST_P(LedgerContract, InterimChargesAddUpToThePriceOfOneCall) {
  constexpr CallPrice kOddPrice{
      .connect_fee = Micros(10'010), .nanos_per_minute = 333'333'333, .block_seconds = 1};
  OpenAccount("alice", Cents(500));
  const EntryId hold = Apply(ToCall("alice", kOddPrice, 100)).entry.id;

  for (int64_t used = 7; used < 95; used += 11) {
    const Outcome charged = Apply(ToReportUse("alice", hold, kOddPrice, used));
    ASSERT_THAT(charged, IsApplied());
    EXPECT_EQ(charged.entry.kind, EntryKind::kHoldCharged);
    EXPECT_FALSE(charged.entry.overrun());
    const Micros price = PriceOf(kOddPrice, used);
    ExpectBooks("alice", Micros(Cents(500).value() - price.value()),
                Micros(PriceOf(kOddPrice, 100).value() - price.value()));
  }
  EXPECT_THAT(Apply(ToHangUp("alice", hold, kOddPrice, 95)), IsApplied());

  ExpectBooks("alice", Micros(Cents(500).value() - PriceOf(kOddPrice, 95).value()));
}

TEST_P(LedgerContract, InterimChargeBelowWhatWasChargedTakesNothing) {
  OpenAccount("alice", Cents(100));
  const EntryId hold = OpenHold("alice", Cents(50));
  EXPECT_THAT(Apply(ToCharge("alice", hold, Cents(30))), IsApplied());

  EXPECT_EQ(Apply(ToCharge("alice", hold, Cents(20))).entry.amount, Micros());
  EXPECT_EQ(Apply(ToSettle("alice", hold, Cents(10))).entry.amount, Micros());

  ExpectBooks("alice", Cents(70));
}

TEST_P(LedgerContract, InterimChargeBeyondTheHoldIsAnOverrun) {
  OpenAccount("alice", Cents(50));
  const EntryId hold = OpenHold("alice", Cents(50));

  const Outcome charged = Apply(ToCharge("alice", hold, Cents(60)));
  EXPECT_TRUE(charged.entry.overrun());
  ExpectBooks("alice", Cents(-10));

  EXPECT_THAT(Apply(ToExtend("alice", hold, Cents(70))), IsDeclined(Reason::kInsufficientBalance));
  const Outcome ended = Apply(ToSettle("alice", hold, Cents(61)));
  EXPECT_TRUE(ended.entry.overrun());
  EXPECT_EQ(ended.entry.amount, Cents(-1));
  ExpectBooks("alice", Cents(-11));
}

TEST_P(LedgerContract, ExtensionCountsWhatIsHeldAndChargedAlready) {
  OpenAccount("alice", Cents(100));
  const EntryId hold = OpenHold("alice", Cents(60));
  EXPECT_THAT(Apply(ToCharge("alice", hold, Cents(40))), IsApplied());
  ExpectBooks("alice", Cents(60), Cents(20));

  EXPECT_THAT(Apply(ToExtend("alice", hold, Cents(101))), IsDeclined(Reason::kInsufficientBalance));
  const Outcome extended = Apply(ToExtend("alice", hold, Cents(100)));

  EXPECT_EQ(extended.entry.held_change, Cents(40));
  ExpectBooks("alice", Cents(60), Cents(60));
  EXPECT_THAT(Apply(ToSettle("alice", hold, Cents(100))), IsApplied());
  ExpectBooks("alice", Micros());
}

TEST_P(LedgerContract, ExtensionToLessTakesNothingBack) {
  OpenAccount("alice", Cents(100));
  const EntryId hold = OpenHold("alice", Cents(60));

  EXPECT_EQ(Apply(ToExtend("alice", hold, Cents(10))).entry.held_change, Micros());

  ExpectBooks("alice", Cents(100), Cents(60));
}

TEST_P(LedgerContract, PriceBeyondTheLargestAmountLeavesTheHoldOpen) {
  OpenAccount("alice", Cents(100));
  const EntryId hold = OpenHold("alice", Cents(60));

  EXPECT_THAT(Apply(ToSettle("alice", hold, Micros(limits::kAmountMax.value() + 1))),
              IsRefused(Reason::kAmountOverflow));

  ExpectBooks("alice", Cents(100), Cents(60));
  EXPECT_THAT(Apply(ToSettle("alice", hold, Cents(60))), IsApplied());
}

TEST_P(LedgerContract, HoldCanBePlacedExtendedAndSettledInOneCommit) {
  OpenAccount("alice", Cents(100));
  const EntryId next = ledger().Stats().last_entry + 1;

  const std::vector<Outcome> outcomes =
      ApplyTogether({ToHold("alice", Cents(10)), ToExtend("alice", next, Cents(20)),
                     ToCharge("alice", next, Cents(5)), ToSettle("alice", next, Cents(15)),
                     ToSettle("alice", next, Cents(15)), ToRelease("alice", next)});

  EXPECT_THAT(outcomes, ElementsAre(IsApplied(), IsApplied(), IsApplied(), IsApplied(),
                                    IsRefused(Reason::kHoldEnded), IsRefused(Reason::kHoldEnded)));
  ExpectBooks("alice", Cents(85));
}

TEST_P(LedgerContract, EndedHoldIsToldFromOneThatNeverWas) {
  OpenAccount("alice", Cents(100));
  OpenAccount("bob", Cents(100));
  const EntryId released = OpenHold("alice", Cents(10));
  EXPECT_THAT(Apply(ToRelease("alice", released)), IsApplied());
  const EntryId open = OpenHold("alice", Cents(10));
  const EntryId debit = Apply(ToDebit("alice", Cents(1))).entry.id;
  const auto all_of = [](absl::string_view account, EntryId hold) {
    return std::vector<Command>{ToSettle(account, hold, Cents(1)),
                                ToCharge(account, hold, Cents(1)),
                                ToExtend(account, hold, Cents(1)), ToRelease(account, hold)};
  };

  for (const Outcome& outcome : ApplyTogether(all_of("alice", released))) {
    EXPECT_THAT(outcome, IsRefused(Reason::kHoldEnded));
  }
  for (const EntryId no_hold : {debit, EntryId{9999}, EntryId{0}, EntryId{-5}}) {
    for (const Outcome& outcome : ApplyTogether(all_of("alice", no_hold))) {
      EXPECT_THAT(outcome, IsRefused(Reason::kHoldNotFound)) << no_hold;
    }
  }
  for (const EntryId of_alice : {open, released}) {
    for (const Outcome& outcome : ApplyTogether(all_of("bob", of_alice))) {
      EXPECT_THAT(outcome, IsRefused(Reason::kHoldNotFound));
    }
  }
  ExpectBooks("alice", Cents(99), Cents(10));
  ExpectBooks("bob", Cents(100));
}

// The same, where the hold and the intruder are in one commit.
TEST_P(LedgerContract, HoldOfAnotherAccountIsNotFoundWithinOneCommit) {
  OpenAccount("alice", Cents(100));
  OpenAccount("bob", Cents(100));
  const EntryId next = ledger().Stats().last_entry + 1;

  EXPECT_THAT(ApplyTogether({ToHold("alice", Cents(10)), ToSettle("bob", next, Cents(10))}),
              ElementsAre(IsApplied(), IsRefused(Reason::kHoldNotFound)));

  ExpectBooks("bob", Cents(100));
}

TEST_P(LedgerContract, AccountHasAsManyHoldsAsItsTermsAllow) {
  OpenAccount("alice", Cents(100), {.open_holds_max = 2});
  const EntryId first = OpenHold("alice", Cents(1));
  OpenHold("alice", Cents(1));

  EXPECT_THAT(Apply(ToHold("alice", Cents(1))), IsDeclined(Reason::kTooManyHolds));
  EXPECT_THAT(Apply(ToRelease("alice", first)), IsApplied());
  EXPECT_THAT(Apply(ToHold("alice", Cents(1))), IsApplied());
  EXPECT_EQ(Facts("alice").state.open_holds, 2);
}

TEST_P(LedgerContract, OpenHoldsAreListedNewestFirstInPages) {
  OpenAccount("alice", Cents(100));
  OpenAccount("bob", Cents(100));
  std::vector<EntryId> holds;
  for (int i = 0; i < 5; ++i) holds.push_back(OpenHold("alice", Cents(1)));
  EXPECT_THAT(Apply(ToRelease("alice", holds[1])), IsApplied());
  const auto list = [&](EntryId before, size_t count_max) {
    std::vector<EntryId> ids;
    const std::vector<Hold> page = *ledger().ListHolds("alice", before, count_max);
    for (const Hold& hold : page) {
      ids.push_back(hold.id);
    }
    return ids;
  };

  EXPECT_THAT(list(Micros::Max().value(), 2), ElementsAre(holds[4], holds[3]));
  EXPECT_THAT(list(holds[3], 2), ElementsAre(holds[2], holds[0]));
  EXPECT_THAT(list(holds[0], 2), IsEmpty());
  EXPECT_THAT(list(Micros::Max().value(), 0), IsEmpty());
  EXPECT_THAT(*ledger().ListHolds("bob", 100, 10), IsEmpty());
  EXPECT_THAT(ledger().ListHolds("carol", 100, 10).status(), FailsWith(Reason::kAccountNotFound));
}

TEST_P(LedgerContract, HoldIsTheSameAfterARestart) {
  OpenAccount("alice", Cents(100));
  const EntryId hold = OpenHold("alice", Cents(50));
  EXPECT_THAT(Apply(ToCharge("alice", hold, Cents(20))), IsApplied());
  clock_.Advance(absl::Seconds(3));
  EXPECT_THAT(Apply(ToExtend("alice", hold, Cents(80))), IsApplied());
  const std::vector<Hold> before = *ledger().ListHolds("alice", 1000, 10);
  const AccountState state = Facts("alice").state;
  ASSERT_THAT(before, SizeIs(1));
  EXPECT_EQ(before[0].amount, Cents(60));
  EXPECT_EQ(before[0].charged, Cents(20));
  EXPECT_EQ(before[0].detail, "longer");
  EXPECT_EQ(before[0].start_time, Start());

  Reopen();

  EXPECT_EQ(*ledger().ListHolds("alice", 1000, 10), before);
  EXPECT_EQ(Facts("alice").state, state);
  EXPECT_THAT(Apply(ToSettle("alice", hold, Cents(75))), IsApplied());
  ExpectBooks("alice", Cents(25));
}

}  // namespace
}  // namespace farebox
