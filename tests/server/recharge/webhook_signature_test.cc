#include "server/recharge/webhook_signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/recharge/limits.h"
#include "tests/server/recharge/provider_fixture.h"

namespace farebox::server {
namespace {

constexpr char kSecret[] = "whsec_test_secret";
constexpr char kBody[] = R"({"id":"evt_1"})";

class WebhookSignatureTest : public ::testing::Test {
 protected:
  absl::Status Check(const std::string& header, absl::Duration later = absl::ZeroDuration()) {
    return CheckWebhookSignature(kBody, header, kSecret, now_ + later);
  }

  const absl::Time now_ = absl::FromUnixSeconds(1'790'000'000);
  const std::string good_ = SignWebhook(kBody, kSecret, now_);
};

TEST_F(WebhookSignatureTest, IsTheOneThatIsPublished) {
  // printf '1790000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test_secret
  EXPECT_EQ(good_,
            "t=1790000000,"
            "v1=621e30333c3e6f1df3159281b9d0e6983411cc64573a2fb2802f56791c7a24c1");
}

TEST_F(WebhookSignatureTest, AGoodOneIsTaken) {
  EXPECT_THAT(Check(good_), IsOk());
  EXPECT_THAT(Check(good_ + ",v0=ignored"), IsOk());
}

TEST_F(WebhookSignatureTest, OneOfTwoThatFitsIsEnough) {
  const std::string other = SignWebhook(kBody, "whsec_another", now_);
  const std::string other_v1 = other.substr(other.find(",v1="));

  EXPECT_THAT(Check(good_ + other_v1), IsOk());
  EXPECT_THAT(Check(absl::StrCat("t=1790000000", other_v1, good_.substr(good_.find(',')))), IsOk());
  EXPECT_THAT(Check(absl::StrCat("t=1790000000", other_v1)),
              HasCode(absl::StatusCode::kUnauthenticated));
}

TEST_F(WebhookSignatureTest, OneThatComesAfterMoreThanAProviderSendsIsNotLookedAt) {
  const std::string v1 = good_.substr(good_.find(",v1="));
  const auto after = [&](size_t others) {
    std::string header = "t=1790000000";
    for (size_t i = 0; i < others; ++i) header += ",v0=another";
    return header + v1;
  };

  EXPECT_THAT(Check(after(limits::kSignaturePartsMax - 2)), IsOk());
  EXPECT_THAT(Check(after(limits::kSignaturePartsMax)),
              HasCode(absl::StatusCode::kUnauthenticated));
}

TEST_F(WebhookSignatureTest, AWrongOneIsRefused) {
  const std::string headers[] = {
      "",
      "t=1790000000",
      "v1=",
      "t=1790000000,v1=",
      "t=,v1=",
      good_.substr(0, good_.size() - 1),
      good_ + "0",
      absl::StrReplaceAll(good_, {{"t=1790000000", "t=1790000001"}}),
      absl::StrReplaceAll(good_, {{"v1=", "v0="}}),
      good_.substr(good_.find("v1=")),
      SignWebhook(kBody, "whsec_another", now_),
      SignWebhook("{}", kSecret, now_),
      std::string(100'000, ','),
      std::string("t=1790000000,v1=\0\xff", 18),
  };
  for (const std::string& header : headers) {
    EXPECT_THAT(Check(header), HasCode(absl::StatusCode::kUnauthenticated)) << header.substr(0, 90);
  }
}

TEST_F(WebhookSignatureTest, AnOldOneIsRefused) {
  EXPECT_THAT(Check(good_, absl::Minutes(5)), IsOk());
  EXPECT_THAT(Check(good_, -absl::Minutes(5)), IsOk());
  EXPECT_THAT(Check(good_, absl::Minutes(5) + absl::Seconds(1)),
              HasCode(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(Check(good_, -absl::Minutes(5) - absl::Seconds(1)),
              HasCode(absl::StatusCode::kUnauthenticated));
}

TEST_F(WebhookSignatureTest, WithoutASecretNothingIsTaken) {
  EXPECT_THAT(CheckWebhookSignature(kBody, SignWebhook(kBody, "", now_), "", now_),
              HasCode(absl::StatusCode::kUnauthenticated));
}

}  // namespace
}  // namespace farebox::server
