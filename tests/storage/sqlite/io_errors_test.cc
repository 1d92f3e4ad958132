// Each thing that is asked of the disk in the life of a ledger fails, one after the other, once and
// for good. Whatever fails is told, what is told is true, and nothing acknowledged is lost.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "storage/errors.h"
#include "storage/ledger.h"
#include "storage/sqlite/sqlite_journal.h"
#include "storage/verify.h"
#include "tests/storage/commands.h"
#include "tests/storage/sqlite/failing_vfs.h"
#include "tests/storage/sqlite/journal_fixture.h"
#include "tests/support/fault_journal.h"
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

// What takes a failed append for a success, so that the ledger acknowledges it and goes on.
class DeafJournal : public FaultJournal {
 public:
  using FaultJournal::FaultJournal;

  absl::Status CheckSpace(SpaceFor /*purpose*/) override { return absl::OkStatus(); }
  absl::Status Append(const BatchHead& head, absl::Span<const Entry> entries) override {
    if (!has_failed_) has_failed_ = !FaultJournal::Append(head, entries).ok();
    return absl::OkStatus();
  }

 private:
  bool has_failed_ = false;  // Used only on the writer thread.
};

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
    JournalFaults no_faults;
    DeafJournal deaf(journal->get(), &no_faults);
    Journal* const heard = journal->get();
    auto ledger = Ledger::Open({}, is_deaf_ ? &deaf : heard, &clock_);
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

  struct FailedLife {
    bool has_failed = false;
    Life life;
    // What was acknowledged, and is not there once the disk is well again.
    std::vector<EntryId> lost;
  };

  // A life on a copy of the ledger, whose disk fails after so many operations.
  FailedLife LiveAndFail(int64_t operations, FailFor how_long) {
    std::filesystem::remove_all(copy());
    std::filesystem::copy(ledger(), copy());
    FailedLife failed;
    {
      const FailingVfs failing(operations, how_long);
      failed.life = Live(copy(), 1);
      failed.has_failed = failing.has_failed();
    }
    failed.lost = FindLost(failed.life.acknowledged);
    return failed;
  }

  // Each operation of a life, `step` apart, until a life meets no failure.
  void FailEachOperation(FailFor how_long, int64_t step) {
    int64_t count = 0;
    for (bool has_failed = true; has_failed; count += step) {
      SCOPED_TRACE(absl::StrCat("after ", count, " operations"));
      const FailedLife failed = LiveAndFail(count, how_long);
      has_failed = failed.has_failed;
      EXPECT_THAT(failed.life.surprises, IsEmpty());
      EXPECT_THAT(failed.lost, IsEmpty());
      if (HasFailure()) return;
    }
    RecordProperty("operations", static_cast<int>(count));
    // How many there are depends on how the commits gather: fewer on a busy machine.
    EXPECT_GT(count, 100);
  }

  // The disk is well again: what of it is not there, or not as it was. The copy goes on.
  std::vector<EntryId> FindLost(const std::vector<Entry>& acknowledged) {
    const Life next = Live(copy(), 2);
    EXPECT_THAT(next.surprises, IsEmpty());
    // All but the one that is looked up in an index that may be being made anew.
    EXPECT_GE(next.acknowledged.size(), CommandsOf(2).size() - 1);
    const absl::StatusOr<std::unique_ptr<JournalReader>> reader = OpenOfflineReader(copy());
    EXPECT_THAT(reader, IsOk());
    std::vector<EntryId> lost;
    if (!reader.ok()) return lost;
    for (const Entry& entry : acknowledged) {
      const absl::StatusOr<Entry> found = (*reader)->Read(entry.id);
      if (!found.ok() || *found != entry) lost.push_back(entry.id);
    }
    return lost;
  }

  const testing::TemporaryDirectory directory_;
  ManualClock clock_{Start()};
  // Whether lives take failed appends for successes.
  bool is_deaf_ = false;
};

TEST_F(IoErrorsTest, EachOperationFailsOnce) { FailEachOperation(FailFor::kOnce, 1); }

TEST_F(IoErrorsTest, EachOperationFailsForGood) { FailEachOperation(FailFor::kGood, 3); }

// The lives have teeth: they notice a ledger that acknowledges what was not written.
TEST_F(IoErrorsTest, NoticesFailuresThatAreIgnored) {
  is_deaf_ = true;
  int lives_with_losses = 0;
  bool has_failed = true;
  for (int64_t count = 0; has_failed; count += 10) {
    const FailedLife failed = LiveAndFail(count, FailFor::kGood);
    has_failed = failed.has_failed;
    if (!failed.lost.empty()) ++lives_with_losses;
  }

  EXPECT_GT(lives_with_losses, 0);
}

}  // namespace
}  // namespace farebox::sqlite
