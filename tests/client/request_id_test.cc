#include "client/cpp/request_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace farebox::client {
namespace {

using ::testing::MatchesRegex;
using ::testing::StartsWith;

TEST(RequestIdTest, IsAUuidOfVersionSeven) {
  EXPECT_THAT(MakeRequestId(),
              MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
}

TEST(RequestIdTest, BeginsWithTheMillisecondsOfItsTime) {
  // The example of RFC 9562, appendix A.6.
  EXPECT_THAT(MakeRequestIdAt(absl::FromUnixMillis(1'645'557'742'000)),
              StartsWith("017f22e2-79b0-7000-"));
}

TEST(RequestIdTest, SortsByTimeWithinAMillisecond) {
  const absl::Time time = absl::FromUnixMillis(1'645'557'742'000);

  EXPECT_LT(MakeRequestIdAt(time), MakeRequestIdAt(time + absl::Microseconds(1)));
  EXPECT_LT(MakeRequestIdAt(time + absl::Microseconds(999)),
            MakeRequestIdAt(time + absl::Milliseconds(1)));
}

TEST(RequestIdTest, NoTwoOfOneMomentAreTheSame) {
  std::set<std::string> ids;
  for (int i = 0; i < 10'000; ++i) ids.insert(MakeRequestIdAt(absl::UnixEpoch()));

  EXPECT_EQ(ids.size(), 10'000);
}

}  // namespace
}  // namespace farebox::client
