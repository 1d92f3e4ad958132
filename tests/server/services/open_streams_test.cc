// Who finds room for one more stream.

#include "server/services/open_streams.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "storage/errors.h"
#include "tests/support/status_matchers.h"

namespace farebox::server {
namespace {

class SilentStream final : public OpenStream {
 public:
  void EndSoon() override {}
};

class OpenStreamsTest : public ::testing::Test {
 protected:
  absl::Status Enter(absl::string_view account_id) {
    entered_.push_back(std::make_shared<SilentStream>());
    return streams_.Enter(entered_.back(), account_id);
  }

  std::vector<std::shared_ptr<SilentStream>> entered_;
  OpenStreams streams_{{.streams_max = 8, .per_account_max = 2}};
};

TEST_F(OpenStreamsTest, ACustomerHasThePlacesOfOneAccount) {
  ASSERT_THAT(Enter("a"), IsOk());
  ASSERT_THAT(Enter("a"), IsOk());

  EXPECT_EQ(GetReason(Enter("a")), Reason::kOverloaded);
  EXPECT_THAT(Enter("b"), IsOk());
}

// Once, the customers of four accounts had every place there was.
TEST_F(OpenStreamsTest, AllCustomersTogetherLeaveRoomForOthers) {
  for (const char* const account_id : {"a", "b", "c"}) {
    ASSERT_THAT(Enter(account_id), IsOk());
    ASSERT_THAT(Enter(account_id), IsOk());
  }

  EXPECT_EQ(GetReason(Enter("d")), Reason::kOverloaded);
  EXPECT_THAT(Enter(""), IsOk());
  EXPECT_THAT(Enter(""), IsOk());
  EXPECT_EQ(GetReason(Enter("")), Reason::kOverloaded);
}

TEST_F(OpenStreamsTest, OthersMayHaveAllPlaces) {
  for (int i = 0; i < 8; ++i) ASSERT_THAT(Enter(""), IsOk()) << i;

  EXPECT_EQ(GetReason(Enter("")), Reason::kOverloaded);
  streams_.Leave(entered_[0].get());
  EXPECT_THAT(Enter("a"), IsOk());
}

}  // namespace
}  // namespace farebox::server
