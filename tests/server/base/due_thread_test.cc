#include "server/base/due_thread.h"

#include <atomic>

#include "gtest/gtest.h"
#include "tests/server/thread_gate.h"
#include "tests/support/await.h"

namespace farebox::server {
namespace {

// Far longer than any test: who waits for it was not woken.
constexpr absl::Duration kForEver = absl::Hours(24);

TEST(DueThreadTest, ItWorksAgainAfterThePauseThatItsWorkHasSaid) {
  std::atomic<int> times = 0;
  DueThread thread("test", [&] {
    ++times;
    return times < 3 ? absl::Milliseconds(1) : kForEver;
  });

  thread.Start();

  EXPECT_TRUE(testing::Await([&] { return times == 3; }));
}

TEST(DueThreadTest, ItWorksAtOnceWhereItIsWoken) {
  std::atomic<int> times = 0;
  DueThread thread("test", [&] {
    ++times;
    return kForEver;
  });
  thread.Start(kForEver);

  thread.Wake();
  ASSERT_TRUE(testing::Await([&] { return times == 1; }));
  thread.Wake();

  EXPECT_TRUE(testing::Await([&] { return times == 2; }));
}

TEST(DueThreadTest, ACallThatComesWhileItWorksIsHeard) {
  ThreadGate gate;
  std::atomic<int> times = 0;
  DueThread thread("test", [&] {
    gate.Wait();
    ++times;
    return kForEver;
  });
  thread.Start();
  gate.AwaitReached();

  thread.Wake();
  gate.Open();

  EXPECT_TRUE(testing::Await([&] { return times == 2; }));
}

TEST(DueThreadTest, WhatIsDoneEndsBeforeItHasStoppedAndNothingIsDoneAfterThat) {
  ThreadGate gate;
  std::atomic<int> times = 0;
  DueThread thread("test", [&] {
    gate.Wait();
    ++times;
    return absl::ZeroDuration();
  });
  thread.Start();
  gate.AwaitReached();

  EXPECT_FALSE(thread.StopWithin(absl::Milliseconds(1)));
  EXPECT_TRUE(thread.IsStopping());
  gate.Open();
  EXPECT_TRUE(thread.StopWithin(kForEver));
  thread.Stop();
  thread.Wake();

  EXPECT_EQ(times, 1);
}

TEST(DueThreadTest, OneThatWaitsStopsAtOnce) {
  DueThread thread("test", [] { return kForEver; });
  thread.Start(kForEver);

  EXPECT_TRUE(thread.StopWithin(kForEver));
  thread.Stop();
  thread.Stop();
}

TEST(DueThreadTest, OneThatNeverStartedHasNothingToEnd) {
  DueThread thread("test", [] { return kForEver; });

  EXPECT_TRUE(thread.StopWithin(kForEver));
}

}  // namespace
}  // namespace farebox::server
