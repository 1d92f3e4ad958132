// What other programs do to the files of a ledger that runs: hold its lock, read for long, delete.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <fstream>
#include <set>
#include <thread>

#include "storage/document_store.h"
#include "storage/errors.h"
#include "storage/ledger.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/restore.h"
#include "storage/sqlite/vfs_shim.h"
#include "tests/storage/commands.h"
#include "tests/storage/sqlite/backup_fixture.h"
#include "tests/storage/sqlite/failing_vfs.h"
#include "tests/support/status_matchers.h"

namespace farebox::sqlite {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// ---- Only one connection checkpoints

struct WatchedFile {
  sqlite3_file base;  // First: SQLite sees this part.
};
using Shim = VfsShim<WatchedFile>;

// Who has written to a journal.db, by its connection's own handle of the file. Only a checkpoint
// writes there.
Mutex writers_mu;
std::set<const sqlite3_file*>& Writers() {
  static auto* const kWriters = new std::set<const sqlite3_file*>();
  return *kWriters;
}

int Write(sqlite3_file* file, const void* buffer, int bytes, sqlite3_int64 offset) {
  {
    MutexLock lock(&writers_mu);
    Writers().insert(file);
  }
  return Shim::ForwardFile<&sqlite3_io_methods::xWrite>(file, buffer, bytes, offset);
}

constexpr sqlite3_io_methods MakeMethods() {
  sqlite3_io_methods methods = Shim::kForward;
  methods.xWrite = Write;
  return methods;
}
constexpr sqlite3_io_methods kMethods = MakeMethods();

int OpenWatched(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* flags_out) {
  const bool is_journal = (flags & SQLITE_OPEN_MAIN_DB) != 0 &&
                          absl::string_view(path).find("ledger/journal.db") != std::string::npos;
  return Shim::OpenInner(vfs, path, file, flags, flags_out,
                         is_journal ? &kMethods : &Shim::kForward);
}

bool WatchWriters() {
  static sqlite3_vfs vfs = Shim::Make("farebox-watched", OpenWatched);
  return sqlite3_vfs_register(&vfs, /*makeDflt=*/1) == SQLITE_OK;
}

class JournalGuardTest : public BackupFixture {
 protected:
  // With a log that is put into the file often.
  SqliteJournal::Options Busy() const {
    return {.directory = Ledger(),
            .checkpoint_frames = 8,
            .derived_gather = absl::ZeroDuration(),
            .clock = &clock_};
  }

  void OpenLedger() {
    journal_.reset();
    auto journal = SqliteJournal::Open(Options());
    ASSERT_THAT(journal, IsOk());
    journal_ = *std::move(journal);
    auto ledger = farebox::Ledger::Open(
        {.on_failure = [this](const absl::Status& status) { failure_ = status; },
         .on_lock = [this](bool is_locked) { NoteLock(is_locked); }},
        journal_.get(), &clock_);
    ASSERT_THAT(ledger, IsOk());
    ledger_ = *std::move(ledger);
    ASSERT_THAT(ledger_->Apply(ToOpen("alice")).status, IsOk());
    ASSERT_THAT(ledger_->Apply(ToCredit("alice", Cents(1'000), "paid")).status, IsOk());
  }

  void TearDown() override {
    ledger_.reset();
    journal_.reset();
  }

  void NoteLock(bool is_locked) {
    MutexLock lock(&mu_);
    locks_.push_back(is_locked);
    changed_.SignalAll();
  }

  std::vector<bool> AwaitLocks(size_t count) {
    MutexLock lock(&mu_);
    while (locks_.size() < count) changed_.Wait(&mu_);
    return locks_;
  }

  std::unique_ptr<farebox::Ledger> ledger_;
  absl::Status failure_;
  Mutex mu_;
  CondVar changed_;
  std::vector<bool> locks_ ABSL_GUARDED_BY(mu_);
};

TEST_F(JournalGuardTest, OnlyTheWritersConnectionCheckpoints) {
  static const bool is_watching = WatchWriters();
  ASSERT_TRUE(is_watching);
  OpenJournal(Busy());
  {
    // The one that has made the file is gone.
    MutexLock lock(&writers_mu);
    Writers().clear();
  }
  std::atomic<bool> is_over = false;
  std::thread reader([&] {
    const auto readers = journal_->NewReader();
    while (!is_over.load()) {
      EXPECT_THAT((*readers)->Scan(1, 1'000, [](const Entry&) { return true; }), IsOk());
      EXPECT_THAT(journal_->NewReader(), IsOk());
    }
  });
  std::thread backups([&] {
    for (int i = 0; i < 5; ++i) {
      EXPECT_THAT(journal_->Backup(Order(absl::StrCat(i, ".db"))), IsOk());
    }
    is_over.store(true);
  });
  OpenAccounts(5);
  while (!is_over.load()) Append({maker_.Debit(1, 1)});
  for (int i = 0; i < 200; ++i) Append({maker_.Debit(2, 1)});
  reader.join();
  backups.join();

  MutexLock lock(&writers_mu);
  EXPECT_THAT(Writers(), SizeIs(1));
}

TEST_F(JournalGuardTest, ALogThatGrewWhileSomebodyReadIsCutAgain) {
  OpenJournal(Busy());
  OpenAccounts(3);
  const std::string big(4'000, 'x');
  const auto grow = [&](int mebibytes) {
    for (int i = 0; i < mebibytes; ++i) {
      std::vector<DocumentGroup> groups;
      for (int j = 0; j < 250; ++j) {
        groups.push_back({{.kind = 2, .key = absl::StrCat(documents_++), .content = big}});
      }
      ASSERT_THAT(journal_->catalog().PutDocuments(groups), IsOk());
    }
  };
  {
    absl::StatusOr<Connection> foreign = Connection::Open(Journal(), {.read_only = true});
    ASSERT_THAT(foreign, IsOk());
    ASSERT_THAT(foreign->Execute("BEGIN; SELECT max(id) FROM entry"), IsOk());
    grow(80);
    EXPECT_GT(journal_->Stats().wal_bytes, JournalFile::kLogBytesKept);
    ASSERT_THAT(foreign->Execute("COMMIT"), IsOk());
  }
  grow(1);

  Append({maker_.Debit(1, 1)});
  Append({maker_.Debit(1, 1)});
  EXPECT_LE(journal_->Stats().wal_bytes, JournalFile::kLogBytesKept);
}

// ---- Another program has the lock

TEST_F(JournalGuardTest, WhileAnotherProgramHasTheLockNothingIsDoneAndNothingBreaks) {
  OpenLedger();
  absl::StatusOr<Connection> foreign = Connection::Open(Journal(), {});
  ASSERT_THAT(foreign, IsOk());
  ASSERT_THAT(foreign->Execute("BEGIN IMMEDIATE"), IsOk());
  const Command debit = ToDebit("alice", Cents(1), "one");

  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(ledger_->Apply(debit).status, FailsWith(Reason::kStorageLocked));
  }
  DocumentStore documents(ledger_.get(), journal_.get());
  EXPECT_THAT(documents.Put({{.kind = 1, .key = "a"}}), FailsWith(Reason::kStorageLocked));
  EXPECT_EQ(ledger_->FindAccount("alice")->state.balance, Cents(1'000));
  EXPECT_TRUE(ledger_->Stats().is_locked);
  ASSERT_THAT(foreign->Execute("COMMIT"), IsOk());

  // It notices by itself, without anybody asking.
  EXPECT_THAT(AwaitLocks(2), ElementsAre(true, false));
  EXPECT_FALSE(ledger_->Stats().is_locked);
  const Outcome outcome = ledger_->Apply(debit);
  EXPECT_THAT(outcome.status, IsOk());
  EXPECT_FALSE(outcome.replayed);
  EXPECT_EQ(failure_, absl::OkStatus());
}

TEST_F(JournalGuardTest, ALockThatIsSoonGivenBackIsWaitedFor) {
  OpenLedger();
  absl::StatusOr<Connection> foreign = Connection::Open(Journal(), {});
  ASSERT_THAT(foreign, IsOk());
  ASSERT_THAT(foreign->Execute("BEGIN IMMEDIATE; COMMIT"), IsOk());

  EXPECT_THAT(ledger_->Apply(ToDebit("alice", Cents(1), "one")).status, IsOk());
}

// Else nobody would hear of it: a ledger that is locked is waited for.
TEST_F(JournalGuardTest, ADiskThatFailsAfterALockWasMetIsNotTakenForTheLock) {
  { const FailingVfs stands_before_the_default(1'000'000, FailFor::kOnce); }
  OpenJournal({.directory = Ledger(), .derive = false, .clock = &clock_});
  OpenAccounts(1);
  absl::StatusOr<Connection> foreign = Connection::Open(Journal(), {});
  ASSERT_THAT(foreign, IsOk());
  ASSERT_THAT(foreign->Execute("BEGIN IMMEDIATE; CREATE TABLE note (text TEXT)"), IsOk());
  const std::vector<Entry> entries = {maker_.Debit(1, 1)};
  ASSERT_THAT(journal_->Append(maker_.Seal(entries), entries), FailsWith(Reason::kStorageLocked));
  EXPECT_THAT(journal_->CheckSpace(SpaceFor::kAnything), FailsWith(Reason::kStorageLocked));
  // What it has changed has to be read.
  ASSERT_THAT(foreign->Execute("COMMIT"), IsOk());

  absl::Status status;
  {
    const FailingVfs failing(0, FailFor::kGood);
    status = journal_->CheckSpace(SpaceFor::kAnything);
    ASSERT_TRUE(failing.has_failed());
  }

  EXPECT_THAT(status, FailsWith(Reason::kStorageFailed));
  EXPECT_THAT(journal_->CheckSpace(SpaceFor::kAnything), FailsWith(Reason::kStorageFailed));
}

// ---- Files that are deleted or replaced under a ledger that runs

class DeletedFileTest : public JournalGuardTest {
 protected:
  void SetUp() override {
    JournalGuardTest::SetUp();
    OpenJournal();
    AppendLife();
    PutDocuments(3);
    expected_ = Rows(Journal());
  }

  // The next change is refused for good.
  void ExpectRefuses(const std::string& saying) {
    for (int i = 0; i < 2; ++i) {
      const absl::Status status = journal_->CheckSpace(SpaceFor::kAnything);
      EXPECT_THAT(status, FailsWith(Reason::kStorageFailed));
      EXPECT_THAT(std::string(status.message()), HasSubstr(saying));
    }
    const std::vector<Entry> entries = {maker_.Debit(1, 1)};
    EXPECT_THAT(journal_->Append(maker_.Seal(entries), entries), FailsWith(Reason::kStorageFailed));
    journal_.reset();
  }

  // Makes the directory `killed` as a process that was killed leaves it, but for its log.
  void CopyWithoutLog() {
    WaitUntilDerived();
    std::filesystem::create_directory(directory_ / "killed");
    for (const char* const name : {"journal.db", "derived.db", "derived.db-wal"}) {
      std::filesystem::copy(Ledger() + "/" + name, directory_ / "killed/" + name);
    }
  }

  std::vector<std::string> expected_;
};

TEST_F(DeletedFileTest, ALogThatIsDeletedIsPutIntoTheJournalFirst) {
  std::filesystem::remove(Journal() + "-wal");

  ExpectRefuses("journal.db-wal was deleted");

  std::filesystem::copy(Journal(), Backup("alone.db"));
  EXPECT_EQ(Rows(Backup("alone.db")), expected_);
}

TEST_F(DeletedFileTest, SharedMemoryThatIsDeletedLosesNothing) {
  std::filesystem::remove(Journal() + "-shm");

  ExpectRefuses("journal.db-shm was deleted");

  std::filesystem::copy(Journal(), Backup("alone.db"));
  EXPECT_EQ(Rows(Backup("alone.db")), expected_);
}

TEST_F(DeletedFileTest, AJournalThatIsDeletedIsSavedBesideItsPlace) {
  std::filesystem::remove(Journal());

  ExpectRefuses("journal.db.rescued");

  const auto restored = RestoreBackup(
      {.backup_path = Journal() + ".rescued", .directory = directory_ / "restored"}, clock_);
  ASSERT_THAT(restored, IsOk());
  EXPECT_EQ(Rows(directory_ / "restored/journal.db"), expected_);
}

TEST_F(DeletedFileTest, AJournalThatIsReplacedIsSavedToo) {
  std::filesystem::copy(Journal(), Backup("other.db"));
  std::filesystem::rename(Backup("other.db"), Journal());

  ExpectRefuses("journal.db was deleted or replaced");

  std::filesystem::rename(Journal() + ".rescued", Backup("rescued.db"));
  EXPECT_EQ(Rows(Backup("rescued.db")), expected_);
}

TEST_F(DeletedFileTest, NothingIsBegunBesideWhatWasSaved) {
  std::filesystem::remove(Journal());
  ExpectRefuses("journal.db.rescued");
  for (const char* const other : {"-wal", "-shm"}) std::filesystem::remove(Journal() + other);
  std::filesystem::remove(Ledger() + "/derived.db");
  std::filesystem::rename(Ledger(), directory_ / "copy");

  const absl::Status status =
      SqliteJournal::Open({.directory = directory_ / "copy", .clock = &clock_}).status();

  EXPECT_THAT(status, FailsWith(Reason::kJournalDamaged));
  EXPECT_THAT(std::string(status.message()), HasSubstr("journal.db.rescued is there"));
}

// ---- A log that is lost while nobody runs

// What was derived is not synced, and not asked then: docs/operations.md says so.
TEST_F(DeletedFileTest, ALogThatIsLostInAPowerCutIsNotNoticed) {
  CopyWithoutLog();
  Run(directory_ / "killed/derived.db", "UPDATE trust SET boot_id = 'before'");

  EXPECT_THAT(SqliteJournal::Open({.directory = directory_ / "killed", .clock = &clock_}), IsOk());
}

TEST_F(DeletedFileTest, ALostLogIsNoticedByWhatWasDerived) {
  CopyWithoutLog();
  const SqliteJournal::Options options = {.directory = directory_ / "killed", .clock = &clock_};

  const absl::Status status = SqliteJournal::Open(options).status();

  EXPECT_THAT(status, FailsWith(Reason::kJournalDamaged));
  EXPECT_THAT(std::string(status.message()), HasSubstr("derived.db has had it"));
  // Who accepts the loss says so.
  std::filesystem::remove(directory_ / "killed/derived.db");
  EXPECT_THAT(SqliteJournal::Open(options), IsOk());
}

}  // namespace
}  // namespace farebox::sqlite
