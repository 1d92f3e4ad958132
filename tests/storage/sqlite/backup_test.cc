// Backups of a journal that is being written, and what comes of them when something fails.

#include <dirent.h>
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <limits>
#include <thread>

#include "storage/errors.h"
#include "storage/sqlite/restore.h"
#include "tests/storage/sqlite/backup_fixture.h"
#include "tests/storage/sqlite/failing_vfs.h"
#include "tests/support/read_file.h"
#include "tests/support/status_matchers.h"

// So many entries of directories the disk has still to give.
std::atomic<int> entries_listed = std::numeric_limits<int>::max();

// In place of the C library's.
extern "C" dirent* readdir(DIR* directory) {
  static const auto list = reinterpret_cast<dirent* (*)(DIR*)>(dlsym(RTLD_NEXT, "readdir"));
  if (entries_listed-- > 0) return list(directory);
  errno = EIO;
  return nullptr;
}

namespace farebox::sqlite {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ReadFile;

class BackupTest : public BackupFixture {};

TEST_F(BackupTest, ABackupHasEverythingThatTheJournalHas) {
  OpenJournal();
  AppendLife();
  ImportDeck("standard", 3);
  PutDocuments(2'500);

  const absl::StatusOr<BackupReport> report = journal_->Backup(Order("a.db"));

  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->head, journal_->Head());
  EXPECT_EQ(report->entries_copied, journal_->Head().last);
  EXPECT_EQ(report->bytes, static_cast<int64_t>(std::filesystem::file_size(Backup("a.db"))));
  EXPECT_EQ(Rows(Backup("a.db")), Rows(Journal()));
  EXPECT_THAT(FilesOf(backups()), ElementsAre("a.db", "lock"));
}

TEST_F(BackupTest, AnEmptyJournalHasABackupToo) {
  OpenJournal();

  const absl::StatusOr<BackupReport> report = journal_->Backup(Order("a.db"));

  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->head, BatchHead());
}

TEST_F(BackupTest, ADeckThatIsBeingImportedIsLeftOut) {
  OpenJournal();
  OpenAccounts(1);
  ImportDeck("standard", 2);
  const std::vector<std::string> before = Rows(Journal());
  const absl::StatusOr<int64_t> unsealed = journal_->catalog().BeginDeck("half");
  ASSERT_THAT(unsealed, IsOk());
  ASSERT_THAT(journal_->catalog().AppendDeck(*unsealed, "prefix,"), IsOk());

  ASSERT_THAT(journal_->Backup(Order("a.db")), IsOk());

  EXPECT_EQ(Rows(Backup("a.db")), before);
}

// The document names the newest entry each time: a backup that has another than the newest or the
// one before that is not of one moment.
TEST_F(BackupTest, ABackupIsOfOneMoment) {
  OpenJournal({.directory = Ledger(), .derive = false, .clock = &clock_});
  OpenAccounts(5);
  std::atomic<bool> is_over = false;
  std::vector<absl::StatusOr<BackupReport>> reports;
  std::thread backups([&] {
    for (int i = 0; i < 8; ++i) {
      reports.push_back(journal_->Backup(Order(absl::StrCat(i, ".db"))));
    }
    is_over.store(true);
  });
  Document newest = {.kind = 1, .key = "newest"};
  while (!is_over.load()) {
    std::vector<Entry> entries;
    for (int i = 0; i < 200; ++i) entries.push_back(maker_.Debit(1 + i % 5, i));
    Append(entries);
    newest.content = absl::StrCat(maker_.head().number);
    ASSERT_THAT(journal_->catalog().PutDocuments({{newest}}), IsOk());
    ++newest.revision;
  }
  backups.join();

  for (int i = 0; i < 8; ++i) {
    ASSERT_THAT(reports[i], IsOk());
    const int64_t told = NumberIn(Backup(absl::StrCat(i, ".db")), "SELECT content FROM document");
    EXPECT_GE(told, reports[i]->head.number - 1);
    EXPECT_LE(told, reports[i]->head.number);
  }
  EXPECT_LT(reports[0]->head.number, reports[7]->head.number);
}

TEST_F(BackupTest, NoReadOfTheJournalLastsFromOnePieceToTheNext) {
  OpenJournal({.directory = Ledger(), .derive = false, .clock = &clock_});
  AppendMany(60'000);
  PutDocuments(2'000);
  int pieces = 0;
  int busy = 0;
  BackupOrder order = Order("a.db");
  order.observer = [&](const CopyProgress& progress) {
    if (progress.is_verifying) return true;
    ++pieces;
    // Nobody writes meanwhile, so that this connection may.
    busy += static_cast<int>(NumberIn(Journal(), "PRAGMA wal_checkpoint(TRUNCATE)"));
    return true;
  };

  ASSERT_THAT(journal_->Backup(order), IsOk());

  EXPECT_GE(pieces, 60'000 / 8'192);
  EXPECT_EQ(busy, 0);
}

TEST_F(BackupTest, ItTellsHowFarItIs) {
  OpenJournal();
  AppendMany(60'000);
  std::vector<CopyProgress> told;
  BackupOrder order = Order("a.db");
  order.observer = [&](const CopyProgress& progress) {
    told.push_back(progress);
    return true;
  };

  ASSERT_THAT(journal_->Backup(order), IsOk());

  EXPECT_FALSE(told.front().is_verifying);
  EXPECT_TRUE(told.back().is_verifying);
  for (size_t i = 0; i + 1 < told.size(); ++i) {
    EXPECT_LE(told[i].entries_done, told[i].entries_total);
    if (told[i].is_verifying == told[i + 1].is_verifying) {
      EXPECT_LE(told[i].entries_done, told[i + 1].entries_done);
    }
  }
}

// ---- Updates

TEST_F(BackupTest, AnUpdateAddsWhatIsNew) {
  OpenJournal();
  OpenAccounts(3);
  ImportDeck("standard", 2);
  PutDocuments(100);
  const absl::StatusOr<BackupReport> first = journal_->Backup(Update("a.db"));
  ASSERT_THAT(first, IsOk());
  Append({maker_.Debit(1, 5), maker_.Debit(2, 6)});
  ImportDeck("standard", 1);
  PutDocuments(50);

  const absl::StatusOr<BackupReport> second = journal_->Backup(Update("a.db"));

  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->entries_copied, 2);
  EXPECT_EQ(second->head, journal_->Head());
  EXPECT_EQ(Rows(Backup("a.db")), Rows(Journal()));
}

TEST_F(BackupTest, AnUpdateTakesOverHowDocumentsHaveChanged) {
  OpenJournal();
  OpenAccounts(1);
  PutDocuments(8);
  ASSERT_THAT(journal_->Backup(Order("a.db")), IsOk());
  // Slots that are handed on to a later document and to an earlier one, a change, documents that
  // are gone, and one in the place of the newest.
  const auto with_slot = [this](const std::string& key, const std::string& slot) {
    Document document = Find(key);
    document.slot = slot;
    return document;
  };
  Document changed = Find("2");
  changed.content = "changed";
  changed.due = absl::InfiniteFuture();
  const auto put = journal_->catalog().PutDocuments({{with_slot("0", ""), with_slot("1", "slot 0")},
                                                     {with_slot("5", ""), with_slot("4", "slot 5")},
                                                     {changed}});
  ASSERT_THAT(put.value(), Each(absl::OkStatus()));
  ASSERT_THAT(journal_->catalog().RemoveDocument(Find("3")), IsOk());
  ASSERT_THAT(journal_->catalog().RemoveDocument(Find("7")), IsOk());
  ASSERT_THAT(journal_->catalog().PutDocuments({{{.kind = 1, .key = "7", .content = "new"}}}),
              IsOk());

  const absl::StatusOr<BackupReport> report = journal_->Backup(Update("a.db"));

  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(Rows(Backup("a.db")), Rows(Journal()));
}

TEST_F(BackupTest, AnUpdateOfAnotherLedgersBackupIsRefused) {
  OpenJournal();
  OpenAccounts(3);
  ASSERT_THAT(journal_->Backup(Order("a.db")), IsOk());
  const std::string before = ReadFile(Backup("a.db"));
  journal_.reset();
  std::filesystem::remove_all(Ledger());
  maker_ = EntryMaker(Start() + absl::Seconds(1));
  OpenJournal();
  OpenAccounts(4);

  const absl::Status status = journal_->Backup(Update("a.db")).status();

  EXPECT_THAT(status, FailsWith(Reason::kFilesForeign));
  EXPECT_THAT(std::string(status.message()), HasSubstr("backups/a.db"));
  EXPECT_EQ(ReadFile(Backup("a.db")), before);
}

TEST_F(BackupTest, AnUpdateThatIsGivenUpChangesNothing) {
  OpenJournal();
  OpenAccounts(3);
  ASSERT_THAT(journal_->Backup(Order("a.db")), IsOk());
  const std::vector<std::string> before = Rows(Backup("a.db"));
  AppendMany(60'000);
  BackupOrder order = Update("a.db");
  order.observer = [](const CopyProgress& progress) { return progress.entries_done < 30'000; };

  EXPECT_TRUE(absl::IsCancelled(journal_->Backup(order).status()));

  EXPECT_EQ(Rows(Backup("a.db")), before);
}

// Otherwise only the restore would show what the one that was given up has written.
TEST_F(BackupTest, WhatAnUpdateHasNotReadBackTheNextOneReads) {
  OpenJournal();
  OpenAccounts(3);
  ASSERT_THAT(journal_->Backup(Order("a.db")), IsOk());
  AppendMany(30'000);
  BackupOrder order = Update("a.db");
  order.observer = [](const CopyProgress& progress) { return !progress.is_verifying; };
  EXPECT_TRUE(absl::IsCancelled(journal_->Backup(order).status()));
  Run(Backup("a.db"),
      "DROP TRIGGER entry_is_never_changed; UPDATE entry SET balance = balance + 1 "
      "WHERE id = 1000");
  Append({maker_.Debit(1, 5)});

  for (int i = 0; i < 2; ++i) {
    const absl::Status status = journal_->Backup(Update("a.db")).status();
    EXPECT_THAT(status, FailsWith(Reason::kBackupFailed));
    EXPECT_THAT(std::string(status.message()), HasSubstr("a.db could not be made: it is damaged"));
  }
}

// Or else a sound journal would be replaced by an older backup.
TEST_F(BackupTest, ABackupThatIsDamagedIsNotTakenForADamagedJournal) {
  OpenJournal();
  OpenAccounts(3);
  PutDocuments(100);
  ASSERT_THAT(journal_->Backup(Order("a.db")), IsOk());
  DamageDocuments(Backup("a.db"));
  Append({maker_.Debit(1, 5)});

  for (int i = 0; i < 2; ++i) {
    const absl::Status status = journal_->Backup(Update("a.db")).status();
    EXPECT_THAT(status, FailsWith(Reason::kBackupFailed));
    EXPECT_THAT(std::string(status.message()), HasSubstr("a.db could not be made: it is damaged"));
  }
}

TEST_F(BackupTest, AnUpdateTellsWhatIsWrongWithTheJournal) {
  OpenJournal();
  OpenAccounts(3);
  ASSERT_THAT(journal_->Backup(Order("a.db")), IsOk());
  Append({maker_.Debit(1, 5)});
  Run(Journal(),
      "DROP TRIGGER entry_is_never_changed; UPDATE entry SET balance = balance + 1 "
      "WHERE id = 7");

  const absl::Status status = journal_->Backup(Update("a.db")).status();

  EXPECT_THAT(status, FailsWith(Reason::kJournalDamaged));
  EXPECT_THAT(std::string(status.message()), HasSubstr("entry 7"));
}

TEST_F(BackupTest, AnUpdateThatWasKilledIsUndoneByWhoeverOpensTheBackupNext) {
  OpenJournal({.directory = Ledger(), .derive = false, .clock = &clock_});
  OpenAccounts(3);
  const absl::StatusOr<BackupReport> first = journal_->Backup(Order("a.db"));
  ASSERT_THAT(first, IsOk());
  AppendMany(150'000);
  const pid_t updater = fork();
  ASSERT_GE(updater, 0);
  if (updater == 0) {
    BackupOrder order = Update("a.db");
    order.observer = [](const CopyProgress& progress) {
      if (progress.entries_done > 120'000) kill(getpid(), SIGKILL);
      return true;
    };
    journal_->Backup(order).IgnoreError();
    _exit(1);
  }
  ASSERT_EQ(waitpid(updater, nullptr, 0), updater);
  ASSERT_GT(ReadFile(Backup("a.db-journal")).size(), size_t{0});

  const auto restored =
      RestoreBackup({.backup_path = Backup("a.db"), .directory = directory_ / "restored"}, clock_);
  ASSERT_THAT(restored, IsOk());
  EXPECT_EQ(restored->verified.head, first->head);
  EXPECT_EQ(HeadOf(Backup("a.db")), first->head);
  ASSERT_THAT(journal_->Backup(Update("a.db")), IsOk());
  EXPECT_EQ(Rows(Backup("a.db")), Rows(Journal()));
}

TEST_F(BackupTest, WhatIsLeftOfADeletedBackupDoesNotGetIntoTheNext) {
  OpenJournal();
  OpenAccounts(3);
  ASSERT_THAT(journal_->Backup(Order("a.db")), IsOk());
  std::filesystem::remove(Backup("a.db"));
  std::ofstream(Backup("a.db-journal")) << "half a transaction";

  ASSERT_THAT(journal_->Backup(Order("a.db")), IsOk());

  EXPECT_THAT(FilesOf(backups()), ElementsAre("a.db", "lock"));
}

// ---- What fails

TEST_F(BackupTest, ABackupIsNeverReplaced) {
  OpenJournal();
  OpenAccounts(1);
  ASSERT_THAT(journal_->Backup(Order("a.db")), IsOk());
  const std::string before = ReadFile(Backup("a.db"));
  Append({maker_.Debit(1, 1)});

  EXPECT_THAT(journal_->Backup(Order("a.db")), FailsWith(Reason::kBackupExists));

  EXPECT_EQ(ReadFile(Backup("a.db")), before);
}

TEST_F(BackupTest, OneThatIsGivenUpLeavesNothing) {
  OpenJournal();
  AppendMany(60'000);
  for (const bool while_verifying : {false, true}) {
    BackupOrder order = Order("a.db");
    order.observer = [&](const CopyProgress& progress) {
      return progress.is_verifying != while_verifying;
    };

    EXPECT_TRUE(absl::IsCancelled(journal_->Backup(order).status()));

    EXPECT_THAT(FilesOf(backups()), ElementsAre("lock"));
  }
}

TEST_F(BackupTest, WhatAKilledProcessHasLeftIsRemoved) {
  OpenJournal();
  OpenAccounts(1);
  std::ofstream(Backup("old.db.unfinished")) << "half a backup";

  ASSERT_THAT(journal_->Backup(Order("a.db")), IsOk());

  EXPECT_THAT(FilesOf(backups()), ElementsAre("a.db", "lock"));
}

TEST_F(BackupTest, ADirectoryThatCannotBeListedHasABackupAllTheSame) {
  OpenJournal();
  OpenAccounts(1);
  entries_listed = 3;

  const absl::Status status = journal_->Backup(Order("a.db")).status();

  EXPECT_TRUE(status.ok()) << status;
  entries_listed = std::numeric_limits<int>::max();
}

TEST_F(BackupTest, AJournalThatContradictsItselfHasNoBackup) {
  OpenJournal();
  OpenAccounts(3);
  Run(Journal(),
      "DROP TRIGGER entry_is_never_changed; UPDATE entry SET balance = balance + 1 "
      "WHERE id = 4");

  const absl::Status status = journal_->Backup(Order("a.db")).status();

  EXPECT_THAT(status, FailsWith(Reason::kJournalDamaged));
  EXPECT_THAT(std::string(status.message()), HasSubstr("entry 4"));
  EXPECT_THAT(FilesOf(backups()), ElementsAre("lock"));
}

TEST_F(BackupTest, ACopyThatItsDiskHasDamagedIsNotTakenForADamagedJournal) {
  OpenJournal();
  AppendMany(30'000);
  PutDocuments(100);
  BackupOrder order = Order("a.db");
  order.observer = [&](const CopyProgress& progress) {
    if (progress.is_verifying) DamageDocuments(Backup("a.db.unfinished"));
    return true;
  };

  EXPECT_THAT(journal_->Backup(order), FailsWith(Reason::kBackupFailed));

  EXPECT_THAT(FilesOf(backups()), ElementsAre("lock"));
}

TEST_F(BackupTest, TheJournalsRoomIsLeftToIt) {
  OpenJournal();
  AppendMany(30'000);
  BackupOrder order = Order("a.db");
  order.free_disk_bytes_min = std::numeric_limits<int64_t>::max();

  EXPECT_THAT(journal_->Backup(order), FailsWith(Reason::kStorageFull));

  EXPECT_THAT(FilesOf(backups()), ElementsAre("lock"));
}

TEST_F(BackupTest, ADirectoryThatIsMissingIsTold) {
  OpenJournal();

  const absl::Status status = journal_->Backup({.path = directory_ / "nowhere/a.db"}).status();

  EXPECT_THAT(status, FailsWith(Reason::kBackupFailed));
}

// The end of a commit is that its journal is deleted.
TEST_F(BackupTest, AnUpdateThatMayBeDoneIsReadBackByTheNext) {
  OpenJournal();
  OpenAccounts(3);
  Append({maker_.Debit(1, 1)});
  MakeOldBackup("a.db");
  {
    const LostDeletions lost;
    EXPECT_THAT(journal_->Backup(Update("a.db")), FailsWith(Reason::kBackupFailed));
  }

  EXPECT_EQ(HeadOf(Backup("a.db")), journal_->Head());
  EXPECT_THAT(FilesOf(backups()), ElementsAre("a.db", "a.db.unverified", "lock"));
  EXPECT_THAT(journal_->Backup(Update("a.db")), IsOk());
  EXPECT_THAT(FilesOf(backups()), ElementsAre("a.db", "lock"));
}

// Every operation on the disk fails once: there is a backup that is whole, or none, and the journal
// takes no harm.
TEST_F(BackupTest, WhateverFailsABackupIsWholeOrNotThere) {
  { const FailingVfs stands_before_the_default(1'000'000, FailFor::kOnce); }
  OpenJournal({.directory = Ledger(), .derive = false, .clock = &clock_});
  OpenAccounts(20);
  ImportDeck("standard", 2);
  PutDocuments(20);
  const std::vector<std::string> expected = Rows(Journal());
  int failures = 0;
  for (const bool updates : {false, true}) {
    bool has_failed = true;
    // Each of the first ones, and fewer and fewer of those that are like them.
    for (int64_t count = 0; has_failed; count += 1 + count / 16) {
      SCOPED_TRACE(count);
      const std::string name = "a.db";
      std::filesystem::remove(Backup(name));
      std::filesystem::remove(Backup(name) + ".unverified");
      if (updates) MakeOldBackup(name);
      absl::Status status;
      {
        const FailingVfs failing(count, FailFor::kOnce);
        status = journal_->Backup(updates ? Update(name) : Order(name)).status();
        has_failed = failing.has_failed();
      }
      failures += has_failed ? 1 : 0;
      if (status.ok()) {
        ASSERT_EQ(Rows(Backup(name)), expected);
      } else if (updates) {
        const bool was_added = HeadOf(Backup(name)).number > 1;
        ASSERT_TRUE(!was_added || Rows(Backup(name)) == expected);
        // It is read back by the next, since nobody has.
        ASSERT_TRUE(!was_added || std::filesystem::exists(Backup(name) + ".unverified"));
      } else {
        ASSERT_THAT(FilesOf(backups()), ElementsAre("lock")) << status;
      }
    }
  }
  EXPECT_GT(failures, 50);
  Append({maker_.Debit(1, 1)});
}

}  // namespace
}  // namespace farebox::sqlite
