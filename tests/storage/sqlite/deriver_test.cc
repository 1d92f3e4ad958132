// The thread that keeps the derived file up with the journal.

#include "storage/sqlite/deriver.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/clock.h"
#include "storage/errors.h"
#include "storage/mutex.h"
#include "storage/request_ids.h"
#include "storage/sqlite/vfs_shim.h"
#include "tests/storage/sqlite/journal_fixture.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace farebox::sqlite {
namespace {

// Whoever takes request ids over asks it first. The first ones wait to be let on, the others for
// somebody who is to finish before them.
class SlowClock : public Clock {
 public:
  explicit SlowClock(absl::Time now) : now_(now) {}

  absl::Time Now() const override {
    MutexLock lock(&mu_);
    const int time = ++times_asked_;
    changed_.SignalAll();
    while (let_on_ == 0) changed_.Wait(&mu_);
    if (time <= let_on_) return now_;
    for (int i = 0; i < 600 && !is_finished_; ++i) changed_.WaitFor(&mu_, absl::Milliseconds(100));
    if (!is_finished_) has_timed_out_ = true;
    return now_;
  }

  void WaitUntilAsked(int times = 1) {
    MutexLock lock(&mu_);
    while (times_asked_ < times) changed_.Wait(&mu_);
  }
  // Lets so many on.
  void GoOn(int times = 1) {
    MutexLock lock(&mu_);
    let_on_ = times;
    changed_.SignalAll();
  }
  void Finish() {
    MutexLock lock(&mu_);
    is_finished_ = true;
    changed_.SignalAll();
  }
  bool has_timed_out() const {
    MutexLock lock(&mu_);
    return has_timed_out_;
  }

 private:
  const absl::Time now_;
  mutable Mutex mu_;
  mutable CondVar changed_;  // Signalled when one of the following changes.
  mutable int times_asked_ ABSL_GUARDED_BY(mu_) = 0;
  int let_on_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_finished_ ABSL_GUARDED_BY(mu_) = false;
  mutable bool has_timed_out_ ABSL_GUARDED_BY(mu_) = false;
};

// A disk that has room for so much of the derived file's log. From before any file is opened.
std::atomic<int64_t> log_room_bytes = std::numeric_limits<int64_t>::max();
std::atomic<int> full_disks = 0;

struct LogFile {
  sqlite3_file base;  // First: SQLite sees this part.
};
using Shim = VfsShim<LogFile>;

int WriteLog(sqlite3_file* file, const void* buffer, int bytes, sqlite3_int64 offset) {
  if (offset + bytes > log_room_bytes) {
    ++full_disks;
    return SQLITE_FULL;
  }
  return Shim::ForwardFile<&sqlite3_io_methods::xWrite>(file, buffer, bytes, offset);
}

constexpr sqlite3_io_methods MakeMethods() {
  sqlite3_io_methods methods = Shim::kForward;
  methods.xWrite = WriteLog;
  return methods;
}
constexpr sqlite3_io_methods kMethods = MakeMethods();

int OpenLog(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* flags_out) {
  const bool is_log = (flags & SQLITE_OPEN_WAL) != 0 &&
                      absl::string_view(path).find("derived.db") != absl::string_view::npos;
  return Shim::OpenInner(vfs, path, file, flags, flags_out, is_log ? &kMethods : &Shim::kForward);
}

const bool kHasSmallDisk = [] {
  static sqlite3_vfs vfs = Shim::Make("farebox-small", OpenLog);
  return sqlite3_vfs_register(&vfs, /*makeDflt=*/1) == SQLITE_OK;
}();

class DeriverTest : public SqliteJournalFixture {
 protected:
  static constexpr int kChunk = 1'000;

  std::vector<Entry> SomeDebits(int count) {
    std::vector<Entry> entries;
    for (int i = 0; i < count; ++i) entries.push_back(maker_.Debit(1 + i % 3, 1));
    return entries;
  }

  // A journal with some accounts, and nothing derived.
  void OpenWithoutDeriver() {
    SqliteJournal::Options options = Options();
    options.derive = false;
    OpenJournal(options);
    OpenAccounts(3);
  }

  // The same with a backlog of ten chunks.
  void OpenWithBacklog() {
    OpenWithoutDeriver();
    AppendChunks(10);
  }

  void AppendChunks(int count) {
    for (int i = 0; i < count; ++i) Append(SomeDebits(kChunk));
  }

  std::unique_ptr<Deriver> StartDeriver(absl::Duration patience, const Clock* clock) {
    auto deriver = Deriver::Start({.journal_path = directory_ / "ledger/journal.db",
                                   .derived_path = directory_ / "ledger/derived.db",
                                   .request_window = absl::Hours(24 * 7),
                                   .lag_entries_max = 5,
                                   .patience = patience,
                                   .chunk_entries_max = kChunk,
                                   .gather = absl::ZeroDuration(),
                                   .clock = clock},
                                  maker_.head().last);
    EXPECT_THAT(deriver, IsOk());
    return *std::move(deriver);
  }

  // All pages but the first, which says what the file is.
  static void Damage(const std::string& path) {
    constexpr std::streamoff kPageBytes = 4096;
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path));
    const std::string junk(kPageBytes, 'x');
    for (std::streamoff at = kPageBytes; at < size; at += kPageBytes) {
      file.seekp(at);
      file.write(junk.data(), kPageBytes);
    }
  }
};

TEST_F(DeriverTest, DerivesATrickleWithoutBeingAsked) {
  OpenJournal();
  OpenAccounts(3);
  for (int i = 0; i < 50; ++i) {
    Append(SomeDebits(1));
    WaitUntilDerived();
  }

  EXPECT_EQ(journal_->Stats().derived_through, maker_.head().last);
}

TEST_F(DeriverTest, TheWriterWaitsWhileItIsTooFarAhead) {
  SqliteJournal::Options options = Options();
  options.derived_lag_entries_max = 100;
  OpenJournal(options);
  OpenAccounts(3);
  for (int i = 0; i < 50; ++i) {
    Append(SomeDebits(200));

    journal_->WaitForDerived();

    EXPECT_LE(journal_->Head().last - journal_->Stats().derived_through, 100);
  }
}

TEST_F(DeriverTest, TheWriterDoesNotWaitForTheBacklogOfTheStart) {
  SqliteJournal::Options without = Options();
  without.derive = false;
  OpenJournal(without);
  OpenAccounts(3);
  Append(SomeDebits(10'000));
  SqliteJournal::Options options = Options();
  options.derived_lag_entries_max = 5;
  // Nothing is derived while this test runs.
  options.derived_gather = absl::Hours(1);
  OpenJournal(options);

  Append(SomeDebits(5));
  journal_->WaitForDerived();

  EXPECT_EQ(journal_->Stats().derived_through, 0);
}

// Not for the request ids that are taken over after its entries: they are many.
TEST_F(DeriverTest, TheWriterGoesOnAsSoonAsEnoughIsDerived) {
  OpenWithoutDeriver();
  SlowClock clock(Start());
  const std::unique_ptr<Deriver> deriver = StartDeriver(absl::Hours(1), &clock);
  clock.WaitUntilAsked();
  Append(SomeDebits(200));
  deriver->OnAppended(maker_.head().last);

  std::thread writer([&] {
    deriver->WaitWhileFarBehind();
    clock.Finish();
  });
  clock.GoOn();
  writer.join();

  EXPECT_FALSE(clock.has_timed_out());
}

// What is written meanwhile is behind the backlog, whatever is derived of that.
TEST_F(DeriverTest, TheWriterDoesNotWaitWhileTheBacklogIsWorkedOff) {
  OpenWithBacklog();
  const EntryId backlog_through = maker_.head().last;
  SlowClock clock(Start());
  const std::unique_ptr<Deriver> deriver = StartDeriver(absl::Hours(1), &clock);
  clock.WaitUntilAsked();
  Append(SomeDebits(200));
  deriver->OnAppended(maker_.head().last);

  EntryId derived = 0;
  std::thread writer([&] {
    deriver->WaitWhileFarBehind();
    derived = deriver->status().through;
    clock.Finish();
  });
  clock.GoOn();
  writer.join();

  EXPECT_LT(derived, backlog_through);
}

TEST_F(DeriverTest, WhatCameMeanwhileIsABacklogTooWhereItIsLessThanHalf) {
  OpenWithBacklog();
  const EntryId backlog_through = maker_.head().last;
  SlowClock clock(Start());
  const std::unique_ptr<Deriver> deriver = StartDeriver(absl::Hours(1), &clock);
  clock.WaitUntilAsked();
  AppendChunks(4);
  deriver->OnAppended(maker_.head().last);
  clock.GoOn(9);
  clock.WaitUntilAsked(10);

  deriver->WaitWhileFarBehind();

  EXPECT_EQ(deriver->status().through, backlog_through);
  clock.Finish();
}

// For entries alone: request ids can come later.
TEST_F(DeriverTest, TheWriterWaitsWhereMoreThanHalfOfTheBacklogHasComeMeanwhile) {
  OpenWithBacklog();
  const EntryId backlog_through = maker_.head().last;
  SlowClock clock(Start());
  const std::unique_ptr<Deriver> deriver = StartDeriver(absl::Hours(1), &clock);
  clock.WaitUntilAsked();
  AppendChunks(6);
  deriver->OnAppended(maker_.head().last);
  clock.GoOn(9);
  testing::Await([&] { return deriver->status().through >= backlog_through; });

  deriver->WaitWhileFarBehind();

  EXPECT_GE(deriver->status().through, maker_.head().last - 5);
  EXPECT_FALSE(clock.has_timed_out());
  clock.Finish();
}

// So that it meets the disk itself, where that is stuck.
TEST_F(DeriverTest, TheWriterDoesNotWaitWhereNothingIsDerived) {
  OpenWithoutDeriver();
  SlowClock clock(Start());
  const std::unique_ptr<Deriver> deriver = StartDeriver(absl::ZeroDuration(), &clock);
  clock.WaitUntilAsked();
  const EntryId derived = deriver->status().through;
  Append(SomeDebits(200));
  deriver->OnAppended(maker_.head().last);

  deriver->WaitWhileFarBehind();

  EXPECT_EQ(deriver->status().through, derived);
  clock.Finish();
  clock.GoOn();
}

TEST_F(DeriverTest, StopsAtOnceWhileItGathers) {
  SqliteJournal::Options options = Options();
  options.derived_gather = absl::Hours(1);
  OpenJournal(options);
  OpenAccounts(3);

  journal_.reset();

  SUCCEED() << "an hour did not pass";
}

TEST_F(DeriverTest, WithoutADerivedFileEverythingIsAnswered) {
  SqliteJournal::Options options = Options();
  options.derive = false;
  OpenJournal(options);
  OpenAccounts(3);
  Append(SomeDebits(30));
  const auto reader = journal_->NewReader();
  ASSERT_THAT(reader, IsOk());

  SnapshotRecorder snapshot;
  EXPECT_EQ(journal_->LoadSnapshot(&snapshot).value(), 0);
  EXPECT_EQ(journal_->OldRequestsThrough(), 0);
  EXPECT_EQ(journal_->FindOldRequest(1).value(), std::nullopt);
  EXPECT_EQ(Activity(reader->get(), 2, maker_.head().last - 1, 10),
            (std::vector<EntryId>{8, 4, 3}));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "ledger/derived.db"));
}

TEST_F(DeriverTest, RequestIdsAreFoundOnceTheyAreOld) {
  OpenJournal();
  OpenAccounts(3);
  const Entry early = maker_.Debit(1, 1);
  Append({early});
  const EntryId early_through = maker_.head().last;
  WaitUntilDerived();
  EXPECT_EQ(journal_->OldRequestsThrough(), 0);

  maker_.Advance(absl::Hours(24 * 6));
  clock_.Advance(absl::Hours(24 * 6));
  const Entry late = maker_.Debit(1, 1);
  Append({late});
  testing::Await([&] { return journal_->OldRequestsThrough() >= early_through; });

  const auto find = [this](const Entry& entry) {
    return journal_->FindOldRequest(HashRequestId(entry.account, entry.request_id)).value();
  };
  EXPECT_EQ(journal_->OldRequestsThrough(), early_through);
  EXPECT_EQ(find(early), std::optional<EntryId>(early.id));
  EXPECT_EQ(find(late), std::nullopt);
}

// What was promised before counts, not only what is due: until then no old request is answered.
TEST_F(DeriverTest, AFileThatIsMadeAnewHasTheRequestIdsThatTheOneBeforeHad) {
  SqliteJournal::Options options = Options();
  options.request_window = absl::Hours(8);
  options.derived_chunk_entries_max = 500;
  options.derived_chunk_requests_max = 1'000;
  OpenJournal(options);
  OpenAccounts(3);
  Append(SomeDebits(100));
  maker_.Advance(absl::Minutes(90));
  for (int i = 0; i < 12; ++i) Append(SomeDebits(100));
  WaitUntilDerived();
  maker_.Advance(absl::Minutes(330));
  clock_.Set(maker_.now());
  Append(SomeDebits(1));
  testing::Await([&] { return journal_->OldRequestsThrough() >= 1'000; });
  OpenJournal(options);

  Damage(directory_ / "ledger/derived.db");
  int64_t id = 0;
  absl::StatusOr<std::optional<EntryId>> found = std::nullopt;
  const auto find = [&] { found = journal_->FindOldRequest(HashRequestId(1, UuidOf(++id))); };
  while (found.ok()) find();
  EXPECT_THAT(found, FailsWith(Reason::kOverloaded));

  // Ends where all are there again. Asks without a pause: an answer that comes too early is there
  // for a moment only.
  while (!found.ok()) find();
  EXPECT_GE(journal_->OldRequestsThrough(), 1'000);
}

TEST_F(DeriverTest, RequestIdsStayInMemoryWhereTheDiskHasNoRoomForThem) {
  SqliteJournal::Options options = Options();
  options.derive = false;
  OpenJournal(options);
  OpenAccounts(3);
  Append(SomeDebits(10));
  maker_.Advance(absl::Hours(24 * 6));
  clock_.Set(maker_.now());
  const auto deriver = Deriver::Start({.journal_path = directory_ / "ledger/journal.db",
                                       .derived_path = directory_ / "ledger/derived.db",
                                       .request_window = options.request_window,
                                       .free_disk_bytes_min_requests = int64_t{1} << 60,
                                       .gather = absl::ZeroDuration(),
                                       .clock = &clock_},
                                      journal_->Head().last);
  ASSERT_THAT(deriver, IsOk());
  for (int i = 0; i < 3; ++i) {
    Append(SomeDebits(1));
    (*deriver)->OnAppended(journal_->Head().last);
    testing::Await([&] { return (*deriver)->status().through >= journal_->Head().last; });
  }

  EXPECT_EQ((*deriver)->status().requests_through, 0);
}

TEST_F(DeriverTest, EntriesWaitWhereTheDiskHasNoRoomForThem) {
  SqliteJournal::Options options = Options();
  options.free_disk_bytes_min = int64_t{1} << 60;
  options.derived_lag_entries_max = 0;
  OpenJournal(options);
  OpenAccounts(3);
  // Until it has tried.
  journal_->WaitForDerived();

  EXPECT_EQ(journal_->Stats().derived_through, 0);

  // There is room again.
  OpenJournal();
  WaitUntilDerived();
}

TEST_F(DeriverTest, AChunkThatHasFilledTheDiskIsTriedInSmallerOnes) {
  ASSERT_TRUE(kHasSmallDisk);
  SqliteJournal::Options options = Options();
  options.derive = false;
  OpenJournal(options);
  for (int batch = 0; batch < 20; ++batch) {
    std::vector<Entry> entries;
    for (int i = 0; i < 100; ++i) {
      entries.push_back(maker_.Open(absl::StrCat("account-", batch, "-", i)));
    }
    Append(entries);
  }
  log_room_bytes = 150'000;

  OpenJournal();
  WaitUntilDerived();

  EXPECT_GT(full_disks, 0);
  log_room_bytes = std::numeric_limits<int64_t>::max();
}

TEST_F(DeriverTest, AFileThatTheDiskHasNoRoomToWriteToIsReadAndKept) {
  ASSERT_TRUE(kHasSmallDisk);
  OpenJournal();
  OpenAccounts(3);
  WaitUntilDerived();
  journal_.reset();
  const std::string aside = directory_ / "aside";
  std::filesystem::create_hard_link(directory_ / "ledger/derived.db", aside);
  log_room_bytes = 0;

  OpenJournal();
  full_disks = 0;
  Append(SomeDebits(1));
  testing::Await([] { return full_disks > 0; });
  SnapshotRecorder snapshot;
  EXPECT_EQ(journal_->LoadSnapshot(&snapshot).value(), maker_.head().last - 1);

  log_room_bytes = std::numeric_limits<int64_t>::max();
  WaitUntilDerived();
  EXPECT_TRUE(std::filesystem::equivalent(directory_ / "ledger/derived.db", aside));
}

TEST_F(DeriverTest, RequestIdsAreOldByTheJournalsTimeWhereTheClockIsBehind) {
  OpenJournal();
  OpenAccounts(3);
  Append(SomeDebits(10));
  const EntryId early_through = maker_.head().last;
  maker_.Advance(absl::Hours(24 * 6));
  Append(SomeDebits(1));

  testing::Await([&] { return journal_->OldRequestsThrough() >= early_through; });

  EXPECT_EQ(journal_->OldRequestsThrough(), early_through);
}

}  // namespace
}  // namespace farebox::sqlite
