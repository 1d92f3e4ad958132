// Whatever becomes of the derived file, the answers stay the same.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "storage/errors.h"
#include "storage/recovery.h"
#include "storage/request_ids.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/vfs_shim.h"
#include "tests/storage/sqlite/journal_fixture.h"
#include "tests/support/await.h"
#include "tests/support/read_file.h"
#include "tests/support/status_matchers.h"

namespace farebox::sqlite {
namespace {

using ::testing::IsEmpty;
using testing::ReadFile;

// Reads of the derived file behind its first page that still fail as those of a sector that is
// lost: this is what SQLite's own file system makes of EIO. From before any file is opened.
std::atomic<int> lost_reads = 0;

struct ReadFrom {
  sqlite3_file base;  // First: SQLite sees this part.
};
using Shim = VfsShim<ReadFrom>;

int Read(sqlite3_file* file, void* buffer, int bytes, sqlite3_int64 offset) {
  if (offset >= 4096 && lost_reads > 0) {
    --lost_reads;
    return SQLITE_IOERR_CORRUPTFS;
  }
  return Shim::ForwardFile<&sqlite3_io_methods::xRead>(file, buffer, bytes, offset);
}

constexpr sqlite3_io_methods MakeMethods() {
  sqlite3_io_methods methods = Shim::kForward;
  methods.xRead = Read;
  return methods;
}
constexpr sqlite3_io_methods kMethods = MakeMethods();

int OpenDerived(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* flags_out) {
  const bool is_derived = (flags & SQLITE_OPEN_MAIN_DB) != 0 &&
                          absl::string_view(path).find("derived.db") != absl::string_view::npos;
  return Shim::OpenInner(vfs, path, file, flags, flags_out,
                         is_derived ? &kMethods : &Shim::kForward);
}

const bool kLosesSectors = [] {
  static sqlite3_vfs vfs = Shim::Make("farebox-lossy", OpenDerived);
  return sqlite3_vfs_register(&vfs, /*makeDflt=*/1) == SQLITE_OK;
}();

class DerivedFileTest : public SqliteJournalFixture {
 protected:
  void SetUp() override {
    OpenJournal();
    AppendHistory();
    answers_ = AllAnswers();
    journal_.reset();
  }

  std::string path() const { return directory_ / "ledger/derived.db"; }

  void ExpectSameAnswersAfterOpening() {
    OpenJournal();
    ExpectSameAnswers();
  }

  // Shows the first difference only: there are thousands of answers.
  void ExpectSameAnswers() {
    const std::vector<std::string> answers = AllAnswers();
    ASSERT_EQ(answers.size(), answers_.size());
    for (size_t i = 0; i < answers.size(); ++i) ASSERT_EQ(answers[i], answers_[i]);
  }

  // Another one, where the file was made anew.
  ino_t FileNumber() const {
    struct stat found = {};
    EXPECT_EQ(stat(path().c_str(), &found), 0);
    return found.st_ino;
  }

  void Overwrite(int64_t offset, const std::string& bytes) {
    std::fstream file(path(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(offset);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    ASSERT_TRUE(file.good());
  }

  std::vector<std::string> answers_;
};

TEST_F(DerivedFileTest, GoesOnWhereItWas) { ExpectSameAnswersAfterOpening(); }

TEST_F(DerivedFileTest, IsThereAtOnceAfterACleanStop) {
  OpenJournal();

  SnapshotRecorder snapshot;
  EXPECT_EQ(journal_->LoadSnapshot(&snapshot).value(), maker_.head().last);
  EXPECT_EQ(journal_->OldRequestsThrough(), old_through_);
}

TEST_F(DerivedFileTest, IsKeptWhereAReaderIsInTheWay) {
  const ino_t before = FileNumber();
  auto reader = Connection::Open(path(), {.read_only = true});
  ASSERT_TRUE(reader->Execute("BEGIN; SELECT * FROM position").ok());

  OpenJournal();
  SnapshotRecorder snapshot;
  EXPECT_EQ(journal_->LoadSnapshot(&snapshot).value(), maker_.head().last);

  // It goes on once nobody reads.
  Append({maker_.Debit(1, 1)});
  ASSERT_TRUE(reader->Execute("COMMIT").ok());
  WaitUntilDerived();
  EXPECT_EQ(FileNumber(), before);
}

// As where the process has too many files open.
TEST_F(DerivedFileTest, IsKeptWhereItCannotBeOpened) {
  const ino_t before = FileNumber();
  const std::string aside = directory_ / "aside";
  std::filesystem::rename(path(), aside);
  std::filesystem::create_symlink(path(), path());

  OpenJournal();
  SnapshotRecorder snapshot;
  EXPECT_EQ(journal_->LoadSnapshot(&snapshot).value(), 0);

  ASSERT_TRUE(std::filesystem::is_symlink(path()));
  std::filesystem::rename(aside, path());
  ExpectSameAnswers();
  EXPECT_EQ(FileNumber(), before);
}

TEST_F(DerivedFileTest, MayBeDeleted) {
  std::filesystem::remove(path());

  ExpectSameAnswersAfterOpening();
}

TEST_F(DerivedFileTest, MayBeTruncated) {
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(path()));
  for (const int64_t left : {bytes - 1, bytes - 4096, bytes / 2, int64_t{4096}, int64_t{0}}) {
    std::filesystem::resize_file(path(), left);

    ExpectSameAnswersAfterOpening();
    journal_.reset();
  }
}

TEST_F(DerivedFileTest, MayLoseASectorWhileItIsInUse) {
  ASSERT_TRUE(kLosesSectors);
  OpenJournal();
  const std::string before = directory_ / "before";
  std::filesystem::create_hard_link(path(), before);

  lost_reads = 1;
  Append({maker_.Debit(1, 1)});
  WaitUntilDerived();

  EXPECT_EQ(lost_reads, 0);
  EXPECT_FALSE(std::filesystem::equivalent(path(), before));
}

TEST_F(DerivedFileTest, MayBeGarbage) {
  Overwrite(0, std::string(std::filesystem::file_size(path()), 'x'));

  ExpectSameAnswersAfterOpening();
}

TEST_F(DerivedFileTest, MayHaveAnyByteChanged) {
  std::mt19937_64 random(20'231'123);
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(path()));
  const std::string contents = ReadFile(path());
  for (int round = 0; round < 30; ++round) {
    const auto at = static_cast<int64_t>(random() % static_cast<uint64_t>(bytes));
    SCOPED_TRACE(at);
    Overwrite(0, contents);
    Overwrite(at, std::string(1, static_cast<char>(contents[at] ^ (1 + random() % 255))));

    ExpectSameAnswersAfterOpening();
    journal_.reset();
  }
}

TEST_F(DerivedFileTest, MayHaveItsPagesInAnotherOrder) {
  const std::string contents = ReadFile(path());
  Overwrite(4096 * 2, contents.substr(4096 * 3, 4096));
  Overwrite(4096 * 3, contents.substr(4096 * 2, 4096));

  ExpectSameAnswersAfterOpening();
}

// As after a write that the disk has lost, or where an older state of the disk was put back. Each
// page is whole, and where it belongs.
class LostWriteTest : public DerivedFileTest {
 protected:
  // Derives more for an account, then takes back the page that begins the table.
  void LoseWriteOf(const std::string& table) {
    const std::string before = ReadFile(path());
    OpenJournal();
    Append({maker_.Debit(1, 5), maker_.Credit(1, 1, /*refunds=*/1 + 2 * 30)});
    const Entry open = maker_.Hold(1, 500, absl::Minutes(5));
    Append({open});
    answers_ = AllAnswers();
    journal_.reset();

    const int64_t page = PageOf(table);
    const std::string old = before.substr(static_cast<size_t>(page - 1) * kPageBytes, kPageBytes);
    ASSERT_NE(ReadFile(path()).substr(static_cast<size_t>(page - 1) * kPageBytes, kPageBytes), old);
    Overwrite((page - 1) * kPageBytes, old);
  }

  static constexpr int64_t kPageBytes = 4096;

  int64_t PageOf(const std::string& table) const {
    auto connection = Connection::Open(path(), {});
    return connection->QueryInt64("SELECT rootpage FROM sqlite_schema WHERE name = '" + table + "'")
        .value();
  }
};

TEST_F(LostWriteTest, IsNoticedInWhateverAStartLoads) {
  for (const std::string table : {"balance", "refund"}) {
    SCOPED_TRACE(table);
    LoseWriteOf(table);

    ExpectSameAnswersAfterOpening();
    journal_.reset();
  }
}

TEST_F(LostWriteTest, IsNoticedBeforeEntriesAreAddedToAnOldBalance) {
  LoseWriteOf("balance");
  SqliteJournal::Options options = Options();
  options.derive = false;
  OpenJournal(options);
  const Entry last = maker_.Debit(1, 7);
  Append({last});
  options.derive = true;
  // The page is not written over before it is read.
  options.derived_gather = absl::Hours(1);
  OpenJournal(options);

  Recovery recovery(options.request_window);
  ASSERT_THAT(recovery.CatchUp(journal_.get()), IsOk());

  EXPECT_EQ(recovery.TakeBooks()->Find("account-1")->state.balance, last.balance);
}

TEST_F(LostWriteTest, AFileThatIsFoundDamagedBeforeAStopIsNotMarkedSynced) {
  const int64_t page = PageOf("balance");
  // Seen by this name also where there was the time to make it anew.
  const std::string found = directory_ / "found";
  std::filesystem::create_hard_link(path(), found);
  SqliteJournal::Options options = Options();
  options.derived_lag_entries_max = 0;
  OpenJournal(options);
  Overwrite((page - 1) * kPageBytes, std::string(kPageBytes, 'x'));
  Append({maker_.Debit(1, 1)});
  // Until it has tried.
  journal_->WaitForDerived();

  journal_.reset();

  EXPECT_EQ(Connection::Open(found, {})->QueryInt64("SELECT is_synced FROM trust").value(), 0);
}

// What is still in the log then is on no disk.
TEST_F(DerivedFileTest, IsNotTakenForSyncedWhereAReaderWasInTheWay) {
  OpenJournal();
  Append({maker_.Debit(1, 1)});
  WaitUntilDerived();
  {
    auto reader = Connection::Open(path(), {.read_only = true});
    ASSERT_THAT(reader->Execute("BEGIN; SELECT * FROM position"), IsOk());
    Append({maker_.Debit(1, 1)});
    WaitUntilDerived();
    journal_.reset();
  }
  // The machine has been restarted.
  ASSERT_THAT(Connection::Open(path(), {})->Execute("UPDATE trust SET boot_id = 'before'"), IsOk());
  SqliteJournal::Options options = Options();
  options.derived_gather = absl::Hours(1);

  OpenJournal(options);

  EXPECT_EQ(journal_->Stats().derived_through, 0);
}

TEST_F(DerivedFileTest, MayBeOfAnotherVersion) {
  Overwrite(60, std::string("\0\0\0\7", 4));

  ExpectSameAnswersAfterOpening();
}

TEST_F(DerivedFileTest, MayBeOfAnotherJournal) {
  const std::string derived = ReadFile(path());
  std::filesystem::remove_all(directory_ / "ledger");
  // The same accounts and numbers of entries, other content.
  maker_ = EntryMaker(Start() + absl::Microseconds(1));
  OpenJournal();
  AppendHistory();
  answers_ = AllAnswers();
  journal_.reset();
  std::ofstream(path(), std::ios::binary) << derived;

  ExpectSameAnswersAfterOpening();
}

TEST_F(DerivedFileTest, AheadOfTheJournalItTellsOfALostLogUntilItIsDeleted) {
  const std::string derived = ReadFile(path());
  std::filesystem::remove_all(directory_ / "ledger");
  maker_ = EntryMaker(Start());
  OpenJournal();
  OpenAccounts(3);
  old_through_ = 0;
  answers_ = AllAnswers();
  journal_.reset();
  std::ofstream(path(), std::ios::binary) << derived;

  EXPECT_THAT(SqliteJournal::Open(Options()), FailsWith(Reason::kJournalDamaged));
  std::filesystem::remove(path());
  ExpectSameAnswersAfterOpening();
}

TEST_F(DerivedFileTest, MayBeDamagedWhileItIsInUse) {
  OpenJournal();
  // In another process: a file that this one closes would lose SQLite's locks on it.
  const pid_t vandal = fork();
  ASSERT_GE(vandal, 0);
  if (vandal == 0) {
    const int file = open(path().c_str(), O_WRONLY);
    const std::string garbage(std::filesystem::file_size(path()) - 4096, 'x');
    _exit(pwrite(file, garbage.data(), garbage.size(), 4096) > 0 ? 0 : 1);
  }
  int outcome = -1;
  ASSERT_EQ(waitpid(vandal, &outcome, 0), vandal);
  ASSERT_EQ(outcome, 0);

  const Entry old = AllEntries().front();
  const auto find = [&] {
    return journal_->FindOldRequest(HashRequestId(old.account, old.request_id));
  };
  SnapshotRecorder snapshot;
  EXPECT_EQ(journal_->LoadSnapshot(&snapshot).value(), 0);
  EXPECT_THAT(snapshot.lines, IsEmpty());
  // It may refuse for a while, and never says that there is no such request.
  absl::StatusOr<std::optional<EntryId>> found;
  ASSERT_TRUE(testing::Await([&] {
    found = find();
    return found.ok();
  }));
  EXPECT_EQ(*found, std::optional<EntryId>(old.id));
  ExpectSameAnswers();
}

TEST_F(DerivedFileTest, ForgetsHoldsThatExpiredLongAgo) {
  OpenJournal();
  maker_.Advance(absl::Hours(24 * 8));
  Append({maker_.Debit(1, 1)});
  WaitUntilDerived();

  SnapshotRecorder snapshot;
  ASSERT_EQ(journal_->LoadSnapshot(&snapshot).value(), maker_.head().last);
  EXPECT_THAT(snapshot.lines, ::testing::Not(::testing::Contains(::testing::HasSubstr("expired"))));
  EXPECT_THAT(snapshot.lines, ::testing::Contains(::testing::HasSubstr("grant of 500")));
}

}  // namespace
}  // namespace farebox::sqlite
