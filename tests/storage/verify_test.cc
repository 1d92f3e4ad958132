// Whatever is wrong with a journal, verification names the first entry that is, even where whoever
// changed it computed the hashes anew.

#include "storage/verify.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "storage/hash_chain.h"
#include "tests/storage/ledger_fixture.h"
#include "tests/support/memory_journal.h"

namespace farebox {
namespace {

using ::testing::HasSubstr;

// The entries of the journal below, by their positions.
enum : EntryId {
  kOpening = 1,
  kCredit = 2,
  kDebit = 3,
  kFirstHold = 4,
  kExtension = 5,
  kInterim = 6,
  kSettlement = 7,
  kSecondHold = 8,
  kExpiry = 9,
  kLateSettlement = 10,
  kRefund = 11,
  kDecline = 12,
  kThirdHold = 13,
  kRelease = 14,
  kOtherOpening = 15,
  kChange = 16,
  kEntryCount = 16,
};

// A small journal that is right, made by a ledger; each test damages a copy.
class VerifyTest : public ::testing::Test {
 protected:
  VerifyTest() { WriteGoodJournal(); }

  void WriteGoodJournal() {
    ManualClock clock(absl::FromUnixSeconds(1'700'000'000));
    MemoryDisk disk;
    MemoryJournal journal(&disk);
    const auto ledger = *Ledger::Open({}, &journal, &clock);
    const auto apply = [&](Command command) {
      clock.Advance(absl::Milliseconds(1));
      EXPECT_THAT(ledger->Apply(std::move(command)).status, IsOk());
    };
    apply(ToOpen("alice", {.credit_limit = Cents(5)}));
    apply(ToCredit("alice", Cents(100)));
    apply(ToDebit("alice", Cents(30)));
    apply(ToHold("alice", Cents(10)));
    apply(ToExtend("alice", kFirstHold, Cents(20), 2 * kHoldLifetime));
    apply(ToCharge("alice", kFirstHold, Cents(5)));
    apply(ToSettle("alice", kFirstHold, Cents(15)));
    apply(ToHold("alice", Cents(10)));
    clock.Advance(kHoldLifetime);
    EXPECT_THAT(ledger->ExpireDue().status(), IsOk());
    apply(ToSettle("alice", kSecondHold, Cents(10)));
    apply(ToRefund("alice", kDebit, Cents(25)));
    apply(ToDebit("alice", Cents(5000)));
    apply(ToHold("alice", Cents(10)));
    apply(ToRelease("alice", kThirdHold, Cents(1)));
    // The last two in one batch.
    PendingAnswer answer;
    std::vector<Command> both = {ToOpen("bob"), ToChange("alice", {.credit_limit = Cents(9)})};
    ledger->Submit(std::move(both), answer.MakeDone());
    answer.Wait();

    entries_ = disk.entries();
    heads_ = disk.heads();
    ASSERT_EQ(entries_.size(), kEntryCount);
  }

  Entry& At(EntryId id) { return entries_[static_cast<size_t>(id - 1)]; }

  // As somebody would who wants to hide a change.
  void Rehash() {
    Hash256 previous{};
    for (BatchHead& head : heads_) {
      BatchHasher hasher(previous, head);
      for (const Entry& entry : entries_) {
        if (entry.id >= head.first && entry.id <= head.last) hasher.Add(entry);
      }
      head.hash = hasher.Finish();
      previous = head.hash;
    }
  }

  VerifyReport Verify(VerifyOptions options = {}) const {
    MemoryDisk disk;
    disk.Write(heads_[0], entries_);
    for (const BatchHead& head : heads_) disk.ReplaceHead(head);
    MemoryJournal journal(&disk);
    return *VerifyJournal(journal.NewReader()->get(), options);
  }

  std::vector<Entry> entries_;
  std::vector<BatchHead> heads_;
};

TEST_F(VerifyTest, GoodJournalIsFoundGood) {
  const VerifyReport report = Verify();

  EXPECT_TRUE(report.ok()) << report.problem;
  EXPECT_EQ(report.entries, kEntryCount);
  EXPECT_EQ(report.batches, static_cast<int64_t>(heads_.size()));
  EXPECT_EQ(report.accounts, 2);
  EXPECT_EQ(report.balance_sum_micros, Cents(100 - 30 - 15 - 10 + 25 - 1).value());
  EXPECT_EQ(report.held_sum_micros, 0);
  EXPECT_EQ(report.head, heads_.back());
}

TEST_F(VerifyTest, EmptyJournalIsGood) {
  MemoryDisk disk;
  MemoryJournal journal(&disk);

  const VerifyReport report = *VerifyJournal(journal.NewReader()->get());

  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.entries, 0);
}

struct Damage {
  const char* name;
  EntryId entry;
  std::function<void(Entry* entry)> change;
  // A part of what is said about it.
  const char* problem;
};

// Takes or gives `micros` without its telling: the balance follows.
void Shift(Entry* entry, int64_t micros) {
  entry->amount = Micros(entry->amount.value() + micros);
  entry->balance = Micros(entry->balance.value() + micros);
}

// The same for what is held.
void ShiftHeld(Entry* entry, int64_t micros) {
  entry->held_change = Micros(entry->held_change.value() + micros);
  entry->held = Micros(entry->held.value() + micros);
}

// Of any entry, and of what it moves.
std::vector<Damage> EntryDamages() {
  return {
      {"balance", kDebit, [](Entry* e) { e->balance = Cents(71); }, "balance does not follow"},
      {"amount", kCredit, [](Entry* e) { e->amount = Cents(101); }, "balance does not follow"},
      {"held", kFirstHold, [](Entry* e) { e->held = Cents(11); }, "held does not follow"},
      {"overflowing amount", kCredit, [](Entry* e) { e->amount = Micros::Max(); },
       "balance does not follow"},
      {"limit", kDebit, [](Entry* e) { e->credit_limit = Cents(6); }, "limit is not the account's"},
      {"limit of a record", kChange, [](Entry* e) { e->credit_limit = Cents(8); },
       "limit is not its record's"},
      {"record", kOpening, [](Entry* e) { e->detail = "?"; }, "record"},
      {"link", kDebit, [](Entry* e) { e->previous = 1; }, "link"},
      {"link to nothing", kDebit, [](Entry* e) { e->previous = 0; }, "link"},
      {"account", kDebit, [](Entry* e) { e->account = 2; }, "account does not exist"},
      {"account zero", kDebit, [](Entry* e) { e->account = 0; }, "account does not exist"},
      {"opened twice", kCredit, [](Entry* e) { e->kind = EntryKind::kAccountOpened; },
       "opened once"},
      {"never opened", kOtherOpening, [](Entry* e) { e->kind = EntryKind::kAccountChanged; },
       "account does not exist"},
      {"time", kDebit, [](Entry* e) { e->time += absl::Microseconds(1); }, "time"},
      {"debit that gives", kDebit, [](Entry* e) { Shift(e, Cents(31).value()); },
       "only takes from the balance"},
      {"credit that takes", kCredit, [](Entry* e) { Shift(e, Cents(-101).value()); },
       "only adds to the balance"},
      {"debit that holds", kDebit, [](Entry* e) { ShiftHeld(e, 1); }, "only takes"},
      {"decline that takes", kDecline, [](Entry* e) { Shift(e, -1); }, "may not move money"},
      {"opening that gives", kOpening, [](Entry* e) { Shift(e, 1); }, "may not move money"},
      {"hold that takes", kFirstHold, [](Entry* e) { Shift(e, -1); }, "only sets aside"},
      {"extension that gives back", kExtension, [](Entry* e) { ShiftHeld(e, Cents(-11).value()); },
       "only sets aside"},
      {"overspent debit", kDebit, [](Entry* e) { Shift(e, Cents(-76).value()); },
       "more than was available"},
      {"overspent hold", kFirstHold, [](Entry* e) { ShiftHeld(e, Cents(66).value()); },
       "more than was available"},
      {"overspent extension", kExtension, [](Entry* e) { ShiftHeld(e, Cents(56).value()); },
       "more than was available"},
      {"refund too big", kRefund, [](Entry* e) { Shift(e, Cents(6).value()); }, "exceed"},
      {"refund of a credit", kRefund, [](Entry* e) { e->subject = kCredit; }, "not a debit"},
      {"refund of a later entry", kRefund, [](Entry* e) { e->subject = kRelease; }, "not a debit"},
      {"refund of nothing", kRefund, [](Entry* e) { e->subject = 999; }, "not a debit"},
  };
}

// Of what a settlement charges and gives back.
std::vector<Damage> SettlementDamages() {
  return {
      {"silent overrun", kSettlement, [](Entry* e) { Shift(e, Cents(-6).value()); },
       "more than was set aside"},
      {"overrun that is none", kSettlement, [](Entry* e) { e->flags |= kOverrun; },
       "that it overran, and did not"},
      {"silent late overrun", kLateSettlement, [](Entry* e) { Shift(e, Cents(-60).value()); },
       "does not say so"},
      {"settlement that gives", kSettlement, [](Entry* e) { Shift(e, Cents(11).value()); },
       "never adds"},
      {"settlement that gives back too little", kSettlement, [](Entry* e) { ShiftHeld(e, 1); },
       "gives back just what was set aside"},
      {"settlement that gives back too much", kSettlement,
       [](Entry* e) {
         e->held_change = Cents(-16);
         e->held = Cents(-1);
       },
       "less than nothing"},
      {"interim that gives back too much", kInterim, [](Entry* e) { ShiftHeld(e, -1); },
       "gives back just what it charges"},
      {"interim that gives back too little", kInterim, [](Entry* e) { ShiftHeld(e, 1); },
       "gives back just what it charges"},
      {"silent lateness", kLateSettlement, [](Entry* e) { e->flags = 0; }, "late"},
      {"lateness that is none", kSettlement, [](Entry* e) { e->flags |= kLate; }, "late"},
  };
}

// Of a hold's life.
std::vector<Damage> HoldDamages() {
  return {
      {"expiry that charges", kExpiry, [](Entry* e) { Shift(e, -1); }, "charges nothing"},
      {"early expiry", kSecondHold, [](Entry* e) { e->expire_time += absl::Seconds(1); },
       "before its time"},
      {"hold ended twice", kLateSettlement, [](Entry* e) { e->subject = kFirstHold; }, "has ended"},
      {"hold that never was", kSettlement, [](Entry* e) { e->subject = kDebit; }, "does not exist"},
      {"hold that is another", kFirstHold, [](Entry* e) { e->subject = kDebit; },
       "not its own hold"},
      {"expired twice", kLateSettlement,
       [](Entry* e) {
         e->kind = EntryKind::kHoldExpired;
         e->flags = 0;
       },
       "expired already"},
  };
}

std::vector<Damage> Damages() {
  std::vector<Damage> all = EntryDamages();
  for (const Damage& damage : SettlementDamages()) all.push_back(damage);
  for (const Damage& damage : HoldDamages()) all.push_back(damage);
  return all;
}

// The entry that is told may be a later one than was changed: what follows from it is wrong.
EntryId ToldEntry(const Damage& damage) {
  return damage.problem == std::string("before its time") ? EntryId{kExpiry} : damage.entry;
}

TEST_F(VerifyTest, FirstBadEntryIsNamedThoughTheHashesWereMadeAnew) {
  for (const Damage& damage : Damages()) {
    SCOPED_TRACE(damage.name);
    const std::vector<Entry> good_entries = entries_;
    const std::vector<BatchHead> good_heads = heads_;

    damage.change(&At(damage.entry));
    Rehash();
    const VerifyReport report = Verify();

    EXPECT_EQ(report.first_bad_entry, ToldEntry(damage));
    EXPECT_THAT(report.problem, HasSubstr(damage.problem));
    entries_ = good_entries;
    heads_ = good_heads;
  }
}

// Without new hashes no change at all goes unseen, down to a single bit.
TEST_F(VerifyTest, ChangedBytesBreakTheHashOfTheirBatch) {
  At(kDebit).detail[0] ^= 1;

  const VerifyReport report = Verify();

  EXPECT_EQ(report.first_bad_entry, kDebit);
  EXPECT_THAT(report.problem, HasSubstr("hash"));
}

TEST_F(VerifyTest, ChangedHashIsFound) {
  heads_[2].hash[31] ^= 1;

  EXPECT_EQ(Verify().first_bad_entry, heads_[2].first);
}

// A batch made anew, with its own hash right, breaks the chain at the batch after it.
TEST_F(VerifyTest, BatchThatWasReplacedBreaksTheChain) {
  const std::vector<BatchHead> good_heads = heads_;
  At(kDebit).detail = "another";
  Rehash();
  const Hash256 forged = heads_[kDebit - 1].hash;
  heads_ = good_heads;
  heads_[kDebit - 1].hash = forged;

  EXPECT_EQ(Verify().first_bad_entry, kDebit + 1);
}

TEST_F(VerifyTest, MissingEntryIsNamed) {
  for (const EntryId missing : {EntryId{kOpening}, EntryId{kDebit}, EntryId{kChange}}) {
    const std::vector<Entry> good_entries = entries_;
    entries_.erase(entries_.begin() + (missing - 1));

    EXPECT_EQ(Verify().first_bad_entry, missing);
    entries_ = good_entries;
  }
}

TEST_F(VerifyTest, EntryInNoBatchIsNamed) {
  heads_.pop_back();

  const VerifyReport report = Verify();

  EXPECT_EQ(report.first_bad_entry, kOtherOpening);
  EXPECT_THAT(report.problem, HasSubstr("in no batch"));
}

TEST_F(VerifyTest, MissingBatchIsNamedByItsFirstEntry) {
  MemoryDisk disk;
  disk.Write(heads_[0], entries_);
  for (const BatchHead& head : heads_) disk.ReplaceHead(head);
  disk.EraseHead(heads_[3].number);
  MemoryJournal journal(&disk);

  EXPECT_EQ(VerifyJournal(journal.NewReader()->get())->first_bad_entry, heads_[3].first);
}

TEST_F(VerifyTest, BatchOfAnEarlierTimeIsNamed) {
  heads_[4].time -= absl::Seconds(1);
  At(heads_[4].first).time = heads_[4].time;
  Rehash();

  EXPECT_EQ(Verify().first_bad_entry, heads_[4].first);
}

TEST_F(VerifyTest, ReusedRequestIdIsFoundUnlessNobodyAsks) {
  At(kDecline).request_id = At(kDebit).request_id;
  Rehash();

  EXPECT_EQ(Verify().first_bad_entry, kDecline);
  EXPECT_TRUE(Verify({.request_ids = false}).ok());
}

// Both wrong, in one batch: the refund is checked later but comes first.
TEST_F(VerifyTest, BadRefundBeforeAnotherBadEntryOfItsBatchIsNamed) {
  Shift(&At(kRefund), Cents(6).value());
  At(kDecline).previous = 1;
  BatchHead& both = heads_[kRefund - 1];
  both.last = kDecline;
  heads_.erase(heads_.begin() + kDecline - 1);
  for (size_t i = kDecline - 1; i < heads_.size(); ++i) --heads_[i].number;
  At(kDecline).time = both.time;
  Rehash();

  EXPECT_EQ(Verify().first_bad_entry, kRefund);
}

// The ledger itself does not start on what verification refuses first.
TEST_F(VerifyTest, LedgerRefusesAJournalWhoseEntriesDoNotFollow) {
  At(kSettlement).subject = kDebit;
  MemoryDisk disk;
  disk.Write(heads_.back(), entries_);
  MemoryJournal journal(&disk);
  const ManualClock clock(absl::FromUnixSeconds(1'800'000'000));

  EXPECT_THAT(Ledger::Open({}, &journal, &clock).status(), FailsWith(Reason::kJournalDamaged));
}

}  // namespace
}  // namespace farebox
