// A derived file that cannot be opened while the journal is written.

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>

#include "storage/clock.h"
#include "storage/sqlite/deriver.h"
#include "tests/storage/sqlite/journal_fixture.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace farebox::sqlite {
namespace {

class DerivedOpeningTest : public SqliteJournalFixture {
 protected:
  // A journal whose derived file is put aside; what is in its place cannot be opened.
  DerivedOpeningTest() {
    OpenJournal();
    OpenAccounts(3);
    WaitUntilDerived();
    journal_.reset();
    std::filesystem::rename(path_, aside_);
    std::filesystem::create_symlink(path_, path_);
  }

  std::unique_ptr<Deriver> Start(EntryId last, int open_tries_max) {
    auto deriver = Deriver::Start({.journal_path = directory_ / "ledger/journal.db",
                                   .derived_path = path_,
                                   .request_window = absl::Hours(24 * 7),
                                   .lag_entries_max = 5,
                                   .open_tries_max = open_tries_max,
                                   .gather = absl::ZeroDuration(),
                                   .clock = &now_,
                                   .on_journal_damage = [this](const absl::Status&) { ++losses_; }},
                                  last);
    EXPECT_THAT(deriver, IsOk());
    return *std::move(deriver);
  }

  const std::string path_ = directory_ / "ledger/derived.db";
  const std::string aside_ = directory_ / "aside";
  const ManualClock now_{SqliteJournalFixture::Start()};
  std::atomic<int> losses_ = 0;
};

// As where a sector of it cannot be read any more.
TEST_F(DerivedOpeningTest, OneThatNeverOpensIsMadeAnew) {
  const EntryId last = maker_.head().last;
  const std::unique_ptr<Deriver> deriver = Start(last, /*open_tries_max=*/1);

  testing::Await([&] { return deriver->status().through >= last; });

  EXPECT_FALSE(std::filesystem::is_symlink(path_));
}

// It is the only trace of what the journal has lost.
TEST_F(DerivedOpeningTest, OneThatKnowsOfLostEntriesIsKeptAsItIs) {
  const EntryId last = maker_.head().last;
  const std::unique_ptr<Deriver> deriver = Start(last - 1, /*open_tries_max=*/1'000);
  std::filesystem::rename(aside_, path_);
  Pause(absl::Seconds(3));

  deriver->OnAppended(last);
  Pause(absl::Seconds(3));

  EXPECT_EQ(deriver->status().through, 0);
}

// Other entries have taken the place of what is lost by then.
TEST_F(DerivedOpeningTest, OneThatKnowsOfLostEntriesIsKeptOnceTheJournalHasGrownPastIt) {
  const EntryId known = maker_.head().last;
  std::filesystem::remove_all(directory_ / "ledger");
  maker_ = EntryMaker(SqliteJournalFixture::Start());
  SqliteJournal::Options options = Options();
  options.derive = false;
  OpenJournal(options);
  OpenAccounts(1);
  ASSERT_LT(maker_.head().last, known);
  std::filesystem::create_symlink(path_, path_);
  std::filesystem::create_hard_link(aside_, directory_ / "the same");
  const std::unique_ptr<Deriver> deriver = Start(maker_.head().last, /*open_tries_max=*/1'000);
  while (maker_.head().last <= known) Append({maker_.Debit(1, 1)});
  deriver->OnAppended(maker_.head().last);

  std::filesystem::rename(aside_, path_);
  testing::Await([this] { return losses_ > 0; });
  // It is not looked at again.
  Pause(absl::Seconds(2));

  EXPECT_EQ(losses_, 1);
  EXPECT_EQ(deriver->status().through, 0);
  EXPECT_TRUE(std::filesystem::equivalent(path_, directory_ / "the same"));
}

}  // namespace
}  // namespace farebox::sqlite
