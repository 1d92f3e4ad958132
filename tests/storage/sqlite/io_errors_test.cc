// Each thing that is asked of the disk in the life of a ledger fails, one after the other, once and
// for good. Whatever fails is told, what is told is true, and nothing acknowledged is lost.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/errors.h"
#include "storage/ledger.h"
#include "storage/sqlite/sqlite_journal.h"
#include "storage/verify.h"
#include "tests/storage/commands.h"
#include "tests/storage/sqlite/failing_vfs.h"
#include "tests/storage/sqlite/journal_fixture.h"
#include "tests/support/status_matchers.h"

namespace farebox::sqlite {
namespace {

using ::testing::IsEmpty;

// What one life of a server saw.
struct Life {
  // As they were answered.
  std::vector<Entry> acknowledged;
  // What was told, and was neither an answer nor an error of the disk.
  std::vector<std::string> surprises;
};

bool IsDiskError(const absl::Status& status) {
  const Reason reason = GetReason(status);
  // The index of old request ids is made anew after it.
  const bool is_told = reason == Reason::kStorageFailed || reason == Reason::kStorageFull ||
                       reason == Reason::kOverloaded;
  return is_told || (reason == Reason::kNone && absl::IsUnavailable(status));
}

class IoErrorsTest : public ::testing::Test {
 protected:
  static absl::Time Start() { return absl::FromUnixSeconds(1'700'000'000); }

  IoErrorsTest() {
    // Before any file is opened, so that all are opened through it.
    const FailingVfs none(1'000'000'000, FailFor::kOnce);
    EXPECT_THAT(Live(ledger(), 0).surprises, IsEmpty());
  }

  std::string ledger() const { return directory_ / "ledger"; }
  std::string copy() const { return directory_ / "copy"; }

  // Opens the ledger, changes it, reads it and closes it. Requests are named by the life.
  Life Live(const std::string& directory, int number) {
    Life life;
    const auto note = [&life](const absl::Status& status) {
      if (!status.ok() && !IsDiskError(status)) life.surprises.push_back(status.ToString());
    };
    clock_.Advance(absl::Hours(2));  // Beyond the window: the ids before are old.
    auto journal = SqliteJournal::Open({.directory = directory,
                                        .request_window = absl::Hours(1),
                                        .derived_gather = absl::ZeroDuration(),
                                        .clock = &clock_});
    note(journal.status());
    if (!journal.ok()) return life;
    auto ledger = Ledger::Open({}, journal->get(), &clock_);
    note(ledger.status());
    if (!ledger.ok()) return life;

    for (const Command& command : CommandsOf(number)) {
      const Outcome outcome = (*ledger)->Apply(command);
      note(outcome.status);
      if (outcome.status.ok()) life.acknowledged.push_back(outcome.entry);
    }
    (*ledger)->SubmitCatalogChange(ImportDeck, [](const absl::Status&) {});
    ReadAll(journal->get(), note);
    (*ledger)->Drain();
    return life;
  }

  static std::vector<Command> CommandsOf(int life) {
    const std::string account = absl::StrCat("account-", life);
    std::vector<Command> commands = {ToOpen(account), ToCredit(account, Cents(100)),
                                     ToCredit("account-0", Cents(5)), ToDebit(account, Cents(3)),
                                     ToHold(account, Cents(7))};
    for (size_t i = 0; i < commands.size(); ++i) {
      commands[i].request_id = absl::StrCat("life-", life, "-", i);
    }
    // Said before, in the first life: looked up on disk.
    commands.push_back(ToCredit("account-0", Cents(5)));
    commands.back().request_id = "life-0-2";
    return commands;
  }

  static absl::Status ImportDeck(Catalog& catalog) {
    const absl::StatusOr<int64_t> deck = catalog.BeginDeck("deck");
    if (!deck.ok()) return deck.status();
    const absl::Status appended = catalog.AppendDeck(*deck, "item,prefix\n");
    return appended.ok() ? catalog.SealDeck(*deck, 0, Start()).status() : appended;
  }

  template <typename Note>
  void ReadAll(Journal* journal, const Note& note) {
    const auto reader = journal->NewReader();
    note(reader.status());
    if (!reader.ok()) return;
    EntryId newest = 0;
    const absl::Status scanned = (*reader)->Scan(1, journal->Head().last, [&](const Entry& entry) {
      if (entry.account == 1) newest = entry.id;
      return true;
    });
    note(scanned);
    note((*reader)
             ->ScanAccount({.account = 1, .newest = newest, .from = newest / 2},
                           [](const Entry&) { return true; })
             .status());
    note((*reader)->ReadTotals(1, newest, {newest / 3, newest}).status());
    note((*reader)->LastEntryBefore(Start() + absl::Hours(3)).status());
    note((*reader)->catalog().ListDecks().status());
    const absl::StatusOr<VerifyReport> report = VerifyJournal(reader->get());
    note(report.status());
    if (report.ok()) {
      EXPECT_EQ(report->problem, "");
    }
  }

  // Each operation of a life on a copy of the ledger, `step` apart, until a life meets no failure.
  void FailEachOperation(FailFor how_long, int64_t step) {
    int64_t count = 0;
    for (bool has_failed = true; has_failed; count += step) {
      SCOPED_TRACE(absl::StrCat("after ", count, " operations"));
      std::filesystem::remove_all(copy());
      std::filesystem::copy(ledger(), copy());
      Life life;
      {
        const FailingVfs failing(count, how_long);
        life = Live(copy(), 1);
        has_failed = failing.has_failed();
      }
      EXPECT_THAT(life.surprises, IsEmpty());
      ExpectHas(life.acknowledged);
      if (HasFailure()) return;
    }
    RecordProperty("operations", static_cast<int>(count));
    // How many there are depends on how the commits gather: fewer on a busy machine.
    EXPECT_GT(count, 100);
  }

  // The disk is well again: what was acknowledged is there, and goes on.
  void ExpectHas(const std::vector<Entry>& acknowledged) {
    const Life next = Live(copy(), 2);
    EXPECT_THAT(next.surprises, IsEmpty());
    // All but the one that is looked up in an index that may be being made anew.
    EXPECT_GE(next.acknowledged.size(), CommandsOf(2).size() - 1);
    const absl::StatusOr<std::unique_ptr<JournalReader>> reader = OpenOfflineReader(copy());
    ASSERT_THAT(reader, IsOk());
    for (const Entry& entry : acknowledged) EXPECT_EQ((*reader)->Read(entry.id).value(), entry);
  }

  const testing::TemporaryDirectory directory_;
  ManualClock clock_{Start()};
};

TEST_F(IoErrorsTest, EachOperationFailsOnce) { FailEachOperation(FailFor::kOnce, 1); }

TEST_F(IoErrorsTest, EachOperationFailsForGood) { FailEachOperation(FailFor::kGood, 3); }

}  // namespace
}  // namespace farebox::sqlite
