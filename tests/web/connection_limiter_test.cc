#include "server/web/connection_limiter.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "server/base/limits.h"
#include "server/transport/peer_address.h"

namespace farebox::web {
namespace {

using Verdict = ConnectionLimiter::Verdict;

server::PeerAddress PeerAt(const std::string& host) {
  return {.name = absl::StrCat("ipv4:", host, ":40000"), .host = host};
}

TEST(ConnectionLimiterTest, OnePeerHasNoMoreThanItsShare) {
  ConnectionLimiter limiter(/*connections_max=*/10, /*connections_per_peer_max=*/2);
  const server::PeerAddress peer = PeerAt("192.0.2.1");
  EXPECT_EQ(limiter.Enter(peer), Verdict::kTaken);
  EXPECT_EQ(limiter.Enter(peer), Verdict::kTaken);

  EXPECT_EQ(limiter.Enter(peer), Verdict::kRefused);
  EXPECT_EQ(limiter.Enter(PeerAt("192.0.2.2")), Verdict::kTaken);

  limiter.Leave(peer);
  EXPECT_EQ(limiter.Enter(peer), Verdict::kTaken);
  EXPECT_EQ(limiter.open(), 3);
  EXPECT_EQ(limiter.accepted(), 5);
  EXPECT_EQ(limiter.refused(), 1);
}

TEST(ConnectionLimiterTest, AProxyOnThisMachineStandsForMany) {
  ConnectionLimiter limiter(/*connections_max=*/10, /*connections_per_peer_max=*/1);
  server::PeerAddress proxy = PeerAt("127.0.0.1");
  proxy.is_local = true;

  EXPECT_EQ(limiter.Enter(proxy), Verdict::kTaken);
  EXPECT_EQ(limiter.Enter(proxy), Verdict::kTaken);
}

TEST(ConnectionLimiterTest, AboveTheBoundOneThatWaitsMakesRoomAndThenNobodyIsLetIn) {
  ConnectionLimiter limiter(/*connections_max=*/1, /*connections_per_peer_max=*/1);
  EXPECT_EQ(limiter.Enter(PeerAt("first")), Verdict::kTaken);

  for (int64_t i = 0; i < limits::kHttpConnectionsSlack; ++i) {
    ASSERT_EQ(limiter.Enter(PeerAt(absl::StrCat("peer ", i))), Verdict::kTakenForIdle);
  }

  EXPECT_EQ(limiter.Enter(PeerAt("last")), Verdict::kRefused);
}

TEST(ConnectionLimiterTest, WaitsForTheLastNoLongerThanItIsTold) {
  ConnectionLimiter limiter(/*connections_max=*/1, /*connections_per_peer_max=*/1);
  const server::PeerAddress peer = PeerAt("192.0.2.1");
  limiter.Enter(peer);

  limiter.AwaitNone(absl::Milliseconds(1));
  EXPECT_EQ(limiter.open(), 1);

  limiter.Leave(peer);
  limiter.AwaitNone(absl::InfiniteDuration());
  EXPECT_EQ(limiter.open(), 0);
}

}  // namespace
}  // namespace farebox::web
