// What a full disk, a failing disk and a killed process leave behind.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/check.h"
#include "storage/errors.h"
#include "storage/verify.h"
#include "tests/storage/sqlite/journal_fixture.h"
#include "tests/support/status_matchers.h"

namespace farebox::sqlite {
namespace {

using ::testing::ElementsAreArray;
using ::testing::Not;

class JournalFaultsTest : public SqliteJournalFixture {
 protected:
  std::vector<Entry> SomeDebits(int count) {
    std::vector<Entry> entries;
    for (int i = 0; i < count; ++i) entries.push_back(maker_.Debit(1 + i % 3, 1));
    return entries;
  }

  void ExpectVerifies() {
    const auto reader = journal_->NewReader();
    ASSERT_THAT(reader, IsOk());
    const absl::StatusOr<VerifyReport> report = VerifyJournal(reader->get());
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->problem, "");
    EXPECT_EQ(report->head, journal_->Head());
  }
};

// ---- A full disk

// The ledger on a small file system of its own.
class FullDiskTest : public JournalFaultsTest {
 protected:
  void SetUp() override {
    const std::string path = directory_ / "disk";
    std::filesystem::create_directory(path);
    if (mount("none", path.c_str(), "tmpfs", 0, "size=8m") != 0) {
      GTEST_SKIP() << "only root can mount a small disk";
    }
    is_mounted_ = true;
    options_ = Options();
    options_.directory = path + "/ledger";
    options_.derive = false;
    options_.free_disk_bytes_min = 0;
  }

  void TearDown() override {
    journal_.reset();
    if (!is_mounted_) return;
    EXPECT_EQ(umount((directory_ / "disk").c_str()), 0);
  }

  // Leaves this much free.
  void FillUpTo(int64_t bytes_left) {
    MakeSpace();
    const auto space = std::filesystem::space(directory_ / "disk");
    std::ofstream filler(directory_ / "disk/filler");
    filler << std::string(space.available - static_cast<uint64_t>(bytes_left), 'f');
    ASSERT_TRUE(filler.flush().good());
  }

  void MakeSpace() { std::filesystem::remove(directory_ / "disk/filler"); }

  SqliteJournal::Options options_;
  bool is_mounted_ = false;
};

TEST_F(FullDiskTest, IsRefusedInTime) {
  options_.free_disk_bytes_min = 1 << 20;
  OpenJournal(options_);
  OpenAccounts(3);
  EXPECT_THAT(journal_->CheckSpace(SpaceFor::kAnything), IsOk());

  FillUpTo((1 << 20) - 4096);
  EXPECT_THAT(journal_->CheckSpace(SpaceFor::kAnything), FailsWith(Reason::kStorageFull));
  EXPECT_THAT(journal_->CheckSpace(SpaceFor::kEndingHolds), IsOk());

  FillUpTo((1 << 18) - 4096);
  EXPECT_THAT(journal_->CheckSpace(SpaceFor::kEndingHolds), FailsWith(Reason::kStorageFull));

  MakeSpace();
  EXPECT_THAT(journal_->CheckSpace(SpaceFor::kAnything), IsOk());
}

TEST_F(FullDiskTest, StartsWithAnUnsealedDeckThatThereIsNoRoomToDelete) {
  OpenJournal(options_);
  OpenAccounts(3);
  const int64_t deck = journal_->catalog().BeginDeck("default").value();
  ASSERT_THAT(journal_->catalog().AppendDeck(deck, std::string(100'000, 'd')), IsOk());
  journal_.reset();
  FillUpTo(64 * 1024);

  OpenJournal(options_);

  EXPECT_EQ(journal_->Head(), maker_.head());
}

TEST_F(FullDiskTest, LosesNothingAndHealsByItself) {
  OpenJournal(options_);
  OpenAccounts(3);
  FillUpTo(300'000);

  absl::Status status;
  EntryMaker before = maker_;
  while (status.ok()) {
    before = maker_;
    const std::vector<Entry> entries = SomeDebits(500);
    status = journal_->Append(maker_.Seal(entries), entries);
  }
  maker_ = before;
  EXPECT_THAT(status, FailsWith(Reason::kStorageFull));
  EXPECT_EQ(journal_->Head(), maker_.head());
  ExpectVerifies();

  MakeSpace();
  Append(SomeDebits(500));
  ExpectVerifies();
  OpenJournal(options_);
  EXPECT_EQ(journal_->Head(), maker_.head());
  ExpectVerifies();
}

// ---- A failing disk

// SQLite's own file access, with syncs that fail on demand.
class FailingSyncs {
 public:
  FailingSyncs() {
    system_ = sqlite3_vfs_find(nullptr);
    vfs_ = *system_;
    vfs_.zName = "failing-syncs";
    vfs_.xOpen = Open;
    sqlite3_vfs_register(&vfs_, /*makeDflt=*/1);
    syncs_until_failure = -1;
  }
  ~FailingSyncs() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(system_, /*makeDflt=*/1);
  }

  // The next sync but this many fails, and so do all after it; negative for none.
  static inline int syncs_until_failure = -1;
  static inline int failures = 0;

 private:
  // A kind of file, with its own methods and the same methods but for one.
  struct Kind {
    const sqlite3_io_methods* original;
    sqlite3_io_methods failing;
  };

  static int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out) {
    const int result = system_->xOpen(vfs, path, file, flags, out);
    if (file->pMethods == nullptr) return result;
    Kind& kind = (flags & SQLITE_OPEN_MAIN_DB) != 0 ? database_ : log_;
    kind.original = file->pMethods;
    kind.failing = *file->pMethods;
    kind.failing.xSync = &kind == &database_ ? Sync<&database_> : Sync<&log_>;
    file->pMethods = &kind.failing;
    return result;
  }

  template <Kind* kKind>
  static int Sync(sqlite3_file* file, int flags) {
    if (syncs_until_failure == 0) {
      ++failures;
      return SQLITE_IOERR_FSYNC;
    }
    if (syncs_until_failure > 0) --syncs_until_failure;
    return kKind->original->xSync(file, flags);
  }

  static inline sqlite3_vfs* system_ = nullptr;
  static inline sqlite3_vfs vfs_ = {};
  static inline Kind database_ = {};
  static inline Kind log_ = {};
};

class FailingDiskTest : public JournalFaultsTest {
 protected:
  void SetUp() override {
    options_ = Options();
    options_.derive = false;
    OpenJournal(options_);
    OpenAccounts(3);
    FailingSyncs::failures = 0;
  }

  FailingSyncs syncs_;
  SqliteJournal::Options options_;
};

TEST_F(FailingDiskTest, EachBatchIsSyncedOnce) {
  constexpr int kEnough = 1'000;
  FailingSyncs::syncs_until_failure = kEnough;
  for (int batch = 1; batch <= 20; ++batch) {
    Append(SomeDebits(100));
    EXPECT_EQ(FailingSyncs::syncs_until_failure, kEnough - batch);
  }
}

TEST_F(FailingDiskTest, AFailedSyncIsNeverRetried) {
  const EntryMaker before = maker_;
  FailingSyncs::syncs_until_failure = 0;
  const std::vector<Entry> entries = SomeDebits(10);
  const BatchHead head = maker_.Seal(entries);

  EXPECT_THAT(journal_->Append(head, entries), FailsWith(Reason::kStorageFailed));
  EXPECT_EQ(journal_->Head(), before.head());
  // The disk would take it now, and nobody asks it to.
  FailingSyncs::syncs_until_failure = -1;
  EXPECT_THAT(journal_->Append(head, entries), FailsWith(Reason::kStorageFailed));
  EXPECT_THAT(journal_->catalog().BeginDeck("default"), Not(IsOk()));
  EXPECT_EQ(FailingSyncs::failures, 1);
}

TEST_F(FailingDiskTest, ReopeningSettlesWhetherTheBatchIsThere) {
  const BatchHead before = maker_.head();
  FailingSyncs::syncs_until_failure = 0;
  const std::vector<Entry> entries = SomeDebits(10);
  const BatchHead head = maker_.Seal(entries);
  ASSERT_THAT(journal_->Append(head, entries), Not(IsOk()));
  FailingSyncs::syncs_until_failure = -1;

  OpenJournal(options_);

  EXPECT_TRUE(journal_->Head() == before || journal_->Head() == head);
  ExpectVerifies();
}

TEST_F(FailingDiskTest, AFailedCheckpointStopsTheWriter) {
  // The commits' own syncs succeed; the first of a checkpoint is the one that fails.
  absl::Status status;
  BatchHead acknowledged;
  FailingSyncs::failures = 0;
  for (int batch = 0; status.ok() && batch < 1'000; ++batch) {
    acknowledged = maker_.head();
    const std::vector<Entry> entries = SomeDebits(1'000);
    // Whatever comes after this commit's sync is the next one's, or a checkpoint's.
    FailingSyncs::syncs_until_failure = 1;
    status = journal_->Append(maker_.Seal(entries), entries);
  }

  EXPECT_THAT(status, FailsWith(Reason::kStorageFailed));
  EXPECT_EQ(FailingSyncs::failures, 1);
  FailingSyncs::syncs_until_failure = -1;
  OpenJournal(options_);
  EXPECT_GE(journal_->Head().number, acknowledged.number);
  ExpectVerifies();
}

// ---- A killed process

class KilledProcessTest : public JournalFaultsTest {
 protected:
  // Appends for ever and tells the number of each batch once it is acknowledged.
  [[noreturn]] void AppendUntilKilled(int acknowledgements, uint64_t seed) {
    OpenJournal();
    maker_.Resume(AllEntries(), journal_->Head());
    std::mt19937_64 random(seed);
    for (;;) {
      const std::vector<Entry> entries = SomeDebits(static_cast<int>(1 + random() % 300));
      const BatchHead head = maker_.Seal(entries);
      if (!journal_->Append(head, entries).ok()) _exit(1);
      if (write(acknowledgements, &head.number, sizeof(head.number)) < 0) _exit(1);
    }
  }

  // Has a child append, kills it after so many acknowledgements, and returns the last.
  int64_t RunAndKill(int count, uint64_t seed) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    FAREBOX_CHECK(child >= 0);  // A signal to -1 would reach every process there is.
    if (child == 0) AppendUntilKilled(ends[1], seed);
    close(ends[1]);
    int64_t acknowledged = 0;
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(read(ends[0], &acknowledged, sizeof(acknowledged)), sizeof(acknowledged));
    }
    EXPECT_EQ(kill(child, SIGKILL), 0);
    EXPECT_EQ(waitpid(child, nullptr, 0), child);
    // What it acknowledged before the signal reached it.
    while (read(ends[0], &acknowledged, sizeof(acknowledged)) == sizeof(acknowledged)) {
    }
    close(ends[0]);
    return acknowledged;
  }
};

TEST_F(KilledProcessTest, LosesNothingThatWasAcknowledged) {
  OpenJournal();
  OpenAccounts(3);
  journal_.reset();
  std::mt19937_64 random(11);

  for (int round = 0; round < 10; ++round) {
    SCOPED_TRACE(round);
    const int64_t acknowledged = RunAndKill(static_cast<int>(1 + random() % 60), random());

    OpenJournal();
    EXPECT_GE(journal_->Head().number, acknowledged);
    EXPECT_LE(journal_->Head().number, acknowledged + 1);
    ExpectVerifies();
    maker_.Resume(AllEntries(), journal_->Head());
    const std::vector<std::string> with_derived = AllAnswers();
    journal_.reset();
    std::filesystem::remove(directory_ / "ledger/derived.db");
    OpenJournal();
    EXPECT_THAT(AllAnswers(), ElementsAreArray(with_derived));
    journal_.reset();
  }
}

}  // namespace
}  // namespace farebox::sqlite
