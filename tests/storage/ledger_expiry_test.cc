// Holds whose end nobody reports, and ends that are reported late.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "storage/limits.h"
#include "tests/storage/ledger_fixture.h"

namespace farebox {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::Duration kTick = absl::Microseconds(1);

TEST_P(LedgerContract, HoldExpiresExactlyAtItsTime) {
  OpenAccount("alice", Cents(200));
  OpenHold("alice", Cents(200), absl::Seconds(60));

  clock_.Advance(absl::Seconds(60) - kTick);
  Expire();
  ExpectBooks("alice", Cents(200), Cents(200));

  clock_.Advance(kTick);
  Expire();
  ExpectBooks("alice", Cents(200));
  EXPECT_EQ(Facts("alice").state.open_holds, 0);
  const Entry expired = JournalEntries().back();
  EXPECT_EQ(expired.kind, EntryKind::kHoldExpired);
  EXPECT_EQ(expired.amount, Micros());
  EXPECT_EQ(expired.request_id, "");
  EXPECT_EQ(expired.time, clock_.Now());
}

TEST_P(LedgerContract, MoneyOfAnExpiredHoldIsThereForTheNextCommand) {
  OpenAccount("alice", Cents(200));
  OpenHold("alice", Cents(200), absl::Seconds(60));

  clock_.Advance(absl::Seconds(60));

  EXPECT_THAT(Apply(ToDebit("alice", Cents(200))), IsApplied());
}

TEST_P(LedgerContract, LateHangUpIsChargedAndMarked) {
  OpenAccount("alice", Cents(300));
  const EntryId hold = OpenHold("alice", Cents(200), absl::Seconds(60));
  clock_.Advance(absl::Seconds(60));
  Expire();
  ExpectBooks("alice", Cents(300));

  clock_.Advance(absl::Seconds(30));
  const Outcome late = Apply(ToSettle("alice", hold, Cents(150)));

  ASSERT_THAT(late, IsApplied());
  EXPECT_TRUE(late.entry.late());
  EXPECT_FALSE(late.entry.overrun());
  EXPECT_EQ(late.entry.held_change, Micros());
  ExpectBooks("alice", Cents(150));
  EXPECT_THAT(Apply(ToSettle("alice", hold, Cents(150))), IsRefused(Reason::kHoldEnded));
}

TEST_P(LedgerContract, LateHangUpThatTheBalanceNoLongerPaysIsAnOverrun) {
  OpenAccount("alice", Cents(200));
  const EntryId hold = OpenHold("alice", Cents(200), absl::Seconds(60));
  clock_.Advance(absl::Seconds(61));
  EXPECT_THAT(Apply(ToDebit("alice", Cents(120))), IsApplied());

  const Outcome late = Apply(ToSettle("alice", hold, Cents(150)));

  EXPECT_TRUE(late.entry.late());
  EXPECT_TRUE(late.entry.overrun());
  ExpectBooks("alice", Cents(-70));
}

TEST_P(LedgerContract, LateHangUpLongerThanItsGrantIsAnOverrun) {
  OpenAccount("alice", Cents(900));
  const EntryId hold = OpenHold("alice", Cents(200), absl::Seconds(60));
  clock_.Advance(absl::Seconds(61));

  EXPECT_TRUE(Apply(ToSettle("alice", hold, Cents(201))).entry.overrun());
}

TEST_P(LedgerContract, LateReleaseEndsTheHold) {
  OpenAccount("alice", Cents(200));
  const EntryId hold = OpenHold("alice", Cents(200), absl::Seconds(60));
  clock_.Advance(absl::Seconds(61));

  const Outcome released = Apply(ToRelease("alice", hold, Cents(3)));

  EXPECT_TRUE(released.entry.late());
  ExpectBooks("alice", Cents(197));
  EXPECT_THAT(Apply(ToSettle("alice", hold, Cents(1))), IsRefused(Reason::kHoldEnded));
}

TEST_P(LedgerContract, LateInterimChargesAndSettlementAddUpToOneCall) {
  OpenAccount("alice", Cents(500));
  const EntryId hold = OpenHold("alice", Cents(200), absl::Seconds(60));
  EXPECT_THAT(Apply(ToCharge("alice", hold, Cents(50))), IsApplied());
  clock_.Advance(absl::Seconds(61));
  Expire();
  ExpectBooks("alice", Cents(450));

  const Outcome interim = Apply(ToCharge("alice", hold, Cents(120)));
  EXPECT_TRUE(interim.entry.late());
  EXPECT_FALSE(interim.entry.overrun());
  EXPECT_EQ(interim.entry.amount, Cents(-70));
  const Outcome within = Apply(ToCharge("alice", hold, Cents(200)));
  EXPECT_FALSE(within.entry.overrun());
  const Outcome ended = Apply(ToSettle("alice", hold, Cents(210)));
  EXPECT_TRUE(ended.entry.overrun());

  ExpectBooks("alice", Cents(290));
  EXPECT_EQ(Facts("alice").state.open_holds, 0);
}

TEST_P(LedgerContract, ExpiredHoldIsNeitherListedNorExtended) {
  OpenAccount("alice", Cents(200));
  const EntryId hold = OpenHold("alice", Cents(100), absl::Seconds(60));
  const EntryId other = OpenHold("alice", Cents(10), absl::Seconds(600));
  clock_.Advance(absl::Seconds(60));
  Expire();

  const std::vector<Hold> listed = *ledger().ListHolds("alice", 1000, 10);
  ASSERT_THAT(listed, SizeIs(1));
  EXPECT_EQ(listed[0].id, other);
  EXPECT_THAT(Apply(ToExtend("alice", hold, Cents(150))), IsRefused(Reason::kHoldEnded));
}

TEST_P(LedgerContract, ExtensionMovesTheExpiry) {
  OpenAccount("alice", Cents(200));
  const EntryId hold = OpenHold("alice", Cents(100), absl::Seconds(60));
  clock_.Advance(absl::Seconds(50));
  const Outcome extended = Apply(ToExtend("alice", hold, Cents(150), absl::Seconds(60)));
  EXPECT_EQ(extended.entry.expire_time, Start() + absl::Seconds(110));

  clock_.Set(Start() + absl::Seconds(110) - kTick);
  Expire();
  ExpectBooks("alice", Cents(200), Cents(150));

  clock_.Advance(kTick);
  Expire();
  ExpectBooks("alice", Cents(200));
}

TEST_P(LedgerContract, ExtensionNeverShortensALife) {
  OpenAccount("alice", Cents(200));
  const EntryId hold = OpenHold("alice", Cents(100), absl::Seconds(60));

  const Outcome extended = Apply(ToExtend("alice", hold, Cents(150), absl::Seconds(10)));

  EXPECT_EQ(extended.entry.expire_time, Start() + absl::Seconds(60));
}

TEST_P(LedgerContract, LifetimeIsKeptWithinItsBounds) {
  OpenAccount("alice", Cents(200));
  struct Row {
    absl::Duration asked;
    absl::Duration given;
  };
  for (const Row& row :
       std::vector<Row>{{absl::ZeroDuration(), absl::Seconds(1)},
                        {-absl::Hours(1), absl::Seconds(1)},
                        {-absl::InfiniteDuration(), absl::Seconds(1)},
                        {absl::Milliseconds(1500), absl::Milliseconds(1500)},
                        {absl::Seconds(2) + absl::Nanoseconds(1700), absl::Seconds(2) + kTick},
                        {limits::kHoldLifetimeMax, limits::kHoldLifetimeMax},
                        {limits::kHoldLifetimeMax + kTick, limits::kHoldLifetimeMax},
                        {absl::InfiniteDuration(), limits::kHoldLifetimeMax}}) {
    const Outcome held = Apply(ToHold("alice", Cents(1), row.asked));
    EXPECT_EQ(held.entry.expire_time - held.entry.time, row.given) << row.asked;
  }
}

TEST_P(LedgerContract, HoldsExpireInTheOrderOfTheirTimes) {
  OpenAccount("alice", Cents(200));
  const EntryId long_one = OpenHold("alice", Cents(1), absl::Seconds(90));
  const EntryId short_one = OpenHold("alice", Cents(2), absl::Seconds(30));
  const EntryId middle_one = OpenHold("alice", Cents(3), absl::Seconds(60));

  clock_.Advance(absl::Seconds(90));
  Expire();

  const std::vector<Entry> entries = JournalEntries();
  std::vector<EntryId> ended;
  for (const Entry& entry : entries) {
    if (entry.kind == EntryKind::kHoldExpired) ended.push_back(entry.subject);
  }
  EXPECT_THAT(ended, ElementsAre(short_one, middle_one, long_one));
}

// More than one commit takes.
TEST_P(LedgerContract, HoldsThatAreAllDueHaveExpiredWhenThatIsAnswered) {
  constexpr auto count = static_cast<int>(limits::kBatchCommandsMax / 2 + 1);
  for (const char* const account : {"alice", "bob"}) {
    OpenAccount(account, Cents(count));
    std::vector<Command> holds;
    for (int i = 0; i < count; ++i) holds.push_back(ToHold(account, Cents(1)));
    EXPECT_THAT(ApplyTogether(std::move(holds)), Each(IsApplied()));
  }
  clock_.Advance(kHoldLifetime);

  Expire();

  ExpectBooks("alice", Cents(count));
  ExpectBooks("bob", Cents(count));
}

// An extended hold has a reminder of its former time too; a restart leaves only the newest.
TEST_P(LedgerContract, ExtendedHoldExpiresInTheOrderOfItsNewTime) {
  OpenAccount("alice", Cents(200));
  const EntryId extended = OpenHold("alice", Cents(1), absl::Seconds(30));
  EXPECT_THAT(Apply(ToExtend("alice", extended, Cents(1), absl::Seconds(90))), IsApplied());
  const EntryId other = OpenHold("alice", Cents(2), absl::Seconds(60));

  clock_.Advance(absl::Seconds(90));
  Expire();

  const std::vector<Entry> entries = JournalEntries();
  ASSERT_GE(entries.size(), 2);
  EXPECT_EQ(entries[entries.size() - 2].subject, other);
  EXPECT_EQ(entries[entries.size() - 1].subject, extended);
}

TEST_P(LedgerContract, SettledHoldDoesNotExpire) {
  OpenAccount("alice", Cents(200));
  EXPECT_THAT(Apply(ToSettle("alice", OpenHold("alice", Cents(100)), Cents(40))), IsApplied());

  clock_.Advance(2 * kHoldLifetime);
  Expire();

  ExpectBooks("alice", Cents(160));
  EXPECT_EQ(JournalEntries().back().kind, EntryKind::kHoldSettled);
}

TEST_P(LedgerContract, HoldThatWasDueWhileTheServerWasDownExpiresAtItsStart) {
  OpenAccount("alice", Cents(200));
  const EntryId hold = OpenHold("alice", Cents(100), absl::Seconds(60));
  Close();
  clock_.Advance(absl::Hours(1));

  Reopen();
  Expire();

  ExpectBooks("alice", Cents(200));
  EXPECT_TRUE(Apply(ToSettle("alice", hold, Cents(80))).entry.late());
}

TEST_P(LedgerContract, ExpiredHoldIsRememberedAcrossARestart) {
  OpenAccount("alice", Cents(200));
  const EntryId hold = OpenHold("alice", Cents(100), absl::Seconds(60));
  EXPECT_THAT(Apply(ToCharge("alice", hold, Cents(20))), IsApplied());
  clock_.Advance(absl::Seconds(61));
  Expire();
  for (int i = 0; i < 5; ++i) EXPECT_THAT(Apply(ToCredit("alice", Cents(1))), IsApplied());

  Reopen();

  EXPECT_EQ(Facts("alice").state.open_holds, 0);
  EXPECT_THAT(*ledger().ListHolds("alice", 1000, 10), IsEmpty());
  const Outcome late = Apply(ToSettle("alice", hold, Cents(90)));
  EXPECT_TRUE(late.entry.late());
  EXPECT_EQ(late.entry.amount, Cents(-70));
}

TEST_P(LedgerContract, HoldCanBeSettledUntilAWeekAfterItsExpiry) {
  OpenAccount("alice", Cents(200));
  const EntryId first = OpenHold("alice", Cents(50), absl::Seconds(60));
  const EntryId second = OpenHold("alice", Cents(50), absl::Seconds(60));
  clock_.Advance(absl::Seconds(60));
  Expire();

  clock_.Advance(limits::kLateSettlementMax - kTick);
  EXPECT_THAT(Apply(ToSettle("alice", first, Cents(50))), IsApplied());
  clock_.Advance(2 * kTick);
  EXPECT_THAT(Apply(ToSettle("alice", second, Cents(50))), IsRefused(Reason::kHoldEnded));
  EXPECT_THAT(Apply(ToCharge("alice", second, Cents(50))), IsRefused(Reason::kHoldEnded));
  EXPECT_THAT(Apply(ToRelease("alice", second)), IsRefused(Reason::kHoldEnded));

  ExpectBooks("alice", Cents(150));
}

// The hold expired late, since the server was down: its week begins when it should have expired.
TEST_P(LedgerContract, WeekOfALateHangUpCountsFromTheHoldsOwnTime) {
  OpenAccount("alice", Cents(200));
  const EntryId hold = OpenHold("alice", Cents(50), absl::Seconds(60));
  Close();
  clock_.Advance(absl::Seconds(60) + limits::kLateSettlementMax + kTick);

  Reopen();
  Expire();

  ExpectBooks("alice", Cents(200));
  EXPECT_THAT(Apply(ToSettle("alice", hold, Cents(50))), IsRefused(Reason::kHoldEnded));
}

TEST_P(LedgerContract, ForgottenHoldStaysForgottenAfterARestart) {
  OpenAccount("alice", Cents(200));
  const EntryId hold = OpenHold("alice", Cents(50), absl::Seconds(60));
  clock_.Advance(absl::Seconds(60));
  Expire();
  clock_.Advance(limits::kLateSettlementMax + kTick);
  Expire();
  EXPECT_THAT(Apply(ToSettle("alice", hold, Cents(50))), IsRefused(Reason::kHoldEnded));

  Reopen();

  EXPECT_THAT(Apply(ToSettle("alice", hold, Cents(50))), IsRefused(Reason::kHoldEnded));
  ExpectBooks("alice", Cents(200));
}

// Nobody has settled it: whoever looks for that would look in vain.
TEST_P(LedgerContract, ForgottenHoldIsNotSaidToBeSettled) {
  OpenAccount("alice", Cents(200));
  const EntryId hold = OpenHold("alice", Cents(50), absl::Seconds(60));
  clock_.Advance(absl::Seconds(60));
  Expire();
  clock_.Advance(limits::kLateSettlementMax + kTick);
  ASSERT_THAT(Apply(ToCredit("alice", Cents(1))), IsApplied());

  const Outcome outcome = Apply(ToSettle("alice", hold, Cents(50)));

  EXPECT_THAT(outcome, IsRefused(Reason::kHoldEnded));
  EXPECT_THAT(std::string(outcome.status.message()), HasSubstr("expired too long ago"));
}

TEST_P(LedgerContract, HoldCanBeSettledAtTheVeryEndOfItsWeek) {
  OpenAccount("alice", Cents(200));
  const EntryId hold = OpenHold("alice", Cents(50), absl::Seconds(60));
  clock_.Advance(absl::Seconds(60));
  Expire();
  clock_.Advance(limits::kLateSettlementMax);
  EXPECT_THAT(Apply(ToCredit("alice", Cents(1))), IsApplied());

  EXPECT_THAT(Apply(ToSettle("alice", hold, Cents(50))), IsApplied());
}

// Only what the journal's time has passed is over: a clock that ran ahead is set right again.
TEST_P(LedgerContract, HoldIsNotForgottenByAClockThatIsSetBack) {
  OpenAccount("alice", Cents(200));
  const EntryId hold = OpenHold("alice", Cents(50), absl::Seconds(60));
  clock_.Advance(absl::Seconds(60));
  Expire();
  clock_.Advance(limits::kLateSettlementMax + kTick);
  Expire();
  EXPECT_THAT(Apply(ToSettle("alice", hold, Cents(50))), IsRefused(Reason::kHoldEnded));

  clock_.Advance(-absl::Hours(1));

  EXPECT_THAT(Apply(ToSettle("alice", hold, Cents(50))), IsApplied());
}

TEST_P(LedgerContract, JournalTimeNeverRunsBackWhenTheClockDoes) {
  OpenAccount("alice", Cents(200));
  clock_.Advance(absl::Hours(2));
  EXPECT_THAT(Apply(ToDebit("alice", Cents(1))), IsApplied());

  clock_.Advance(-absl::Hours(1));
  const Outcome earlier = Apply(ToDebit("alice", Cents(1)));
  EXPECT_EQ(earlier.entry.time, Start() + absl::Hours(2));
  Reopen();
  const Outcome after_restart = Apply(ToDebit("alice", Cents(1)));
  EXPECT_EQ(after_restart.entry.time, Start() + absl::Hours(2));

  clock_.Advance(absl::Hours(3));
  EXPECT_EQ(Apply(ToDebit("alice", Cents(1))).entry.time, Start() + absl::Hours(4));
}

// Where the clock was a month ahead for one change, nothing would expire for a month.
TEST_P(LedgerContract, HoldsExpireWhileTheClockIsBehindTheJournal) {
  OpenAccount("alice", Cents(200));
  clock_.Advance(absl::Hours(24 * 30));
  EXPECT_THAT(Apply(ToDebit("alice", Cents(50))), IsApplied());
  clock_.Advance(-absl::Hours(24 * 30));
  Expire();
  OpenHold("alice", Cents(100), absl::Seconds(60));

  clock_.Advance(absl::Seconds(100));
  Expire();
  ExpectBooks("alice", Cents(150), Cents(100));
  clock_.Advance(absl::Seconds(20));
  Expire();
  ExpectBooks("alice", Cents(150));
}

// A leap that nothing was written under leaves no trace, however often the clock was looked at.
TEST_P(LedgerContract, AClockThatLeapsAndIsSetRightMovesNothing) {
  OpenAccount("alice", Cents(200));
  const EntryId hold = OpenHold("alice", Cents(50), absl::Seconds(60));
  clock_.Advance(absl::Seconds(60));
  Expire();
  clock_.Advance(absl::Hours(24 * 30));
  Expire();

  clock_.Advance(absl::Seconds(60) - absl::Hours(24 * 30));
  const Outcome late = Apply(ToSettle("alice", hold, Cents(50)));

  ASSERT_THAT(late, IsApplied());
  EXPECT_EQ(late.entry.time, Start() + absl::Minutes(2));
  ExpectBooks("alice", Cents(150));
}

TEST_P(LedgerContract, AClockThatIsBehindComesUpWithTheJournal) {
  OpenAccount("alice", Cents(200));
  clock_.Advance(absl::Hours(2));
  EXPECT_THAT(Apply(ToDebit("alice", Cents(1))), IsApplied());
  clock_.Advance(-absl::Hours(1));
  Expire();

  clock_.Advance(absl::Minutes(30));
  EXPECT_EQ(Apply(ToDebit("alice", Cents(1))).entry.time, Start() + absl::Minutes(135));
  Reopen();
  clock_.Advance(absl::Minutes(30));
  EXPECT_EQ(Apply(ToDebit("alice", Cents(1))).entry.time, Start() + absl::Minutes(150));
  clock_.Advance(absl::Minutes(60));
  EXPECT_EQ(Apply(ToDebit("alice", Cents(1))).entry.time, Start() + absl::Hours(3));
}

}  // namespace
}  // namespace farebox
