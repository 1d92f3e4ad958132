// How often a key may call.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/access_fixture.h"
#include "tests/server/http_calls.h"

namespace farebox::server {
namespace {

using grpc::StatusCode;
using Channel = std::shared_ptr<grpc::Channel>;

// Enough for what the fixture does with the admin's key.
constexpr int kBurst = 8;

class KeyRate : public AccessTest {
 protected:
  Config MakeConfig() const override {
    Config config = AccessTest::MakeConfig();
    config.access.caller_rate = {.per_second = 100, .burst = kBurst};
    return config;
  }

  void SetUp() override {
    AccessTest::SetUp();
    Rest();
  }

  // Until all buckets are full.
  void Rest() { Advance(absl::Minutes(1)); }

  Answer<v1::GetBalanceResponse> Look(const Channel& channel) {
    return CallBy<v1::GetBalanceResponse>(channel, "BillingService/GetBalance",
                                          Parse<v1::GetBalanceRequest>("account_id: 'acme'"));
  }
  int CallsUntilRefused(const Channel& channel) {
    int calls = 0;
    while (Look(channel).status.ok() && calls < 100) ++calls;
    return calls;
  }
  template <typename Request>
  Answer<v1::DebitResponse> Debit(const Channel& channel, const Request& request) {
    return CallBy<v1::DebitResponse>(channel, "BillingService/Debit", request);
  }
};

TEST_F(KeyRate, MoreCallsThanTheSettingsAllowAreToldWhenToComeBack) {
  const Channel router = ChannelOf("role: ROLE_ROUTER");
  const Channel other = ChannelOf("role: ROLE_ROUTER");

  EXPECT_EQ(CallsUntilRefused(router), kBurst);

  const auto refused = Look(router);
  EXPECT_THAT(refused, FailsWith(StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED"));
  EXPECT_TRUE(DetailsOf(refused.status).has_retry_info);
  EXPECT_EQ(DetailsOf(refused.status).error_info.metadata().at("limit"), "key_rate");
  EXPECT_EQ(CallsUntilRefused(other), kBurst);
  Rest();
  EXPECT_TRUE(Look(router).status.ok());
}

TEST_F(KeyRate, AKeyMayHaveItsOwn) {
  const v1::CreateApiKeyResponse made =
      MakeKey("role: ROLE_ROUTER calls_per_second: 2 calls_burst: 7");
  EXPECT_THAT(made.key(), Shows("calls_per_second: 2 calls_burst: 7"));
  EXPECT_EQ(CallsUntilRefused(ChannelWith(made.secret())), 7);
  EXPECT_EQ(CallsUntilRefused(ChannelOf("role: ROLE_ROUTER calls_per_second: 3")), 3);
  Restart();
  Rest();
  EXPECT_EQ(CallsUntilRefused(ChannelWith(made.secret())), 7);
}

class KeyRateOverHttp : public KeyRate {
 protected:
  Config MakeConfig() const override {
    Config config = KeyRate::MakeConfig();
    config.http_listen = "127.0.0.1:0";
    return config;
  }
};

TEST_F(KeyRateOverHttp, SigningInIsACallOfTheKey) {
  const std::string key =
      MakeKey("role: ROLE_CUSTOMER account_ids: 'acme' calls_per_second: 2 calls_burst: 7")
          .secret();
  HttpCalls http(server_->http_port());
  const auto sign_in = [&] {
    return http.Post("/session", absl::StrCat(R"({"api_key": ")", key, "\"}"),
                     {"Content-Type: application/json"});
  };

  for (int i = 0; i < 7; ++i) EXPECT_EQ(sign_in().status, 200) << i;

  const HttpResponse refused = sign_in();
  EXPECT_EQ(refused.status, 429) << refused.body;
  EXPECT_NE(refused.Header("retry-after"), "");
  Rest();
  EXPECT_EQ(sign_in().status, 200);
}

TEST_F(KeyRateOverHttp, ASessionOfALinkHasTheOneOfTheSettings) {
  const auto link = CallBy<v1::CreateSignInLinkResponse>(
      channel_, "AccessService/CreateSignInLink",
      Parse<v1::CreateSignInLinkRequest>("account_id: 'acme'"));
  HttpCalls http(server_->http_port());
  const HttpResponse signed_in =
      http.Post("/session", absl::StrCat(R"({"code": ")", link->code(), "\"}"),
                {"Content-Type: application/json"});
  const std::string set(signed_in.Header("set-cookie"));
  const std::vector<std::string> own_page = {absl::StrCat("Cookie: ", set.substr(0, set.find(';'))),
                                             "Sec-Fetch-Site: same-origin",
                                             "Connect-Protocol-Version: 1"};

  int calls = 0;
  HttpResponse response;
  do {
    response = http.Call("BillingService/GetBalance", R"({"account_id": "acme"})", own_page);
  } while (response.status == 200 && ++calls < 100);

  EXPECT_EQ(calls, kBurst);
  EXPECT_EQ(response.status, 429) << response.body;
}

TEST_F(KeyRate, OperationsOfABatchAreCallsToo) {
  const Channel router = ChannelOf("role: ROLE_ROUTER");
  v1::ApplyBatchRequest batch;
  for (int i = 0; i < 1'000; ++i) {
    *batch.add_operations() = Parse<v1::Operation>(
        "debit { account_id: 'acme' request_id: 'x' settlement { hold_id: 1 used_seconds: 1 } }");
  }

  // It is let in, and paid for afterwards: a thousand calls are ten seconds.
  EXPECT_TRUE(
      CallBy<v1::ApplyBatchResponse>(router, "BillingService/ApplyBatch", batch).status.ok());
  Advance(absl::Seconds(9));
  EXPECT_FALSE(Look(router).status.ok());
  Advance(absl::Seconds(1));
  EXPECT_TRUE(Look(router).status.ok());
}

TEST_F(KeyRate, WhatEndsCallsMayGoOnForABurst) {
  const Channel router = ChannelOf("role: ROLE_ROUTER");
  ASSERT_EQ(CallsUntilRefused(router), kBurst);
  const auto settlement = Parse<v1::DebitRequest>(
      "account_id: 'acme' request_id: 's' settlement { hold_id: 999 used_seconds: 1 }");

  for (int i = 0; i < kBurst; ++i) {
    EXPECT_THAT(Debit(router, settlement), FailsWith(StatusCode::NOT_FOUND, "HOLD_NOT_FOUND"));
  }
  EXPECT_THAT(Debit(router, settlement), FailsWith(StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED"));
}

TEST_F(KeyRate, ARateThatIsNoneIsRefused) {
  const Channel admin = ChannelWith(AdminKey());
  for (const auto& [key, field] : std::initializer_list<std::pair<const char*, const char*>>{
           {"calls_per_second: -1", "key.calls_per_second"},
           {"calls_per_second: 1000001", "key.calls_per_second"},
           {"calls_per_second: 1 calls_burst: -1", "key.calls_burst"},
           {"calls_per_second: 1 calls_burst: 1000001", "key.calls_burst"},
           {"calls_burst: 1", "key.calls_burst"}}) {
    Rest();
    const auto refused = CallBy<v1::CreateApiKeyResponse>(
        admin, "AccessService/CreateApiKey",
        Parse<v1::CreateApiKeyRequest>(absl::StrCat("key { role: ROLE_ROUTER ", key, " }")));
    EXPECT_THAT(refused, BlamesField(field)) << key;
  }
}

}  // namespace
}  // namespace farebox::server
