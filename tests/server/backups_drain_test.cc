#include <filesystem>
#include <memory>
#include <utility>

#include "gtest/gtest.h"
#include "prometheus/registry.h"
#include "server/backups.h"
#include "storage/clock.h"
#include "tests/support/memory_journal.h"
#include "tests/support/temporary_directory.h"

namespace farebox::server {
namespace {

// A call waits for it, and the server for the call.
TEST(BackupsTest, EveryBackupIsToldOfThatAStopComesBefore) {
  const testing::TemporaryDirectory directory;
  const std::string backups_path = directory.path() + "/backups";
  std::filesystem::create_directory(backups_path);
  const SystemClock clock;
  MemoryDisk disk;
  MemoryJournal journal(&disk);
  for (int i = 0; i < 200; ++i) {
    prometheus::Registry registry;
    auto backups =
        Backups::Start({.directory = backups_path}, {.journal = &journal,
                                                     .clock = &clock,
                                                     .metrics = &registry,
                                                     .data_directory = directory.path()});
    ASSERT_TRUE(backups.ok()) << backups.status();
    int told = 0;

    (*backups)->Begin({.observer = [](const auto&) { return true; }},
                      [&told](const auto&) { ++told; });
    (*backups)->Drain();

    ASSERT_EQ(told, 1) << "in round " << i;
  }
}

}  // namespace
}  // namespace farebox::server
