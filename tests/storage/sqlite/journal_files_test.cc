// Whose files these are, what is in them, and what is refused without a change to them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/errors.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/journal_file.h"
#include "storage/sqlite/journal_reader.h"
#include "storage/sqlite/journal_schema.h"
#include "storage/verify.h"
#include "tests/storage/sqlite/journal_fixture.h"
#include "tests/support/read_file.h"
#include "tests/support/status_matchers.h"

namespace farebox::sqlite {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ReadFile;

class JournalFilesTest : public SqliteJournalFixture {
 protected:
  std::string ledger() const { return directory_ / "ledger"; }
  std::string path() const { return directory_ / "ledger/journal.db"; }

  // A directory with a journal.db that something else made.
  void Plant(const std::string& contents) {
    std::filesystem::create_directory(ledger());
    std::ofstream(path(), std::ios::binary) << contents;
  }

  // Runs SQL on journal.db as another program would, and leaves it in the write-ahead log.
  void RunForeignSql(const std::string& sql) {
    std::filesystem::create_directory(ledger());
    absl::StatusOr<Connection> connection = Connection::Open(path(), {.create = true});
    ASSERT_THAT(connection, IsOk());
    const absl::Status status = connection->Execute(sql);
    ASSERT_THAT(status, IsOk());
  }

  // The page that has the newest rows of a table that is some pages long.
  void DamageNewestPage(const std::string& table) {
    size_t page_bytes = 0;
    size_t root = 0;
    {
      absl::StatusOr<Connection> connection = Connection::Open(path(), {.read_only = true});
      ASSERT_THAT(connection, IsOk());
      page_bytes = static_cast<size_t>(connection->QueryInt64("PRAGMA page_size").value());
      root = static_cast<size_t>(
          connection
              ->QueryInt64(
                  absl::StrCat("SELECT rootpage FROM sqlite_schema WHERE name = '", table, "'"))
              .value());
    }
    const std::string bytes = ReadFile(path());
    const std::string node = bytes.substr((root - 1) * page_bytes, page_bytes);
    // An inner page of a table begins with 5, and names its last child in bytes 8 to 11.
    ASSERT_EQ(node[0], 5);
    size_t last = 0;
    for (size_t at = 8; at < 12; ++at) last = last << 8 | static_cast<uint8_t>(node[at]);
    std::fstream file(path(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>((last - 1) * page_bytes));
    file << std::string(page_bytes, 'x');
    ASSERT_TRUE(file.flush().good());
  }

  Reason ReasonOfOpening() { return GetReason(SqliteJournal::Open(Options()).status()); }

  void ExpectRefusedUntouched(Reason reason) {
    const std::string before = ReadFile(path());
    const std::string log_before = ReadFile(path() + "-wal");

    EXPECT_EQ(ReasonOfOpening(), reason);
    EXPECT_THAT(OpenOfflineReader(ledger()), FailsWith(reason));

    EXPECT_EQ(ReadFile(path()), before);
    EXPECT_EQ(ReadFile(path() + "-wal"), log_before);
  }
};

TEST_F(JournalFilesTest, ASecondOwnerIsRefused) {
  OpenJournal();

  EXPECT_EQ(ReasonOfOpening(), Reason::kFilesInUse);
  EXPECT_THAT(OpenOfflineReader(ledger()), FailsWith(Reason::kFilesInUse));
}

TEST_F(JournalFilesTest, AnotherProcessIsRefusedUntilTheOwnerIsGone) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t owner = fork();
  ASSERT_GE(owner, 0);
  if (owner == 0) {
    const auto journal = SqliteJournal::Open(Options());
    const char signal = journal.ok() ? 'y' : 'n';
    if (write(ready[1], &signal, 1) == 1) pause();
    _exit(1);
  }
  char signal = 0;
  ASSERT_EQ(read(ready[0], &signal, 1), 1);
  ASSERT_EQ(signal, 'y');

  EXPECT_EQ(ReasonOfOpening(), Reason::kFilesInUse);
  EXPECT_EQ(ReadFile(directory_ / "ledger/lock"), absl::StrCat(owner, "\n"));

  ASSERT_EQ(kill(owner, SIGKILL), 0);
  ASSERT_EQ(waitpid(owner, nullptr, 0), owner);
  EXPECT_EQ(ReasonOfOpening(), Reason::kNone);
}

TEST_F(JournalFilesTest, AnEmptyFileIsNotAJournal) {
  Plant("");
  ExpectRefusedUntouched(Reason::kFilesForeign);
}

TEST_F(JournalFilesTest, AFileOfAnotherKindIsNotAJournal) {
  Plant(std::string(5'000, '#'));
  ExpectRefusedUntouched(Reason::kFilesForeign);
}

TEST_F(JournalFilesTest, AnotherProgramsDatabaseIsNotAJournal) {
  RunForeignSql("CREATE TABLE entry (id INTEGER PRIMARY KEY)");
  ExpectRefusedUntouched(Reason::kFilesForeign);
}

TEST_F(JournalFilesTest, AnotherProgramsLogIsLeftAlone) {
  RunForeignSql("PRAGMA journal_mode = WAL; CREATE TABLE entry (id INTEGER PRIMARY KEY)");
  ASSERT_NE(ReadFile(path() + "-wal"), "");
  ExpectRefusedUntouched(Reason::kFilesForeign);
}

TEST_F(JournalFilesTest, ANewerSchemaIsRefused) {
  OpenJournal();
  journal_.reset();
  RunForeignSql("PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)");
  ExpectRefusedUntouched(Reason::kFilesTooNew);
}

TEST_F(JournalFilesTest, ANewerSchemaIsRefusedWhereItIsInTheLogOnly) {
  OpenJournal();
  journal_.reset();
  RunForeignSql("PRAGMA user_version = 99");
  ASSERT_NE(ReadFile(path() + "-wal"), "");
  ExpectRefusedUntouched(Reason::kFilesTooNew);
}

TEST_F(JournalFilesTest, AJournalWithoutAVersionIsRefused) {
  OpenJournal();
  journal_.reset();
  RunForeignSql("PRAGMA user_version = 0; PRAGMA wal_checkpoint(TRUNCATE)");
  ExpectRefusedUntouched(Reason::kFilesForeign);
}

TEST_F(JournalFilesTest, ALogWithoutItsJournalIsRefused) {
  std::filesystem::create_directory(ledger());
  std::ofstream(path() + "-wal") << "acknowledged entries";

  EXPECT_EQ(ReasonOfOpening(), Reason::kJournalDamaged);
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(JournalFilesTest, AnUnfinishedCreationIsBegunAnew) {
  std::filesystem::create_directory(ledger());
  std::ofstream(path() + ".new") << "half a database";

  EXPECT_EQ(ReasonOfOpening(), Reason::kNone);
}

TEST_F(JournalFilesTest, AnOfflineReaderNeedsALedger) {
  EXPECT_TRUE(absl::IsNotFound(OpenOfflineReader(ledger()).status()));
  EXPECT_FALSE(std::filesystem::exists(ledger()));
}

TEST_F(JournalFilesTest, AnOfflineReaderChangesNothing) {
  OpenJournal();
  OpenAccounts(3);
  journal_.reset();
  const std::string before = ReadFile(path());

  {
    const auto reader = OpenOfflineReader(ledger());
    ASSERT_THAT(reader, IsOk());
    EXPECT_EQ(ReasonOfOpening(), Reason::kFilesInUse);
    const absl::StatusOr<VerifyReport> report = VerifyJournal(reader->get());
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->problem, "");
    EXPECT_EQ(report->entries, 6);
    EXPECT_EQ(Activity(reader->get(), 2, 4, 4), (std::vector<EntryId>{4, 3}));
  }

  EXPECT_EQ(ReadFile(path()), before);
  EXPECT_EQ(ReasonOfOpening(), Reason::kNone);
}

TEST_F(JournalFilesTest, ATruncatedJournalIsRefused) {
  OpenJournal();
  AppendHistory();
  journal_.reset();
  std::filesystem::resize_file(path(), std::filesystem::file_size(path()) / 2);

  EXPECT_EQ(ReasonOfOpening(), Reason::kJournalDamaged);
}

TEST_F(JournalFilesTest, AMissingEntryIsNoticedWhenOpening) {
  OpenJournal();
  OpenAccounts(2);
  journal_.reset();
  RunForeignSql("DROP TRIGGER entry_is_never_deleted; DELETE FROM entry WHERE id = 4");

  const absl::Status status = SqliteJournal::Open(Options()).status();

  EXPECT_THAT(status, FailsWith(Reason::kJournalDamaged));
  EXPECT_THAT(std::string(status.message()), HasSubstr("entry 4"));
}

TEST_F(JournalFilesTest, AChangedEntryIsFoundByVerification) {
  OpenJournal();
  OpenAccounts(2);
  journal_.reset();
  RunForeignSql(
      "DROP TRIGGER entry_is_never_changed; UPDATE entry SET time = time + 1 "
      "WHERE id = 3");
  const auto reader = OpenOfflineReader(ledger());
  ASSERT_THAT(reader, IsOk());

  const absl::StatusOr<VerifyReport> report = VerifyJournal(reader->get());

  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->first_bad_entry, 3);
}

TEST_F(JournalFilesTest, AnUnreadableNewestBatchIsDamageOfTheJournal) {
  OpenJournal();
  OpenAccounts(1);
  for (int batch = 0; batch < 200; ++batch) Append({maker_.Debit(1, 1)});
  journal_.reset();
  DamageNewestPage("batch");

  const auto reader = SqliteJournalReader::Open(path(), nullptr);

  ASSERT_THAT(reader, IsOk());
  EXPECT_THAT((*reader)->ReadBatchHead(1), IsOk());
  EXPECT_THAT((*reader)->FindBatchOf(1), FailsWith(Reason::kJournalDamaged));
  EXPECT_THAT((*reader)->LastEntryBefore(Start()), FailsWith(Reason::kJournalDamaged));
}

// ---- Append-only

TEST_F(JournalFilesTest, TheWriterCanOnlyAppend) {
  std::filesystem::create_directory(ledger());
  const auto file = JournalFile::Open(path());
  ASSERT_THAT(file, IsOk());
  for (const std::string& table : {std::string("entry"), std::string("batch")}) {
    for (const std::string& sql :
         {"UPDATE " + table + " SET time = 0", "DELETE FROM " + table, "DROP TABLE " + table,
          "ALTER TABLE " + table + " ADD COLUMN more", "ALTER TABLE " + table + " RENAME TO old",
          "CREATE TRIGGER late AFTER INSERT ON " + table + " BEGIN SELECT 1; END"}) {
      EXPECT_THAT((*file)->connection().Prepare(sql), Not(IsOk())) << sql;
    }
  }
  EXPECT_THAT((*file)->connection().Prepare("ATTACH 'other.db' AS other"), Not(IsOk()));
  EXPECT_THAT((*file)->connection().Prepare("DROP TRIGGER entry_is_never_changed"), Not(IsOk()));
}

TEST_F(JournalFilesTest, OtherProgramsCannotChangeEntriesByMistake) {
  OpenJournal();
  OpenAccounts(1);
  journal_.reset();
  absl::StatusOr<Connection> connection = Connection::Open(path(), {});
  ASSERT_THAT(connection, IsOk());

  for (const char* sql : {"UPDATE entry SET balance = 1", "DELETE FROM entry",
                          "UPDATE batch SET time = 0", "DELETE FROM batch"}) {
    EXPECT_THAT(std::string(connection->Execute(sql).message()), HasSubstr("append-only")) << sql;
  }
}

// ---- Migrations

class MigrationTest : public JournalFilesTest {
 protected:
  // The version of today's files.
  static int64_t Today() { return static_cast<int64_t>(JournalMigrations().size()); }

  // Opens journal.db with today's steps and these after them.
  absl::Status OpenWith(const std::vector<const char*>& steps) {
    return OpenJournalForWriting(path(), AfterToday(steps)).status();
  }

  static std::vector<const char*> AfterToday(const std::vector<const char*>& steps) {
    std::vector<const char*> all(JournalMigrations().begin(), JournalMigrations().end());
    all.insert(all.end(), steps.begin(), steps.end());
    return all;
  }

  int64_t VersionOnDisk() {
    absl::StatusOr<Connection> connection = Connection::Open(path(), {.read_only = true});
    EXPECT_THAT(connection, IsOk());
    return connection->QueryInt64("PRAGMA user_version").value_or(-1);
  }
};

TEST_F(MigrationTest, StepsRunInOrderAndOnce) {
  OpenJournal();
  OpenAccounts(1);
  journal_.reset();

  ASSERT_THAT(OpenWith({"CREATE TABLE more (a)"}), IsOk());
  const absl::Status status = OpenWith({"CREATE TABLE more (a)", "ALTER TABLE more ADD COLUMN b"});

  EXPECT_THAT(status, IsOk());
  EXPECT_EQ(VersionOnDisk(), Today() + 2);
}

TEST_F(MigrationTest, ANewFileGetsAllSteps) {
  std::filesystem::create_directory(ledger());

  ASSERT_THAT(OpenWith({"CREATE TABLE more (a)"}), IsOk());

  EXPECT_EQ(VersionOnDisk(), Today() + 1);
}

TEST_F(MigrationTest, AFileOfTheFirstVersionGetsTheLaterSteps) {
  std::filesystem::create_directory(ledger());
  ASSERT_THAT(OpenJournalForWriting(path(), JournalMigrations().first(1)), IsOk());
  ASSERT_EQ(VersionOnDisk(), 1);

  OpenJournal();

  EXPECT_EQ(VersionOnDisk(), Today());
  const DocumentGroup group = {{.kind = 1, .key = "a"}};
  EXPECT_THAT(journal_->catalog().PutDocuments({group}), IsOk());
}

// The ledger that a release has left; see tests/server/upgrade_test.cc for what it says.
TEST_F(MigrationTest, AReleasesLedgerGetsTheNextStepsAndTheReleaseThenRefusesIt) {
  std::filesystem::create_directory(ledger());
  std::filesystem::copy_file(FAREBOX_FIXTURES "/ledger-0.1.0/journal.db", path());

  ASSERT_THAT(OpenWith({"ALTER TABLE entry ADD COLUMN more; CREATE TABLE more (a)"}), IsOk());

  EXPECT_EQ(VersionOnDisk(), Today() + 1);
  const auto reader = SqliteJournalReader::Open(path(), nullptr);
  EXPECT_THAT(reader, FailsWith(Reason::kFilesTooNew));
  ExpectRefusedUntouched(Reason::kFilesTooNew);
}

TEST_F(MigrationTest, AFailingStepChangesNothing) {
  OpenJournal();
  journal_.reset();

  EXPECT_THAT(OpenWith({"CREATE TABLE more (a); CREATE TABLE more (b)"}), Not(IsOk()));

  EXPECT_EQ(VersionOnDisk(), Today());
  EXPECT_EQ(ReasonOfOpening(), Reason::kNone);
}

TEST_F(MigrationTest, AnOlderProgramRefusesTheNewSchema) {
  OpenJournal();
  journal_.reset();
  ASSERT_THAT(OpenWith({"CREATE TABLE more (a)"}), IsOk());

  ExpectRefusedUntouched(Reason::kFilesTooNew);
}

TEST_F(MigrationTest, AnOfflineReaderDoesNotMigrate) {
  OpenJournal();
  journal_.reset();
  const std::vector<const char*> steps = AfterToday({"CREATE TABLE more (a)"});

  EXPECT_TRUE(absl::IsFailedPrecondition(OpenJournalForReading(path(), steps).status()));
  EXPECT_EQ(VersionOnDisk(), Today());
}

}  // namespace
}  // namespace farebox::sqlite
