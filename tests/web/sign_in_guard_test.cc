#include "server/web/sign_in_guard.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/base/limits.h"
#include "storage/clock.h"

namespace farebox::web {
namespace {

class SignInGuardTest : public ::testing::Test {
 protected:
  void Fail(absl::string_view peer, int times) {
    for (int i = 0; i < times; ++i) guard_.NoteFailure(peer);
  }
  bool MayTry(absl::string_view peer) { return guard_.Wait(peer) == absl::ZeroDuration(); }

  ManualClock clock_{absl::FromUnixSeconds(1'767'225'600)};
  SignInGuard guard_{&clock_};
};

TEST_F(SignInGuardTest, SomeMistakesAreFree) {
  Fail("ipv4:192.0.2.1:40000", limits::kSignInFailuresMax - 1);
  EXPECT_TRUE(MayTry("ipv4:192.0.2.1:40001"));

  Fail("ipv4:192.0.2.1:40002", 1);
  EXPECT_FALSE(MayTry("ipv4:192.0.2.1:40003"));
  EXPECT_TRUE(MayTry("ipv4:192.0.2.2:40000"));
}

TEST_F(SignInGuardTest, ThenOneMoreEachPause) {
  Fail("ipv4:192.0.2.1:1", limits::kSignInFailuresMax);

  clock_.Advance(limits::kSignInFailurePause);
  EXPECT_TRUE(MayTry("ipv4:192.0.2.1:1"));
  Fail("ipv4:192.0.2.1:1", 1);
  EXPECT_FALSE(MayTry("ipv4:192.0.2.1:1"));

  clock_.Advance(limits::kSignInFailuresMax * limits::kSignInFailurePause);
  Fail("ipv4:192.0.2.1:1", limits::kSignInFailuresMax - 1);
  EXPECT_TRUE(MayTry("ipv4:192.0.2.1:1"));
}

TEST_F(SignInGuardTest, AnIpv6NetworkIsOnePeer) {
  for (int i = 0; i < limits::kSignInFailuresMax; ++i) {
    guard_.NoteFailure(absl::StrCat("ipv6:%5B2001:db8:1:2::", i + 1, "%5D:4000"));
  }

  EXPECT_FALSE(MayTry("ipv6:%5B2001:db8:1:2::ffff%5D:1"));
  EXPECT_TRUE(MayTry("ipv6:%5B2001:db8:1:3::1%5D:1"));
}

TEST_F(SignInGuardTest, RemembersABoundedNumberOfPeers) {
  for (size_t i = 0; i < 3 * limits::kSignInPeersMax; ++i) {
    guard_.NoteFailure(
        absl::StrCat("ipv4:10.", i / 65'536, ".", i / 256 % 256, ".", i % 256, ":1"));
  }

  EXPECT_TRUE(MayTry("ipv4:192.0.2.1:1"));
}

}  // namespace
}  // namespace farebox::web
