#include "server/base/reader_pool.h"

#include <atomic>
#include <memory>

#include "gtest/gtest.h"
#include "storage/errors.h"
#include "tests/server/thread_gate.h"
#include "tests/support/memory_journal.h"

namespace farebox::server {
namespace {

TEST(ReaderPoolTest, RefusesAQueryWhereTooManyWait) {
  MemoryDisk disk;
  MemoryJournal journal(&disk);
  const auto pool = *ReaderPool::Start({.threads = 1, .queue_max = 2}, &journal);
  ThreadGate gate;
  std::atomic<int> runs{0};
  ASSERT_TRUE(pool->Run([&](JournalReader&) { gate.Wait(); }).ok());
  gate.AwaitReached();

  EXPECT_TRUE(pool->Run([&](JournalReader&) { ++runs; }).ok());
  EXPECT_TRUE(pool->Run([&](JournalReader&) { ++runs; }).ok());
  EXPECT_EQ(GetReason(pool->Run([&](JournalReader&) { ++runs; })), Reason::kOverloaded);

  gate.Open();
  pool->Drain();
  EXPECT_EQ(runs, 2);
}

TEST(ReaderPoolTest, RunsWhatWaitsBeforeItStopsAndNothingAfterwards) {
  MemoryDisk disk;
  MemoryJournal journal(&disk);
  const auto pool = *ReaderPool::Start({.threads = 2, .queue_max = 100}, &journal);
  std::atomic<int> runs{0};
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(pool->Run([&](JournalReader&) { ++runs; }).ok());

  pool->Drain();

  EXPECT_EQ(runs, 50);
  EXPECT_EQ(GetReason(pool->Run([&](JournalReader&) { ++runs; })), Reason::kShuttingDown);
}

}  // namespace
}  // namespace farebox::server
