#include "server/recharge/safe_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace farebox::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(SafeMessageTest, SecretsAreHidden) {
  const struct {
    const char* text;
    const char* safe;
  } kRows[] = {
      {"Your card was declined.", "Your card was declined."},
      {"Invalid API Key provided: sk_test_4eC39Hq", "Invalid API Key provided: [hidden]"},
      {"key=sk_live_abc;", "key=[hidden];"},
      {"rk_live_abc pk_live_abc whsec_abc", "[hidden] [hidden] [hidden]"},
      {"client pi_3Nx_secret_Yz9 leaked", "client [hidden] leaked"},
      {"card 4242424242424242 declined", "card [hidden] declined"},
      {"card 4242 4242 4242 4242!", "card [hidden]!"},
      {"card 4242-4242-4242-4242", "card [hidden]"},
      {"ends in 4242, in 2028", "ends in 4242, in 2028"},
      {"a\nb\tc\x1b[31m", "a b c [31m"},
      {"", ""},
  };
  for (const auto& row : kRows) EXPECT_EQ(SafeMessage(row.text), row.safe);
}

TEST(SafeMessageTest, LongTextIsCutBetweenCharacters) {
  EXPECT_EQ(SafeMessage(std::string(1'000, 'a')).size(), 256u);
  std::string umlauts = "x";
  for (int i = 0; i < 200; ++i) umlauts += "\xc3\xbc";

  const std::string safe = SafeMessage(umlauts);

  EXPECT_EQ(safe, umlauts.substr(0, 255));
}

TEST(SafeMessageTest, ASecretThatIsCutIsHiddenToo) {
  EXPECT_THAT(SafeMessage(std::string(250, ' ') + "sk_live_secret"), Not(HasSubstr("live")));
}

}  // namespace
}  // namespace farebox::server
