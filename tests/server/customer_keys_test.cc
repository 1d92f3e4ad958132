#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "farebox/v1/access.grpc.pb.h"
#include "server/base/limits.h"
#include "tests/server/access_fixture.h"
#include "tests/server/thread_gate.h"

namespace farebox::server {
namespace {

using ::grpc::StatusCode;
using ::testing::HasSubstr;
using ::testing::Not;

// A customer of acme, who looks after the keys of acme's customer, and of nobody else.
class CustomerKeysTest : public AccessTest {
 protected:
  void SetUp() override {
    AccessTest::SetUp();
    customer_ = ChannelOf("role: ROLE_CUSTOMER account_ids: 'acme' label: 'owner'");
  }

  Answer<v1::CreateApiKeyResponse> Create(absl::string_view request) {
    return CallBy<v1::CreateApiKeyResponse>(customer_, "AccessService/CreateApiKey",
                                            Parse<v1::CreateApiKeyRequest>(request));
  }
  Answer<v1::ListApiKeysResponse> List(absl::string_view request) {
    return CallBy<v1::ListApiKeysResponse>(customer_, "AccessService/ListApiKeys",
                                           Parse<v1::ListApiKeysRequest>(request));
  }
  Answer<v1::RevokeApiKeyResponse> Revoke(const std::string& key_id, absl::string_view account_id) {
    v1::RevokeApiKeyRequest request;
    request.set_key_id(key_id);
    request.set_account_id(std::string(account_id));
    return CallBy<v1::RevokeApiKeyResponse>(customer_, "AccessService/RevokeApiKey", request);
  }
  Answer<v1::GetBalanceResponse> AskBalance(const std::string& key) {
    return CallBy<v1::GetBalanceResponse>(ChannelWith(key), "BillingService/GetBalance",
                                          Parse<v1::GetBalanceRequest>("account_id: 'acme'"));
  }

  std::shared_ptr<grpc::Channel> customer_;
};

constexpr char kOwn[] =
    "account_id: 'acme' key { role: ROLE_CUSTOMER account_ids: 'acme' label: 'books' }";

TEST_F(CustomerKeysTest, ACustomerMakesAKeyOfTheirOwnThatIsGoodUntilRevoked) {
  const auto made = Create(kOwn);
  ASSERT_THAT(made, Answers("key { role: ROLE_CUSTOMER account_ids: 'acme' label: 'books' }"));
  EXPECT_THAT(AskBalance(made->secret()), Answers("currency_code: 'USD'"));

  EXPECT_THAT(Revoke(made->key().key_id(), "acme"), Answers("key { label: 'books' }"));

  EXPECT_THAT(AskBalance(made->secret()),
              FailsWith(StatusCode::UNAUTHENTICATED, "UNAUTHENTICATED"));
}

TEST_F(CustomerKeysTest, ACustomerMakesNoKeyThatMayDoMoreThanTheirs) {
  for (const char* const role :
       {"ROLE_ADMIN", "ROLE_SUPPORT", "ROLE_ROUTER", "ROLE_GATEWAY", "ROLE_METRICS"}) {
    const std::string key = absl::StrCat("key { role: ", role, " account_ids: 'acme' }");
    EXPECT_THAT(Create(absl::StrCat("account_id: 'acme' ", key)),
                FailsWith(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"))
        << role;
  }
  EXPECT_THAT(Create("account_id: 'acme'"),
              FailsWith(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));
}

TEST_F(CustomerKeysTest, ACustomerMakesNoKeyOfAnotherAccount) {
  constexpr absl::string_view kCustomer = "key { role: ROLE_CUSTOMER account_ids: ";
  // In another's name, whether it exists or not, in nobody's, and in their own for another.
  EXPECT_THAT(Create(absl::StrCat("account_id: 'other' ", kCustomer, "'other' }")),
              FailsWith(StatusCode::NOT_FOUND, "ACCOUNT_NOT_FOUND"));
  EXPECT_THAT(Create(absl::StrCat("account_id: 'nobody' ", kCustomer, "'nobody' }")),
              FailsWith(StatusCode::NOT_FOUND, "ACCOUNT_NOT_FOUND"));
  EXPECT_THAT(Create(absl::StrCat(kCustomer, "'other' }")),
              FailsWith(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));
  EXPECT_THAT(Create(absl::StrCat(kCustomer, "'acme' }")),
              FailsWith(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));
  EXPECT_THAT(Create(absl::StrCat("account_id: 'acme' ", kCustomer, "'other' }")),
              BlamesField("key.account_ids"));
  EXPECT_THAT(Create(absl::StrCat("account_id: 'acme' ", kCustomer, "['acme', 'other'] }")),
              BlamesField("key.account_ids"));
}

// Or the operator's limit would be none.
TEST_F(CustomerKeysTest, ACustomerGivesNoKeyARateOfItsOwn) {
  for (const char* const rate :
       {"calls_per_second: 1000000", "calls_per_second: 1 calls_burst: 9", "calls_burst: 9"}) {
    EXPECT_THAT(
        Create(absl::StrCat("account_id: 'acme' key { role: ROLE_CUSTOMER account_ids: 'acme' ",
                            rate, " }")),
        FailsWith(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"))
        << rate;
  }
}

TEST_F(CustomerKeysTest, AKeyThatACustomerMakesHasTheRateOfTheirs) {
  customer_ = ChannelOf(
      "role: ROLE_CUSTOMER account_ids: 'acme' calls_per_second: 5 calls_burst: 7 label: 'slow'");

  const auto made = Create(kOwn);

  ASSERT_THAT(made, Answers("key { calls_per_second: 5 calls_burst: 7 }"));
  customer_ = ChannelWith(made->secret());
  EXPECT_THAT(Create(kOwn), Answers("key { calls_per_second: 5 calls_burst: 7 }"));
}

TEST_F(CustomerKeysTest, ACustomerSeesTheKeysOfTheirOwnAccountOnly) {
  MakeKey("role: ROLE_CUSTOMER account_ids: 'other' label: 'of another'");
  MakeKey("role: ROLE_ROUTER account_ids: 'acme' label: 'of the operator'");
  ASSERT_THAT(Create(kOwn), Answers(""));

  const auto listed = List("account_id: 'acme'");
  ASSERT_EQ(listed->keys_size(), 2);
  EXPECT_THAT(listed->keys(0), Shows("label: 'books' role: ROLE_CUSTOMER"));
  EXPECT_THAT(listed->keys(1), Shows("label: 'owner' role: ROLE_CUSTOMER"));
  EXPECT_THAT(List(""), FailsWith(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));
  EXPECT_THAT(List("account_id: 'other'"), FailsWith(StatusCode::NOT_FOUND, "ACCOUNT_NOT_FOUND"));

  const auto page = List("account_id: 'acme' page_size: 1");
  ASSERT_EQ(page->keys_size(), 1);
  const std::string& token = page->next_page_token();
  const auto rest = List(absl::StrCat("account_id: 'acme' page_token: '", token, "'"));
  ASSERT_EQ(rest->keys_size(), 1);
  EXPECT_THAT(rest->keys(0), Shows("label: 'owner'"));
}

TEST_F(CustomerKeysTest, ACustomerCannotTellWhetherAnotherKeyExists) {
  const std::string router = MakeKey("role: ROLE_ROUTER account_ids: 'acme'").key().key_id();
  const std::string other = MakeKey("role: ROLE_CUSTOMER account_ids: 'other'").key().key_id();

  for (const std::string& key_id : {router, other, std::string("0123456789ab")}) {
    EXPECT_THAT(Revoke(key_id, "acme"), FailsWith(StatusCode::NOT_FOUND, "API_KEY_NOT_FOUND"));
    EXPECT_THAT(Revoke(key_id, ""), FailsWith(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));
    EXPECT_THAT(Revoke(key_id, "other"), FailsWith(StatusCode::NOT_FOUND, "ACCOUNT_NOT_FOUND"));
  }
  const auto listed = CallBy<v1::ListApiKeysResponse>(channel_, "AccessService/ListApiKeys",
                                                      v1::ListApiKeysRequest());
  for (const v1::ApiKey& key : listed->keys()) EXPECT_FALSE(key.has_revoke_time()) << key.key_id();
}

TEST_F(CustomerKeysTest, ACustomerMakesNoMoreThanTheAccountMayHave) {
  for (size_t made = 1; made < limits::kCustomerKeysMax; ++made) {
    ASSERT_THAT(Create(kOwn), Answers("")) << made;
  }
  EXPECT_THAT(Create(kOwn), BlamesField("key"));
  EXPECT_THAT(MakeKey("role: ROLE_CUSTOMER account_ids: 'other'").key(),
              Shows("role: ROLE_CUSTOMER"));
}

TEST_F(CustomerKeysTest, WhatACustomerDoesToKeysIsInTheAuditLogOfTheAccount) {
  const auto made = Create(kOwn);
  ASSERT_THAT(made, Answers(""));

  const v1::ListAuditLogResponse log = AuditLog("account_id: 'acme' page_size: 1");

  ASSERT_EQ(log.records_size(), 1);
  EXPECT_THAT(log.records(0), Shows("event: AUDIT_EVENT_ANSWERED role: ROLE_CUSTOMER code: 'OK' "
                                    "method: 'farebox.v1.AccessService/CreateApiKey'"));
  EXPECT_THAT(log.records(0).after_json(), HasSubstr(made->key().key_id()));
  EXPECT_THAT(log.records(0).after_json(), Not(HasSubstr(made->secret())));
}

// Many calls of a customer's at once, by one connection.
class BusyCustomerTest : public CustomerKeysTest {
 protected:
  static constexpr int kCreations = 100;

  struct OpenCreation {
    grpc::ClientContext context;
    v1::CreateApiKeyResponse response;
    std::promise<void> is_over;
  };

  void SetUp() override {
    CustomerKeysTest::SetUp();
    stub_ = v1::AccessService::NewStub(customer_);
  }
  void TearDown() override {
    for (const auto& creation : creations_) creation->is_over.get_future().wait();
    CustomerKeysTest::TearDown();
  }

  void BeginCreations() {
    for (int i = 0; i < kCreations; ++i) {
      OpenCreation* const begun = creations_.emplace_back(std::make_unique<OpenCreation>()).get();
      SetDeadline(&begun->context);
      stub_->async()->CreateApiKey(&begun->context, &creation_, &begun->response,
                                   [this, begun](const grpc::Status&) {
                                     ++answered_;
                                     begun->is_over.set_value();
                                   });
    }
  }

  const v1::CreateApiKeyRequest creation_ = Parse<v1::CreateApiKeyRequest>(kOwn);
  std::unique_ptr<v1::AccessService::Stub> stub_;
  std::vector<std::unique_ptr<OpenCreation>> creations_;
  std::atomic<int> answered_{0};
};

// Once, whoever had stolen a key could keep its owner from revoking it: each of their calls came
// before that in the audit log.
TEST_F(BusyCustomerTest, RevokesAKeyBeforeMostOfItsOtherCallsAreAnswered) {
  v1::RevokeApiKeyRequest revocation;
  revocation.set_account_id("acme");
  revocation.set_key_id(Create(kOwn)->key().key_id());
  grpc::ClientContext context;
  SetDeadline(&context);
  v1::RevokeApiKeyResponse revoked;
  std::promise<grpc::Status> revoking;
  int answered_before = 0;
  ThreadGate gate;
  HoldUpWriter(&server_->ledger(), &gate);

  BeginCreations();
  stub_->async()->RevokeApiKey(&context, &revocation, &revoked, [&](const grpc::Status& status) {
    answered_before = answered_;
    revoking.set_value(status);
  });
  // By the same connection: the server has what came before it, and none of it is on disk.
  CallBy<v1::GetBalanceResponse>(customer_, "BillingService/GetBalance",
                                 Parse<v1::GetBalanceRequest>("account_id: 'acme'"));
  gate.Open();
  const grpc::Status status = revoking.get_future().get();

  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_THAT(revoked, Shows("key { label: 'books' }"));
  EXPECT_LT(answered_before, kCreations * 9 / 10);
}

}  // namespace
}  // namespace farebox::server
