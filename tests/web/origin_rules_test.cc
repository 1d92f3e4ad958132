#include "server/web/origin_rules.h"

#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace farebox::web {
namespace {

class OriginRulesTest : public ::testing::Test {
 protected:
  static Request With(Headers headers) { return {.headers = std::move(headers)}; }

  const OriginRules open_{{.is_open = true, .http_url = ""}};
  const OriginRules keys_{{.is_open = false, .http_url = "https://pay.example.com/"}};
};

TEST_F(OriginRulesTest, OtherSitesPagesAreRefused) {
  for (const OriginRules* const rules : {&open_, &keys_}) {
    EXPECT_TRUE(rules->Check(With({{"host", "127.0.0.1:8080"}})).ok());
    EXPECT_TRUE(rules
                    ->Check(With({{"host", "localhost:80"},
                                  {"origin", "http://localhost:80"},
                                  {"sec-fetch-site", "same-origin"}}))
                    .ok());
    for (const char* const site : {"cross-site", "same-site", "else"}) {
      EXPECT_FALSE(rules->Check(With({{"host", "localhost"}, {"sec-fetch-site", site}})).ok());
    }
    for (const char* const origin :
         {"null", "http://evil.example", "http://localhost:81", "http://localhost.evil.example"}) {
      EXPECT_FALSE(rules->Check(With({{"host", "localhost:80"}, {"origin", origin}})).ok());
    }
  }
  EXPECT_TRUE(
      keys_.Check(With({{"host", "inside:80"}, {"origin", "https://pay.example.com"}})).ok());
}

TEST_F(OriginRulesTest, NamesThatWereMadeToLeadHereAreRefusedWhereNobodyIsAsked) {
  for (const char* const host : {"evil.example", "evil.example:8080", "127.0.0.1.evil.example",
                                 "localhost.evil.example:80"}) {
    EXPECT_FALSE(open_.Check(With({{"host", host}})).ok()) << host;
    EXPECT_TRUE(keys_.Check(With({{"host", host}})).ok()) << host;
  }
  for (const char* const host : {"127.0.0.1", "127.0.0.1:80", "[::1]:80", "LOCALHOST:1", ""}) {
    EXPECT_TRUE(open_.Check(With({{"host", host}})).ok()) << host;
  }
}

TEST_F(OriginRulesTest, ASessionNeedsABrowsersWord) {
  const auto with = [](Headers headers) {
    headers.emplace_back("connect-protocol-version", "1");
    return With(std::move(headers));
  };
  EXPECT_TRUE(keys_.CheckWithSession(with({{"sec-fetch-site", "same-origin"}})).ok());
  EXPECT_TRUE(keys_.CheckWithSession(with({{"origin", "https://pay.example.com"}})).ok());
  EXPECT_FALSE(keys_.CheckWithSession(with({})).ok());
  EXPECT_FALSE(keys_.CheckWithSession(with({{"sec-fetch-site", "none"}})).ok());
  EXPECT_FALSE(keys_.CheckWithSession(With({{"sec-fetch-site", "same-origin"}})).ok());
}

}  // namespace
}  // namespace farebox::web
