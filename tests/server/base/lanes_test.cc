#include "server/base/lanes.h"

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/thread_gate.h"
#include "tests/support/await.h"

namespace farebox::server {
namespace {

using ::testing::ElementsAre;

// Once, a server under load did not end: a call that was waiting to be written down was dropped,
// was ended by that, and its end was to be written down too.
TEST(LanesTest, WorkThatIsDroppedMayPostOnItsWay) {
  Lanes lanes("test", /*threads=*/1);
  ThreadGate gate;
  bool was_taken = true;
  ASSERT_TRUE(lanes.Post("first", [&] { gate.Wait(); }));
  gate.AwaitReached();
  auto post = absl::MakeCleanup([&] { was_taken = lanes.Post("last", [] {}); });
  ASSERT_TRUE(lanes.Post("second", [post = std::move(post)] {}));

  std::thread draining([&] { lanes.Drain(); });
  testing::Await([&] { return !lanes.Post("more", [] {}); });
  gate.Open();
  draining.join();

  EXPECT_FALSE(was_taken);
}

TEST(LanesTest, ALaneKeepsItsOrderAndLanesRunSideBySide) {
  Lanes lanes("test", 4);
  std::vector<std::vector<int>> seen(8);
  for (int i = 0; i < 1000; ++i) {
    const size_t lane = static_cast<size_t>(i) % seen.size();
    ASSERT_TRUE(lanes.Post(absl::StrCat(lane), [&seen, lane, i] { seen[lane].push_back(i); }));
  }

  lanes.WaitUntilIdle();

  for (const std::vector<int>& lane : seen) {
    EXPECT_EQ(lane.size(), 125U);
    EXPECT_TRUE(std::is_sorted(lane.begin(), lane.end()));
  }
  lanes.Drain();
  EXPECT_FALSE(lanes.Post("late", [] { ADD_FAILURE(); }));
}

// One thread that is held up with the first piece of the lane "paying": what is posted meanwhile is
// done in its turn once that is over.
class TurnsTest : public ::testing::Test {
 protected:
  using Turn = Lanes::Turn;

  TurnsTest() { Hold("paying", Turn::kNext, &gate_); }

  void Hold(const char* lane, Turn turn, ThreadGate* gate) {
    lanes_.Post(
        lane, [gate] { gate->Wait(); }, turn);
    gate->AwaitReached();
  }
  void Post(const char* lane, const char* name, Turn turn = Turn::kInOrder) {
    lanes_.Post(
        lane, [this, name] { done_.emplace_back(name); }, turn);
  }
  // In which order.
  std::vector<std::string> Done() {
    gate_.Open();
    lanes_.WaitUntilIdle();
    return done_;
  }

  ThreadGate gate_;
  std::vector<std::string> done_;  // Used on the lanes' thread until that is idle.
  Lanes lanes_{"test", /*threads=*/1};
};

TEST_F(TurnsTest, WhatIsNextComesBeforeWhatWaits) {
  Post("a", "a");
  Post("b", "b");
  Post("b", "b next", Turn::kNext);
  Post("c", "c next", Turn::kNext);

  EXPECT_THAT(Done(), ElementsAre("b", "c next", "b next", "a"));
}

// Once, it came after everything that waited.
TEST_F(TurnsTest, SoDoesWhatIsNextOnALaneThatIsBeingDone) {
  Post("other", "other");
  Post("paying", "paid", Turn::kNext);

  EXPECT_THAT(Done(), ElementsAre("paid", "other"));
}

TEST_F(TurnsTest, WhatIsNextHoldsUpNothingElseThatIs) {
  Post("revoking", "revoked", Turn::kNext);
  Post("paying", "paid", Turn::kNext);
  Post("paying", "paid again", Turn::kNext);

  EXPECT_THAT(Done(), ElementsAre("revoked", "paid", "paid again"));
}

TEST(LanesTest, WhatIsNextLeavesAThreadToTheRest) {
  ThreadGate gates[2];
  std::vector<std::string> done;
  std::promise<void> is_done;
  Lanes lanes("test", /*threads=*/2);
  const char* const names[] = {"a", "b"};
  for (int i = 0; i < 2; ++i) {
    lanes.Post(
        names[i], [gate = &gates[i]] { gate->Wait(); }, Lanes::Turn::kNext);
    gates[i].AwaitReached();
  }
  lanes.Post(
      "c",
      [&] {
        done.emplace_back("next");
        is_done.set_value();
      },
      Lanes::Turn::kNext);
  lanes.Post("d", [&] { done.emplace_back("in order"); });

  gates[0].Open();
  is_done.get_future().wait();
  gates[1].Open();

  EXPECT_THAT(done, ElementsAre("in order", "next"));
}

}  // namespace
}  // namespace farebox::server
