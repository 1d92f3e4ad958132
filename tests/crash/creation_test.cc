// What a power cut leaves while the file of a new ledger is made: nothing under its name, or all of
// it.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/clock.h"
#include "storage/entry.h"
#include "storage/sqlite/sqlite_journal.h"
#include "storage/status_macros.h"
#include "tests/crash/disk_states.h"
#include "tests/crash/io_log.h"
#include "tests/crash/recording_vfs.h"
#include "tests/crash/workload.h"
#include "tests/support/read_file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace farebox {
namespace {

// Of each moment: all there, nothing that is not synced, and some of it.
constexpr uint64_t kCreationVariants = 4;

class CreationTest : public ::testing::Test {
 protected:
  // Starts in a directory, whatever is there; the ledger must be empty.
  absl::Status Start(const std::string& directory) const {
    FAREBOX_ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::SqliteJournal> journal,
                             sqlite::SqliteJournal::Open(CrashJournalOptions(directory, &clock_)));
    return journal->Head() == BatchHead() ? absl::OkStatus()
                                          : absl::InternalError("there is something in it");
  }

  // Starts on a file that is being made.
  absl::Status StartOnDraft(const DiskImage& image) const {
    const std::string left = directory_ / "left";
    std::filesystem::remove_all(left);
    std::filesystem::create_directory(left);
    std::ofstream(left + "/journal.db.new", std::ios::binary)
        << image[static_cast<size_t>(RecordedFile::kDatabase)];
    std::ofstream(left + "/journal.db.new-wal", std::ios::binary)
        << image[static_cast<size_t>(RecordedFile::kLog)];
    return Start(left);
  }

  const ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  const testing::TemporaryDirectory directory_;
};

TEST_F(CreationTest, WhatIsLeftOfItIsMadeAnewAndWhatHasItsNameIsOnDisk) {
  IoLog log;
  {
    const IoRecorder recorder(&log);
    ASSERT_THAT(Start(directory_ / "made"), IsOk());
  }

  DiskStates disk(DiskImage(), &log, SyncLie::kNone);
  std::mt19937_64 random(1);
  while (disk.Next()) {
    for (uint64_t variant = 0; variant < kCreationVariants; ++variant) {
      EXPECT_THAT(StartOnDraft(disk.MakeVariant(variant, &random)), IsOk())
          << "operation " << disk.position() << ", variant " << variant;
    }
  }

  EXPECT_GT(log.size(), 10u);
  const DiskImage synced = disk.MakeVariant(1, &random);
  EXPECT_EQ(synced[static_cast<size_t>(RecordedFile::kDatabase)],
            testing::ReadFile((directory_ / "made") + "/journal.db"));
}

TEST_F(CreationTest, NothingHasItsNameBefore) {
  const std::string made = directory_ / "made";
  // In the way of what it is made as.
  std::filesystem::create_directories(made + "/journal.db.new/in the way");

  EXPECT_FALSE(Start(made).ok());

  EXPECT_FALSE(std::filesystem::exists(made + "/journal.db"));
}

}  // namespace
}  // namespace farebox
