// What listeners are told: every entry in order, and signals; and decks of the catalog; and how
// answers are given.

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/storage/ledger_fixture.h"

namespace farebox {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = Signal::Kind;

constexpr absl::Duration kTick = absl::Microseconds(1);

TEST_P(LedgerContract, ListenersAreToldEveryEntryInOrder) {
  OpenAccount("alice", Cents(1000));
  RecordingListener listener(&ledger());
  EXPECT_EQ(listener.begin(), ledger().Stats().last_entry);

  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 10; ++j) Apply(ToDebit("alice", Cents(1)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  OpenHold("alice", Cents(1), absl::Seconds(60));
  clock_.Advance(absl::Seconds(60));
  Expire();

  const std::vector<Entry> all = JournalEntries();
  const std::vector<Entry> since(all.begin() + listener.begin(), all.end());
  EXPECT_EQ(listener.entries(), since);
}

// Whoever reads the journal up to what AddListener returns and listens from there misses nothing.
TEST_P(LedgerContract, ListenerAddedUnderLoadMissesNothing) {
  OpenAccount("alice", Cents(1000));
  std::thread load([&] {
    for (int i = 0; i < 200; ++i) Apply(ToDebit("alice", Cents(1)));
  });

  for (int i = 0; i < 20; ++i) {
    RecordingListener listener(&ledger());
    EXPECT_THAT(Apply(ToCredit("alice", Cents(1))), IsApplied());
    EntryId next = listener.begin() + 1;
    for (const Entry& entry : listener.entries()) EXPECT_EQ(entry.id, next++);
    EXPECT_GT(next, listener.begin() + 1);
  }
  load.join();
}

TEST_P(LedgerContract, ListenersAreToldBeforeTheCaller) {
  OpenAccount("alice", Cents(1000));
  RecordingListener listener(&ledger());

  const Outcome debit = Apply(ToDebit("alice", Cents(1)));

  EXPECT_THAT(listener.entries(), ElementsAre(debit.entry));
}

TEST_P(LedgerContract, RemovedListenerIsNotTold) {
  OpenAccount("alice", Cents(1000));
  RecordingListener listener(&ledger());
  ledger().RemoveListener(&listener);

  EXPECT_THAT(Apply(ToDebit("alice", Cents(1))), IsApplied());

  EXPECT_THAT(listener.entries(), IsEmpty());
}

TEST_P(LedgerContract, ListenersAreNotToldWhatTheDiskRefused) {
  OpenAccount("alice", Cents(1000), {.low_balance_threshold = Cents(1000)});
  RecordingListener listener(&ledger());
  faults_.FailNextAppend(JournalFaults::Fault::kFull);

  EXPECT_THAT(Apply(ToDebit("alice", Cents(1))), IsRefused(Reason::kStorageFull));

  EXPECT_THAT(listener.entries(), IsEmpty());
  EXPECT_THAT(listener.signals(Kind::kLowBalance), IsEmpty());
}

// ---- LOW_BALANCE

TEST_P(LedgerContract, LowBalanceIsSignalledOnceEachTimeItIsCrossed) {
  OpenAccount("alice", Cents(100), {.low_balance_threshold = Cents(50)});
  RecordingListener listener(&ledger());
  const auto count = [&] { return listener.signals(Kind::kLowBalance).size(); };

  Apply(ToDebit("alice", Cents(50)));
  EXPECT_EQ(count(), 0);
  Apply(ToDebit("alice", Cents(1)));
  EXPECT_EQ(count(), 1);
  Apply(ToDebit("alice", Cents(1)));
  EXPECT_EQ(count(), 1);
  Apply(ToCredit("alice", Cents(2)));
  EXPECT_EQ(count(), 1);
  Apply(ToDebit("alice", Cents(1)));
  EXPECT_EQ(count(), 2);

  const Signal signal = listener.signals(Kind::kLowBalance)[0];
  EXPECT_EQ(signal.account_id, "alice");
  EXPECT_EQ(signal.available, Cents(49));
}

TEST_P(LedgerContract, LowBalanceCountsWhatIsHeld) {
  OpenAccount("alice", Cents(100), {.low_balance_threshold = Cents(50)});
  RecordingListener listener(&ledger());

  OpenHold("alice", Cents(60));

  EXPECT_THAT(listener.signals(Kind::kLowBalance), SizeIs(1));
}

TEST_P(LedgerContract, LowBalanceIsOffWhereTheThresholdIsZero) {
  OpenAccount("alice", Cents(100));
  RecordingListener listener(&ledger());

  EXPECT_THAT(Apply(ToSettle("alice", OpenHold("alice", Cents(100)), Cents(120))), IsApplied());

  ExpectBooks("alice", Cents(-20));
  EXPECT_THAT(listener.signals(Kind::kLowBalance), IsEmpty());
}

TEST_P(LedgerContract, ThresholdRaisedAboveWhatIsThereIsACrossing) {
  OpenAccount("alice", Cents(100), {.low_balance_threshold = Cents(50)});
  RecordingListener listener(&ledger());

  Apply(ToChange("alice", {.low_balance_threshold = Cents(100)}));
  EXPECT_THAT(listener.signals(Kind::kLowBalance), IsEmpty());
  Apply(ToChange("alice", {.low_balance_threshold = Cents(101)}));
  EXPECT_THAT(listener.signals(Kind::kLowBalance), SizeIs(1));
}

TEST_P(LedgerContract, NewAccountIsNotSignalledAsLow) {
  RecordingListener listener(&ledger());

  OpenAccount("alice", Cents(10), {.low_balance_threshold = Cents(50)});

  EXPECT_THAT(listener.signals(Kind::kLowBalance), IsEmpty());
}

// ---- HOLD_EXPIRING and DISCONNECT

TEST_P(LedgerContract, HoldIsAnnouncedBeforeItExpiresAndDisconnectedWhenItDoes) {
  options_.expiry_warning = absl::Seconds(10);
  Reopen();
  OpenAccount("alice", Cents(100));
  const EntryId hold = OpenHold("alice", Cents(30), absl::Seconds(60));
  RecordingListener listener(&ledger());

  clock_.Advance(absl::Seconds(50) - kTick);
  Expire();
  EXPECT_THAT(listener.signals(Kind::kHoldExpiring), IsEmpty());
  clock_.Advance(kTick);
  Expire();
  Expire();
  ASSERT_THAT(listener.signals(Kind::kHoldExpiring), SizeIs(1));
  EXPECT_EQ(listener.signals(Kind::kHoldExpiring)[0].hold, hold);
  EXPECT_EQ(listener.signals(Kind::kHoldExpiring)[0].account_id, "alice");
  EXPECT_THAT(listener.signals(Kind::kDisconnect), IsEmpty());

  clock_.Advance(absl::Seconds(10));
  Expire();
  ASSERT_THAT(listener.signals(Kind::kDisconnect), SizeIs(1));
  EXPECT_EQ(listener.signals(Kind::kDisconnect)[0].hold, hold);
  EXPECT_EQ(listener.signals(Kind::kDisconnect)[0].available, Cents(100));
  EXPECT_THAT(listener.signals(Kind::kHoldExpiring), SizeIs(1));
}

TEST_P(LedgerContract, ExtendedHoldIsAnnouncedOnceForItsNewExpiry) {
  options_.expiry_warning = absl::Seconds(10);
  Reopen();
  OpenAccount("alice", Cents(100));
  const EntryId hold = OpenHold("alice", Cents(30), absl::Seconds(60));
  RecordingListener listener(&ledger());
  // Not a longer life, then one second more, then one that is announced at another time.
  EXPECT_THAT(Apply(ToExtend("alice", hold, Cents(31), absl::Seconds(20))), IsApplied());
  EXPECT_THAT(Apply(ToExtend("alice", hold, Cents(31), absl::Seconds(61))), IsApplied());

  clock_.Advance(absl::Seconds(52));
  Expire();
  EXPECT_THAT(listener.signals(Kind::kHoldExpiring), SizeIs(1));
  EXPECT_THAT(Apply(ToExtend("alice", hold, Cents(32), absl::Seconds(60))), IsApplied());
  clock_.Advance(absl::Seconds(49));
  Expire();
  EXPECT_THAT(listener.signals(Kind::kHoldExpiring), SizeIs(1));
  clock_.Advance(absl::Seconds(1));
  Expire();
  EXPECT_THAT(listener.signals(Kind::kHoldExpiring), SizeIs(2));
  EXPECT_THAT(listener.signals(Kind::kDisconnect), IsEmpty());
}

TEST_P(LedgerContract, SettledHoldIsNotAnnounced) {
  OpenAccount("alice", Cents(100));
  const EntryId hold = OpenHold("alice", Cents(30), absl::Seconds(60));
  RecordingListener listener(&ledger());
  EXPECT_THAT(Apply(ToSettle("alice", hold, Cents(1))), IsApplied());

  clock_.Advance(absl::Seconds(70));
  Expire();

  EXPECT_THAT(listener.signals(Kind::kHoldExpiring), IsEmpty());
  EXPECT_THAT(listener.signals(Kind::kDisconnect), IsEmpty());
}

TEST_P(LedgerContract, AnnouncementIsMadeUpForOnceThereIsRoomAgain) {
  options_.expiry_warning = absl::Seconds(10);
  Reopen();
  OpenAccount("alice", Cents(100));
  OpenHold("alice", Cents(30), absl::Seconds(60));
  OpenHold("alice", Cents(30), absl::Seconds(55));
  RecordingListener listener(&ledger());
  clock_.Advance(absl::Seconds(55));
  faults_.FailNextAppend(JournalFaults::Fault::kFull);

  EXPECT_THAT(ledger().ExpireDue().status(), FailsWith(Reason::kStorageFull));
  EXPECT_THAT(listener.signals(Kind::kHoldExpiring), IsEmpty());
  Expire();

  EXPECT_THAT(listener.signals(Kind::kHoldExpiring), SizeIs(2));
  EXPECT_THAT(listener.signals(Kind::kDisconnect), SizeIs(1));
}

TEST_P(LedgerContract, SuspensionDisconnectsEveryOpenCall) {
  OpenAccount("alice", Cents(100));
  const EntryId first = OpenHold("alice", Cents(1));
  const EntryId ended = OpenHold("alice", Cents(1));
  EXPECT_THAT(Apply(ToRelease("alice", ended)), IsApplied());
  RecordingListener listener(&ledger());
  const EntryId second = ledger().Stats().last_entry + 1;

  ApplyTogether(
      {ToHold("alice", Cents(1)), ToChange("alice", {.status = AccountStatus::kSuspended})});

  std::vector<EntryId> disconnected;
  for (const Signal& signal : listener.signals(Kind::kDisconnect)) {
    disconnected.push_back(signal.hold);
  }
  EXPECT_THAT(disconnected, ElementsAre(first, second));
}

// ---- The catalog

class LedgerCatalog : public LedgerContract {
 protected:
  absl::Status Change(std::function<absl::Status(Catalog&)> change) {
    Mutex mu;
    CondVar told;
    std::optional<absl::Status> answer;
    ledger().SubmitCatalogChange(std::move(change), [&](absl::Status status) {
      MutexLock lock(&mu);
      answer = std::move(status);
      told.SignalOne();
    });
    MutexLock lock(&mu);
    while (!answer.has_value()) told.Wait(&mu);
    return *answer;
  }

  // Returns its id; sealed or not.
  int64_t Import(const std::string& name, const std::vector<std::string>& pieces, bool seal) {
    int64_t id = 0;
    EXPECT_THAT(Change([&](Catalog& catalog) {
                  absl::StatusOr<int64_t> begun = catalog.BeginDeck(name);
                  if (begun.ok()) id = *begun;
                  return begun.status();
                }),
                IsOk());
    for (const std::string& piece : pieces) {
      EXPECT_THAT(Change([&](Catalog& catalog) { return catalog.AppendDeck(id, piece); }), IsOk());
    }
    if (!seal) return id;
    EXPECT_THAT(
        Change([&](Catalog& catalog) { return catalog.SealDeck(id, 7, clock_.Now()).status(); }),
        IsOk());
    return id;
  }

  std::vector<DeckVersion> ListDecks() { return *NewReader()->catalog().ListDecks(); }

  std::string ReadDeck(int64_t id) {
    std::string csv;
    EXPECT_THAT(NewReader()->catalog().ReadDeck(id,
                                                [&](absl::string_view piece) {
                                                  csv.append(piece.data(), piece.size());
                                                  return true;
                                                }),
                IsOk());
    return csv;
  }
};

TEST_P(LedgerContract, AnswersOfACommitAreGivenTogether) {
  constexpr int kCommands = 20;
  // Both on the answer thread, and read when all is answered.
  std::vector<int> answered;
  bool is_around = false;
  options_.around_answers = [&](absl::FunctionRef<void()> answer) {
    answered.push_back(0);
    is_around = true;
    answer();
    is_around = false;
  };
  Reopen();
  OpenAccount("alice", Cents(100));
  faults_.CloseGate();
  const PendingAnswer first = Submit(ToDebit("alice", Cents(1)));
  faults_.WaitUntilBlocked();

  int outside = 0;
  for (int i = 0; i < kCommands; ++i) {
    ledger().Submit({ToDebit("alice", Cents(1))}, [&](const std::vector<Outcome>&) {
      is_around ? ++answered.back() : ++outside;
    });
  }
  faults_.OpenGate();
  Close();

  EXPECT_EQ(answered.back(), kCommands);
  EXPECT_EQ(outside, 0);
}

INSTANTIATE_TEST_SUITE_P(Journals, LedgerCatalog, ::testing::ValuesIn(JournalKinds()), NameOfKind);

TEST_P(LedgerCatalog, SealedDeckIsListedAndRead) {
  const int64_t id = Import("retail", {"prefix,rate\n", "1,10000000\n", "44,20000000\n"}, true);

  const std::vector<DeckVersion> expected = {{.id = id,
                                              .name = "retail",
                                              .version = 1,
                                              .import_time = Start(),
                                              .row_count = 7,
                                              .csv_bytes = 35}};
  for (const bool reopened : {false, true}) {
    if (reopened) Reopen();
    EXPECT_EQ(ListDecks(), expected);
    EXPECT_EQ(ReadDeck(id), "prefix,rate\n1,10000000\n44,20000000\n");
  }
}

TEST_P(LedgerCatalog, ReadingStopsWhenTheVisitorSaysSo) {
  const int64_t id = Import("retail", {"prefix,rate\n", "1,10000000\n"}, true);
  int visits = 0;

  EXPECT_THAT(NewReader()->catalog().ReadDeck(id,
                                              [&](absl::string_view) {
                                                ++visits;
                                                return false;
                                              }),
              IsOk());

  EXPECT_EQ(visits, 1);
}

TEST_P(LedgerCatalog, VersionsCountWithinAName) {
  const int64_t first = Import("retail", {"a"}, true);
  const int64_t other = Import("wholesale", {"b"}, true);
  const int64_t second = Import("retail", {"c"}, true);

  const std::vector<DeckVersion> decks = ListDecks();

  ASSERT_THAT(decks, SizeIs(3));
  EXPECT_EQ(decks[0].id, first);
  EXPECT_EQ(decks[1].id, other);
  EXPECT_EQ(decks[1].version, 1);
  EXPECT_EQ(decks[2].id, second);
  EXPECT_EQ(decks[2].version, 2);
  EXPECT_EQ(ReadDeck(first), "a");
  EXPECT_EQ(ReadDeck(second), "c");
}

TEST_P(LedgerCatalog, DeckIsSeenByNobodyUntilItIsSealedAndDroppedAtTheNextStart) {
  const int64_t sealed = Import("retail", {"a"}, true);
  const int64_t begun = Import("retail", {"b"}, false);
  EXPECT_THAT(ListDecks(), SizeIs(1));
  const auto ignore = [](absl::string_view) { return true; };
  EXPECT_FALSE(NewReader()->catalog().ReadDeck(begun, ignore).ok());

  Reopen();

  EXPECT_THAT(ListDecks(), SizeIs(1));
  EXPECT_EQ(ReadDeck(sealed), "a");
  EXPECT_FALSE(Change([&](Catalog& catalog) { return catalog.AppendDeck(begun, "c"); }).ok());
  EXPECT_EQ(ListDecks()[0].version, 1);
}

TEST_P(LedgerCatalog, SealedDeckDoesNotChange) {
  const int64_t id = Import("retail", {"a"}, true);

  EXPECT_FALSE(Change([&](Catalog& catalog) { return catalog.AppendDeck(id, "b"); }).ok());
  EXPECT_FALSE(
      Change([&](Catalog& catalog) { return catalog.SealDeck(id, 1, Start()).status(); }).ok());
  EXPECT_FALSE(Change([&](Catalog& catalog) { return catalog.AppendDeck(999, "b"); }).ok());

  EXPECT_EQ(ReadDeck(id), "a");
}

TEST_P(LedgerCatalog, ChangesAndCommandsGoTogether) {
  OpenAccount("alice", Cents(100));

  Import("retail", {"a"}, true);
  EXPECT_THAT(Apply(ToDebit("alice", Cents(1))), IsApplied());

  Reopen();
  EXPECT_THAT(ListDecks(), SizeIs(1));
  ExpectBooks("alice", Cents(99));
}

TEST_P(LedgerCatalog, ChangeAfterDrainIsRefused) {
  ledger().Drain();

  EXPECT_THAT(Change([](Catalog&) { return absl::OkStatus(); }), FailsWith(Reason::kShuttingDown));
}

}  // namespace
}  // namespace farebox
