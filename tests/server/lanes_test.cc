#include "server/lanes.h"

#include <memory>
#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "gtest/gtest.h"
#include "tests/server/thread_gate.h"
#include "tests/support/await.h"

namespace farebox::server {
namespace {

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

}  // namespace
}  // namespace farebox::server
