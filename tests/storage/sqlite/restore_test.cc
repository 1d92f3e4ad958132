// Ledgers made of backups, and directories in which something was being restored or is missing.

#include "storage/sqlite/restore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "storage/errors.h"
#include "storage/restored_mark.h"
#include "storage/sqlite/journal_schema.h"
#include "tests/storage/sqlite/backup_fixture.h"
#include "tests/storage/sqlite/failing_vfs.h"
#include "tests/support/read_file.h"
#include "tests/support/status_matchers.h"

namespace farebox::sqlite {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ReadFile;

class RestoreTest : public BackupFixture {
 protected:
  // Leaves a ledger with some history and a backup of it.
  void SetUp() override {
    BackupFixture::SetUp();
    OpenJournal();
    AppendLife();
    ImportDeck("standard", 2);
    PutDocuments(50);
    ASSERT_THAT(journal_->Backup(Order("a.db")), IsOk());
    backed_up_ = Rows(Journal());
    head_ = journal_->Head();
    Append({maker_.Debit(1, 1)});
    journal_.reset();
  }

  absl::StatusOr<RestoreReport> Restore(const std::string& directory, bool replaces = false) {
    return RestoreBackup(
        {.backup_path = Backup("a.db"), .directory = directory, .replaces = replaces}, clock_);
  }

  // Leaves a copy of a ledger with its log, as a snapshot of the disk has it.
  void MakeSnapshot() {
    OpenJournal();
    Append({maker_.Debit(1, 2)});
    head_ = journal_->Head();
    for (const char* const suffix : {"", "-wal"}) {
      std::filesystem::copy(Journal() + suffix, Backup("snapshot.db") + suffix);
    }
    journal_.reset();
  }

  absl::StatusOr<RestoreReport> RestoreSnapshot() {
    return RestoreBackup({.backup_path = Backup("snapshot.db"), .directory = Elsewhere()}, clock_);
  }

  std::string Elsewhere() const { return directory_ / "elsewhere"; }

  std::vector<std::string> backed_up_;
  BatchHead head_;
};

// Whether a process of root's without the right to give files away reads the ledger.
bool CanLookWithoutChown(const std::string& directory) {
  const pid_t child = fork();
  if (child == 0) {
    __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct rights[_LINUX_CAPABILITY_U32S_3] = {};
    bool can_look = syscall(SYS_capget, &header, rights) == 0;
    rights[0].effective &= ~(1U << CAP_CHOWN);
    rights[0].permitted &= ~(1U << CAP_CHOWN);
    can_look = can_look && syscall(SYS_capset, &header, rights) == 0;
    _exit(can_look && OpenOfflineReader(directory).ok() ? 0 : 1);
  }
  int outcome = -1;
  return waitpid(child, &outcome, 0) == child && outcome == 0;
}

TEST_F(RestoreTest, ARestoredLedgerHasEverythingAndGoesOn) {
  const absl::StatusOr<RestoreReport> report = Restore(Elsewhere());

  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->verified.head, head_);
  EXPECT_EQ(report->set_aside, "");
  EXPECT_THAT(FilesOf(Elsewhere()), ElementsAre("journal.db", "lock", "restored"));
  EXPECT_EQ(Rows(Elsewhere() + "/journal.db"), backed_up_);
  EXPECT_THAT(ReadFile(Elsewhere() + "/restored"), HasSubstr(absl::StrCat("entry ", head_.last)));

  OpenJournal({.directory = Elsewhere(), .clock = &clock_});
  maker_.Resume(AllEntries(), journal_->Head());
  Append({maker_.Debit(2, 7)});
  EXPECT_EQ(journal_->Head().number, head_.number + 1);
}

TEST_F(RestoreTest, TheMarkSaysSinceWhenTheLedgerMayHaveForgottenWhatHappened) {
  const absl::Time backup_time = absl::FromUnixSeconds(absl::ToUnixSeconds(head_.time));
  const RestoredMark mark(Elsewhere());
  EXPECT_FALSE(mark.IsThere());
  ASSERT_TRUE(Restore(Elsewhere()).ok());
  EXPECT_TRUE(mark.IsThere());
  EXPECT_EQ(mark.ForgottenSince(), backup_time);

  // Nobody has looked since another one was restored, of a day before.
  const absl::Time earlier = backup_time - absl::Hours(24);
  std::ofstream(mark.path()) << RestoredMarkText("b.db", head_, earlier);
  ASSERT_TRUE(Restore(Elsewhere(), /*replaces=*/true).ok());
  EXPECT_EQ(mark.ForgottenSince(), earlier);

  std::filesystem::remove(mark.path());
  EXPECT_EQ(mark.ForgottenSince(), absl::InfinitePast());
}

TEST_F(RestoreTest, ALedgerIsNotReplacedUnasked) {
  const std::string before = ReadFile(Journal());

  EXPECT_TRUE(absl::IsFailedPrecondition(Restore(Ledger()).status()));

  EXPECT_EQ(ReadFile(Journal()), before);
}

TEST_F(RestoreTest, ALedgerThatIsReplacedIsSetAside) {
  const std::vector<std::string> before = Rows(Journal());

  const absl::StatusOr<RestoreReport> report = Restore(Ledger(), /*replaces=*/true);

  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(Rows(report->set_aside + "/journal.db"), before);
  EXPECT_EQ(Rows(Journal()), backed_up_);
  EXPECT_FALSE(std::filesystem::exists(Ledger() + "/derived.db"));
  OpenJournal();
  EXPECT_EQ(journal_->Head(), head_);
}

// It may be ahead of what was restored, and no server starts then.
TEST_F(RestoreTest, ADerivedFileThatCannotBeDeletedIsTold) {
  const std::string derived = Ledger() + "/derived.db";
  std::filesystem::remove(derived);
  std::filesystem::create_directories(derived + "/something");

  const absl::Status status = Restore(Ledger(), /*replaces=*/true).status();

  EXPECT_THAT(std::string(status.message()), HasSubstr(derived));
}

// Within a second, by the clock: the names have no more.
TEST_F(RestoreTest, EachLedgerThatIsReplacedStays) {
  const std::vector<std::string> before = Rows(Journal());

  const absl::StatusOr<RestoreReport> first = Restore(Ledger(), /*replaces=*/true);
  const absl::StatusOr<RestoreReport> second = Restore(Ledger(), /*replaces=*/true);

  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(Rows(first->set_aside + "/journal.db"), before);
  EXPECT_EQ(Rows(second->set_aside + "/journal.db"), backed_up_);
}

TEST_F(RestoreTest, WhatRootLooksAtTheServerCanTakeAfterwards) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  constexpr uid_t kServer = 12'345;
  ASSERT_EQ(chown(Ledger().c_str(), kServer, kServer), 0);
  std::filesystem::remove(Ledger() + "/lock");

  ASSERT_THAT(OpenOfflineReader(Ledger()), IsOk());

  struct stat found = {};
  ASSERT_EQ(stat((Ledger() + "/lock").c_str(), &found), 0);
  EXPECT_EQ(found.st_uid, kServer);
}

TEST_F(RestoreTest, RootThatMayGiveNothingAwayLooksAllTheSame) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  constexpr uid_t kServer = 12'345;
  ASSERT_EQ(chown(Ledger().c_str(), kServer, kServer), 0);
  std::filesystem::remove(Ledger() + "/lock");

  // Once with a lock that it makes, and once with one that is there.
  EXPECT_TRUE(CanLookWithoutChown(Ledger()));
  EXPECT_TRUE(CanLookWithoutChown(Ledger()));
}

TEST_F(RestoreTest, WhatRootRestoresIsOfTheDirectorysOwner) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  constexpr uid_t kServer = 12'345;
  ASSERT_EQ(chown(Ledger().c_str(), kServer, kServer), 0);
  std::filesystem::remove(Ledger() + "/lock");

  ASSERT_THAT(Restore(Ledger(), /*replaces=*/true), IsOk());

  for (const auto& file : std::filesystem::recursive_directory_iterator(Ledger())) {
    struct stat found = {};
    ASSERT_EQ(stat(file.path().c_str(), &found), 0);
    EXPECT_EQ(found.st_uid, kServer) << file.path();
    EXPECT_EQ(found.st_gid, kServer) << file.path();
  }
}

TEST_F(RestoreTest, ALedgerInUseIsNotReplaced) {
  OpenJournal();

  EXPECT_THAT(Restore(Ledger(), /*replaces=*/true), FailsWith(Reason::kFilesInUse));
}

TEST_F(RestoreTest, ADamagedBackupReplacesNothing) {
  // One bit of every fourth page, but for the first.
  std::string bytes = ReadFile(Backup("a.db"));
  for (size_t at = 4 * 4'096 + 2'000; at < bytes.size(); at += size_t{4} * 4'096) bytes[at] ^= 1;
  std::ofstream(Backup("a.db"), std::ios::binary) << bytes;
  const std::string before = ReadFile(Journal());

  const absl::Status status = Restore(Ledger(), /*replaces=*/true).status();

  EXPECT_THAT(status, FailsWith(Reason::kJournalDamaged));
  EXPECT_EQ(ReadFile(Journal()), before);
  EXPECT_FALSE(std::filesystem::exists(Journal() + kRestoredSuffix));
  EXPECT_FALSE(std::filesystem::exists(Ledger() + "/restored"));
}

TEST_F(RestoreTest, WhatIsNoBackupIsRefused) {
  std::ofstream(Backup("a.db"), std::ios::trunc) << std::string(5'000, '#');
  EXPECT_THAT(Restore(Elsewhere()), FailsWith(Reason::kFilesForeign));
  std::filesystem::remove(Backup("a.db"));
  EXPECT_TRUE(absl::IsNotFound(Restore(Elsewhere()).status()));
  EXPECT_FALSE(std::filesystem::exists(Elsewhere()));
}

TEST_F(RestoreTest, ABackupOfANewerVersionIsRefused) {
  Run(Backup("a.db"), "PRAGMA user_version = 99");

  EXPECT_THAT(Restore(Elsewhere()), FailsWith(Reason::kFilesTooNew));
}

TEST_F(RestoreTest, AnOlderBackupIsBroughtUpToDate) {
  std::filesystem::remove(Backup("a.db"));
  ASSERT_THAT(MakeEmptyJournal(Backup("a.db"), JournalMigrations().first(1)), IsOk());

  const absl::StatusOr<RestoreReport> report = Restore(Elsewhere());

  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(NumberIn(Elsewhere() + "/journal.db", "PRAGMA user_version"),
            static_cast<int64_t>(JournalMigrations().size()));
}

TEST_F(RestoreTest, TheLogBesideACopyIsTakenAlong) {
  MakeSnapshot();

  const absl::StatusOr<RestoreReport> report = RestoreSnapshot();

  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->verified.head, head_);
}

TEST_F(RestoreTest, WhateverTheDiskRefusesWhatIsRestoredIsWhole) {
  // Before its files are opened, so that all are opened through it.
  { const FailingVfs none(1'000'000'000, FailFor::kOnce); }
  MakeSnapshot();
  const std::vector<std::string> whole = Rows(Journal());
  bool has_failed = true;
  for (int64_t count = 0; has_failed; ++count) {
    SCOPED_TRACE(absl::StrCat("after ", count, " operations"));
    std::filesystem::remove_all(Elsewhere());
    bool is_restored = false;
    {
      const FailingVfs failing(count, FailFor::kOnce);
      is_restored = RestoreSnapshot().ok();
      has_failed = failing.has_failed();
    }
    if (!is_restored) continue;
    EXPECT_THAT(FilesOf(Elsewhere()), ElementsAre("journal.db", "lock", "restored"));
    ASSERT_TRUE(Rows(Elsewhere() + "/journal.db") == whole);
  }
}

// ---- Directories in which something is missing

TEST_F(RestoreTest, NoLedgerIsBegunWhereThereMustHaveBeenOne) {
  std::filesystem::rename(Journal(), directory_ / "lost");
  ASSERT_TRUE(std::filesystem::exists(Ledger() + "/derived.db"));

  const absl::Status status = SqliteJournal::Open(Options()).status();

  EXPECT_THAT(status, FailsWith(Reason::kJournalDamaged));
  EXPECT_THAT(std::string(status.message()), HasSubstr("derived.db is there"));
  EXPECT_FALSE(std::filesystem::exists(Journal()));
}

TEST_F(RestoreTest, NoLedgerIsBegunWhereOneWasBeingRestored) {
  std::filesystem::create_directory(Elsewhere());
  std::filesystem::copy(Journal(), Elsewhere() + "/journal.db" + kRestoredSuffix);

  const absl::Status status =
      SqliteJournal::Open({.directory = Elsewhere(), .clock = &clock_}).status();

  EXPECT_THAT(status, FailsWith(Reason::kJournalDamaged));
}

TEST_F(RestoreTest, ARestoreThatWasKilledIsDoneAgain) {
  std::filesystem::create_directory(Elsewhere());
  std::ofstream(Elsewhere() + "/journal.db" + kRestoredSuffix) << "half a journal";

  EXPECT_THAT(Restore(Elsewhere()), IsOk());

  OpenJournal({.directory = Elsewhere(), .clock = &clock_});
  EXPECT_EQ(journal_->Head(), head_);
}

}  // namespace
}  // namespace farebox::sqlite
