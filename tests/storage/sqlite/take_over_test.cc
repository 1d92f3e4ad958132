// A server that reads the journal while another one still writes it, and goes on where that ends.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/ledger.h"
#include "storage/recovery.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/journal_follower.h"
#include "storage/sqlite/sqlite_journal.h"
#include "storage/verify.h"
#include "tests/storage/commands.h"
#include "tests/storage/ledger_fixture.h"
#include "tests/storage/sqlite/journal_fixture.h"
#include "tests/support/await.h"
#include "tests/support/read_file.h"
#include "tests/support/status_matchers.h"

namespace farebox::sqlite {
namespace {

using testing::ReadFile;

constexpr absl::Duration kWindow = absl::Hours(24);

class TakeOverTest : public ::testing::Test {
 protected:
  TakeOverTest() { Open(nullptr); }

  void Open(std::unique_ptr<Recovery> recovery) {
    auto journal = SqliteJournal::Open({.directory = path_,
                                        .request_window = kWindow,
                                        .derived_gather = absl::ZeroDuration(),
                                        .clock = &clock_});
    ASSERT_THAT(journal, IsOk());
    journal_ = *std::move(journal);
    auto ledger =
        Ledger::Open({.request_window = kWindow}, journal_.get(), &clock_, std::move(recovery));
    ASSERT_THAT(ledger, IsOk());
    ledger_ = *std::move(ledger);
  }

  // As a server that leaves the ledger to the next one.
  void Leave() {
    ledger_.reset();
    journal_.reset();
  }

  Outcome Apply(Command command) { return ledger_->Apply(std::move(command)); }

  // Reads what there is now, as the server that is to come.
  void Follow(Recovery* recovery) {
    auto follower = JournalFollower::Open(path_);
    ASSERT_THAT(follower, IsOk());
    const absl::Status status = recovery->CatchUp(follower->get());
    ASSERT_THAT(status, IsOk());
  }

  void WaitUntilDerived() {
    testing::Await([&] { return journal_->Stats().derived_through >= journal_->Head().last; });
  }

  // The journal agrees with itself, and the ledger with the journal.
  void ExpectWhole() {
    const auto reader = journal_->NewReader();
    const absl::StatusOr<VerifyReport> report = VerifyJournal(reader->get());
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->problem, "");
    int64_t balance_micros = 0;
    int64_t held_micros = 0;
    for (const AccountFacts& facts : ledger_->ListAccounts(1'000, 1'000)) {
      balance_micros += facts.state.balance.value();
      held_micros += facts.state.held.value();
    }
    EXPECT_EQ(balance_micros, static_cast<int64_t>(report->balance_sum_micros));
    EXPECT_EQ(held_micros, static_cast<int64_t>(report->held_sum_micros));
  }

  const testing::TemporaryDirectory directory_;
  const std::string path_ = directory_ / "ledger";
  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  std::unique_ptr<SqliteJournal> journal_;
  std::unique_ptr<Ledger> ledger_;
};

TEST_F(TakeOverTest, WhatWasReadBeforeAndWhatCameMeanwhileAddUp) {
  ASSERT_THAT(Apply(ToOpen("acme")), IsApplied());
  const Outcome early = Apply(ToCredit("acme", Cents(1'000), "early"));
  auto recovery = std::make_unique<Recovery>(kWindow);
  Follow(recovery.get());
  const Outcome between = Apply(ToDebit("acme", Cents(100), "between"));
  Follow(recovery.get());
  const Outcome hold = Apply(ToHold("acme", Cents(300), absl::Minutes(5), "late"));
  ASSERT_THAT(Apply(ToOpen("new")), IsApplied());
  Leave();

  Open(std::move(recovery));

  ExpectWhole();
  EXPECT_THAT(Apply(ToCredit("acme", Cents(1'000), "early")), IsReplayOf(early));
  EXPECT_THAT(Apply(ToDebit("acme", Cents(100), "between")), IsReplayOf(between));
  EXPECT_THAT(Apply(ToHold("acme", Cents(300), absl::Minutes(5), "late")), IsReplayOf(hold));
  EXPECT_THAT(Apply(ToDebit("acme", Cents(601))), IsDeclined(Reason::kInsufficientBalance));
  // Holds of before expire here.
  clock_.Advance(absl::Minutes(6));
  EXPECT_THAT(ledger_->ExpireDue(), IsOk());
  EXPECT_EQ(ledger_->FindAccount("acme")->state.held, Micros());
  EXPECT_THAT(Apply(ToDebit("acme", Cents(601))), IsApplied());
  ExpectWhole();
}

// Between the follower's first look at the journal and its look at the derived file.
TEST_F(TakeOverTest, WhatIsDerivedWhileTheFollowerReadsIsNotForgotten) {
  ASSERT_THAT(Apply(ToOpen("acme")), IsApplied());
  auto follower = JournalFollower::Open(path_);
  ASSERT_THAT(follower, IsOk());
  const Outcome meanwhile = Apply(ToCredit("acme", Cents(1'000), "meanwhile"));
  WaitUntilDerived();
  const Outcome later = Apply(ToDebit("acme", Cents(1), "later"));
  auto recovery = std::make_unique<Recovery>(kWindow);
  ASSERT_EQ(recovery->CatchUp(follower->get()), absl::OkStatus());
  Leave();

  Open(std::move(recovery));

  EXPECT_THAT(Apply(ToCredit("acme", Cents(1'000), "meanwhile")), IsReplayOf(meanwhile));
  EXPECT_THAT(Apply(ToDebit("acme", Cents(1), "later")), IsReplayOf(later));
  ExpectWhole();
}

TEST_F(TakeOverTest, AFollowerSeesWhatIsDurableAndWritesNothing) {
  ASSERT_THAT(Apply(ToOpen("acme")), IsApplied());
  WaitUntilDerived();
  const std::string before = ReadFile(path_ + "/journal.db") + ReadFile(path_ + "/journal.db-wal");
  Recovery recovery(kWindow);

  Follow(&recovery);

  EXPECT_EQ(recovery.head().number, 1);
  EXPECT_EQ(ReadFile(path_ + "/journal.db") + ReadFile(path_ + "/journal.db-wal"), before);
  // The owner is not disturbed, and nobody else becomes one.
  EXPECT_THAT(SqliteJournal::Open({.directory = path_, .clock = &clock_}),
              FailsWith(Reason::kFilesInUse));
  EXPECT_THAT(Apply(ToCredit("acme", Cents(1))), IsApplied());
}

// Request ids that are older than the window are in the derived file only.
TEST_F(TakeOverTest, OldRequestIdsAreReadAgainWhereTheirIndexIsGone) {
  ASSERT_THAT(Apply(ToOpen("acme")), IsApplied());
  const Outcome old = Apply(ToCredit("acme", Cents(1'000), "old"));
  clock_.Advance(2 * kWindow);
  ASSERT_THAT(Apply(ToCredit("acme", Cents(1))), IsApplied());
  Leave();
  Open(nullptr);
  testing::Await([&] { return journal_->OldRequestsThrough() >= old.entry.id; });
  auto recovery = std::make_unique<Recovery>(kWindow);
  Follow(recovery.get());
  Leave();
  std::filesystem::remove(path_ + "/derived.db");
  std::filesystem::remove(path_ + "/derived.db-wal");

  Open(std::move(recovery));

  EXPECT_THAT(Apply(ToCredit("acme", Cents(1'000), "old")), IsReplayOf(old));
  ExpectWhole();
}

TEST_F(TakeOverTest, AnotherJournalThanTheOneThatWasFollowedIsReadFromItsBeginning) {
  ASSERT_THAT(Apply(ToOpen("acme")), IsApplied());
  ASSERT_THAT(Apply(ToCredit("acme", Cents(1'000))), IsApplied());
  auto recovery = std::make_unique<Recovery>(kWindow);
  Follow(recovery.get());
  Leave();
  // As many batches and entries, of another content.
  std::filesystem::remove_all(path_);
  Open(nullptr);
  ASSERT_THAT(Apply(ToOpen("other")), IsApplied());
  ASSERT_THAT(Apply(ToCredit("other", Cents(2'000))), IsApplied());
  Leave();

  Open(std::move(recovery));

  EXPECT_THAT(ledger_->FindAccount("acme"), FailsWith(Reason::kAccountNotFound));
  EXPECT_EQ(ledger_->FindAccount("other")->state.balance, Cents(2'000));
  ExpectWhole();
}

TEST_F(TakeOverTest, WithoutADerivedFileTheJournalIsEnough) {
  ASSERT_THAT(Apply(ToOpen("acme")), IsApplied());
  ASSERT_THAT(Apply(ToCredit("acme", Cents(1'000))), IsApplied());
  Leave();
  std::filesystem::remove(path_ + "/derived.db");
  Recovery recovery(kWindow);

  Follow(&recovery);

  EXPECT_EQ(recovery.head().last, 2);
  EXPECT_EQ(recovery.TakeBooks()->Find("acme")->state.balance, Cents(1'000));
}

TEST_F(TakeOverTest, ThereMustBeALedgerToFollow) {
  Leave();
  std::filesystem::remove_all(path_);

  EXPECT_TRUE(absl::IsNotFound(JournalFollower::Open(path_).status()));
}

// What a file was left as, unsynced, is trusted by the next process and not after a power cut.
TEST_F(TakeOverTest, TheDerivedFileThatWasLeftUnsyncedIsGoneOnWith) {
  ASSERT_THAT(Apply(ToOpen("acme")), IsApplied());
  WaitUntilDerived();
  Leave();
  {
    // As a process that ends at once leaves it.
    auto derived = Connection::Open(path_ + "/derived.db", {});
    ASSERT_THAT(derived, IsOk());
    ASSERT_THAT(derived->Execute("UPDATE trust SET is_synced = 0"), IsOk());
  }

  Open(nullptr);

  EXPECT_EQ(journal_->Stats().derived_through, 1);
}

}  // namespace
}  // namespace farebox::sqlite
