#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/substitute.h"
#include "farebox/v1/recharge.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/empty.pb.h"
#include "tests/server/access_fixture.h"
#include "tests/support/read_file.h"

namespace farebox::server {
namespace {

using ::google::protobuf::Empty;
using ::grpc::StatusCode;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// Who may call what, written a second time.
const std::map<v1::Role, std::string>& ExpectedRpcs() {
  static const auto* const kRpcs = new std::map<v1::Role, std::string>{
      {v1::ROLE_ROUTER,
       "Authorize Reauthorize Debit Release GetBalance Quote ListHolds ApplyBatch ApplyStream "
       "WatchAccount"},
      {v1::ROLE_GATEWAY, "Debit GetBalance Quote ApplyBatch ApplyStream"},
      {v1::ROLE_SUPPORT,
       "Credit GetBalance Quote ListHolds WatchAccount GetAccount ListAccounts ListActivity "
       "ExportActivity GetSummary "
       "ListRates ListRateDecks ExportRates GetAutoRecharge GetCard ListRecharges ListNumbers "
       "GetStatus ListAuditLog"},
      {v1::ROLE_CUSTOMER,
       "GetBalance Quote ListHolds WatchAccount GetAccount ListActivity ExportActivity GetSummary "
       "ListRates Pay "
       "GetAutoRecharge UpdateAutoRecharge RetryRecharge StartCardSetup CompleteCardSetup GetCard "
       "DeleteCard ListRecharges PurchaseNumber ReleaseNumber ListNumbers "
       "CreateApiKey RevokeApiKey ListApiKeys"},
      {v1::ROLE_METRICS, "GetStatus"},
  };
  return *kRpcs;
}

std::set<std::string> Words(const std::string& text) {
  return absl::StrSplit(text, ' ', absl::SkipEmpty());
}

std::vector<const google::protobuf::MethodDescriptor*> AllRpcs() {
  std::vector<const google::protobuf::MethodDescriptor*> rpcs;
  for (const char* const file :
       {"access", "account", "billing", "number", "operations", "rate", "recharge"}) {
    const auto* const descriptor =
        google::protobuf::DescriptorPool::generated_pool()->FindFileByName(
            absl::StrCat("farebox/v1/", file, ".proto"));
    for (int s = 0; s < descriptor->service_count(); ++s) {
      for (int m = 0; m < descriptor->service(s)->method_count(); ++m) {
        rpcs.push_back(descriptor->service(s)->method(m));
      }
    }
  }
  return rpcs;
}

TEST(AccessRules, EveryRpcSaysWhoMayCallIt) {
  EXPECT_GE(AllRpcs().size(), 40u);
  for (const auto* const rpc : AllRpcs()) {
    const v1::AccessRule& rule = rpc->options().GetExtension(v1::access);
    EXPECT_THAT(rule.roles(), Not(IsEmpty())) << rpc->full_name();
    const bool admin_may = absl::c_linear_search(rule.roles(), v1::ROLE_ADMIN);
    EXPECT_TRUE(admin_may) << rpc->full_name();
    const bool reads = absl::StartsWith(rpc->name(), "Get") ||
                       absl::StartsWith(rpc->name(), "List") || rpc->name() == "Quote" ||
                       rpc->name() == "WatchAccount" || rpc->name() == "Verify" ||
                       absl::StartsWith(rpc->name(), "Export");
    EXPECT_EQ(rule.audit() == v1::AUDIT_UNSPECIFIED, reads) << rpc->full_name();
  }
}

TEST(AccessRules, NobodyMayCallWhatSaysNothing) {
  Caller admin;
  admin.role = v1::ROLE_ADMIN;

  EXPECT_FALSE(AccessRule::Of("farebox.v1.BillingService/Forget").Allows(admin));
}

TEST_F(AccessTest, EachRoleIsLetInWhereTheTableSays) {
  for (const auto& [role, expected] : ExpectedRpcs()) {
    const std::set<std::string> allowed = Words(expected);
    const std::string account = role == v1::ROLE_CUSTOMER ? "account_ids: 'acme'" : "";
    const auto channel = ChannelOf(absl::StrCat("role: ", v1::Role_Name(role), " ", account));
    for (const auto* const rpc : AllRpcs()) {
      const bool is_allowed = allowed.count(rpc->name()) == 1;
      // A stream that is let in has no end; without a payment provider nobody asks about payments.
      const bool is_endless = is_allowed && rpc->server_streaming();
      if (is_endless || rpc->service()->name() == "RechargeService") continue;
      const std::string name = absl::StrCat(rpc->service()->name(), "/", rpc->name());
      const grpc::Status status = CallBy<Empty>(channel, name, Empty()).status;
      // Who is let in is told what an empty request lacks.
      const bool is_turned_away =
          absl::StrContains(status.error_message(), "the role may not call this");
      EXPECT_EQ(is_turned_away, !is_allowed)
          << v1::Role_Name(role) << " " << name << " " << status.error_message();
      EXPECT_TRUE(!is_turned_away || status.error_code() == StatusCode::PERMISSION_DENIED);
    }
  }
}

TEST(AccessRules, TheTableIsTheOneThatIsMeant) {
  for (const auto& [role, expected] : ExpectedRpcs()) {
    Caller caller;
    caller.role = role;
    const std::set<std::string> allowed = Words(expected);
    for (const auto* const rpc : AllRpcs()) {
      const std::string name = absl::StrCat(rpc->service()->full_name(), "/", rpc->name());
      EXPECT_EQ(AccessRule::Of(name).Allows(caller), allowed.count(rpc->name()) == 1)
          << v1::Role_Name(role) << " " << name;
    }
  }
}

TEST_F(AccessTest, WhoeverHasNoGoodKeyGetsOneAndTheSameAnswer) {
  const v1::CreateApiKeyResponse expired =
      MakeKey("role: ROLE_ADMIN expire_time { seconds: 1767225601 }");
  const v1::CreateApiKeyResponse revoked = MakeKey("role: ROLE_ADMIN");
  clock_.Advance(absl::Seconds(1));
  v1::RevokeApiKeyRequest revoke;
  revoke.set_key_id(revoked.key().key_id());
  ASSERT_THAT(CallBy<v1::RevokeApiKeyResponse>(channel_, "AccessService/RevokeApiKey", revoke),
              Answers(""));
  std::string almost = AdminKey();
  almost.back() = almost.back() == 'A' ? 'B' : 'A';

  const grpc::Status without =
      CallBy<Empty>(ChannelWith(""), "BillingService/Debit", Empty()).status;
  EXPECT_EQ(without.error_code(), StatusCode::UNAUTHENTICATED);
  for (const std::string& key : {almost, expired.secret(), revoked.secret(), std::string("x"),
                                 std::string("fbx_"), std::string(4000, 'a')}) {
    const grpc::Status status =
        CallBy<Empty>(ChannelWith(key), "BillingService/Debit", Empty()).status;
    EXPECT_EQ(status.error_code(), without.error_code()) << key;
    EXPECT_EQ(status.error_message(), without.error_message()) << key;
    EXPECT_EQ(status.error_details(), without.error_details()) << key;
  }
}

TEST_F(AccessTest, ARevokedKeyIsRefusedFromTheNextCallOn) {
  const v1::CreateApiKeyResponse made = MakeKey("role: ROLE_ROUTER label: 'lab'");
  const auto router = ChannelWith(made.secret());
  const auto request = Parse<v1::GetBalanceRequest>("account_id: 'acme'");
  ASSERT_THAT(CallBy<v1::GetBalanceResponse>(router, "BillingService/GetBalance", request),
              Answers(""));

  v1::RevokeApiKeyRequest revoke;
  revoke.set_key_id(made.key().key_id());
  EXPECT_THAT(CallBy<v1::RevokeApiKeyResponse>(channel_, "AccessService/RevokeApiKey", revoke),
              Answers("key { label: 'lab' role: ROLE_ROUTER }"));

  EXPECT_THAT(CallBy<v1::GetBalanceResponse>(router, "BillingService/GetBalance", request),
              FailsWith(StatusCode::UNAUTHENTICATED, "UNAUTHENTICATED"));
  revoke.set_key_id("00");
  EXPECT_THAT(CallBy<v1::RevokeApiKeyResponse>(channel_, "AccessService/RevokeApiKey", revoke),
              FailsWith(StatusCode::NOT_FOUND, "API_KEY_NOT_FOUND"));
}

// By a clock that goes on, or is set back.
class StreamOfKeyTest : public AccessTest, public ::testing::WithParamInterface<absl::Duration> {};

TEST_P(StreamOfKeyTest, EndsWithItsKey) {
  const v1::CreateApiKeyResponse made = MakeKey("role: ROLE_ROUTER");
  const auto stub = v1::BillingService::NewStub(ChannelWith(made.secret()));
  grpc::ClientContext applies;
  grpc::ClientContext watches;
  SetDeadline(&applies);
  SetDeadline(&watches);
  const auto stream = stub->ApplyStream(&applies);
  const auto watch =
      stub->WatchAccount(&watches, Parse<v1::WatchAccountRequest>("account_id: 'acme'"));
  watch->WaitForInitialMetadata();
  const auto debit = [](absl::string_view request_id) {
    return Parse<v1::ApplyStreamRequest>(absl::Substitute(
        "operation { debit { account_id: 'acme' request_id: '$0' usage { ring_through { from: "
        "'+12025550100' to: '+12025550123' } } } }",
        request_id));
  };
  v1::ApplyStreamResponse applied;
  v1::WatchAccountResponse told;
  ASSERT_TRUE(stream->Write(debit("before")));
  ASSERT_TRUE(stream->Read(&applied));
  ASSERT_TRUE(applied.result().has_debit());
  ASSERT_TRUE(watch->Read(&told));

  v1::RevokeApiKeyRequest revoke;
  revoke.set_key_id(made.key().key_id());
  CallBy<v1::RevokeApiKeyResponse>(channel_, "AccessService/RevokeApiKey", revoke);
  clock_.Advance(GetParam());
  const int64_t balance_micros = Balance("acme").balance_micros();

  stream->Write(debit("after"));
  EXPECT_FALSE(stream->Read(&applied));
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Balance("acme").balance_micros(), balance_micros);
  ASSERT_THAT(Send<v1::DebitRequest>("account_id: 'acme' request_id: 'other' amount_micros: 1 "
                                     "item: ITEM_ADJUSTMENT"),
              Answers(""));
  EXPECT_FALSE(watch->Read(&told));
  EXPECT_EQ(watch->Finish().error_code(), StatusCode::UNAUTHENTICATED);
}

INSTANTIATE_TEST_SUITE_P(Clocks, StreamOfKeyTest,
                         ::testing::Values(absl::Seconds(1), -absl::Minutes(10)));

TEST_F(AccessTest, KeysOutliveARestartAndAreNotInTheFiles) {
  const v1::CreateApiKeyResponse made =
      MakeKey("role: ROLE_SUPPORT account_ids: 'acme' label: 'desk 1'");
  EXPECT_THAT(made.secret(), StartsWith("fbx_"));
  EXPECT_EQ(made.secret().size(), 47u);
  const auto request = Parse<v1::GetBalanceRequest>("account_id: 'acme'");
  ASSERT_THAT(CallBy<v1::GetBalanceResponse>(ChannelWith(made.secret()),
                                             "BillingService/GetBalance", request),
              Answers(""));

  Restart();

  EXPECT_THAT(CallBy<v1::GetBalanceResponse>(ChannelWith(made.secret()),
                                             "BillingService/GetBalance", request),
              Answers(""));
  const auto listed = CallBy<v1::ListApiKeysResponse>(channel_, "AccessService/ListApiKeys",
                                                      v1::ListApiKeysRequest());
  ASSERT_EQ(listed->keys_size(), 2);
  EXPECT_THAT(listed->keys(0), Shows("role: ROLE_SUPPORT account_ids: 'acme' label: 'desk 1' "
                                     "last_used_time { seconds: 1767225600 }"));
  EXPECT_THAT(listed->keys(1), Shows("role: ROLE_ADMIN"));
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(MakeConfig().data_directory)) {
    if (!file.is_regular_file()) continue;
    const std::string bytes = testing::ReadFile(file.path());
    EXPECT_FALSE(absl::StrContains(bytes, made.secret())) << file.path();
    EXPECT_FALSE(absl::StrContains(bytes, AdminKey())) << file.path();
  }
}

TEST_F(AccessTest, ARouterDebitsCallsAndAGatewayTexts) {
  const auto router = ChannelOf("role: ROLE_ROUTER");
  const auto gateway = ChannelOf("role: ROLE_GATEWAY");
  const auto debit = [](const std::shared_ptr<grpc::Channel>& channel, absl::string_view what) {
    static int count = 0;
    return CallBy<v1::DebitResponse>(
        channel, "BillingService/Debit",
        Parse<v1::DebitRequest>(
            absl::Substitute("account_id: 'acme' request_id: 'd$0' $1", ++count, what)));
  };
  constexpr absl::string_view kText =
      "usage { text { direction: DIRECTION_OUTBOUND from: '+12025550100' to: '+12025550123' "
      "segments: 1 } }";
  constexpr absl::string_view kRing =
      "usage { ring_through { from: '+12025550100' to: '+12025550123' } }";
  constexpr absl::string_view kNumber =
      "usage { phone_number { number: '+12025550123' kind: KIND_PURCHASE } }";
  constexpr absl::string_view kAmount = "amount_micros: 1000000 item: ITEM_ADJUSTMENT";

  EXPECT_THAT(debit(router, kRing), Answers(""));
  EXPECT_THAT(debit(gateway, kText), Answers(""));
  const auto& denied = FailsWith(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED");
  for (const absl::string_view what : {kText, kNumber, kAmount, absl::string_view()}) {
    EXPECT_THAT(debit(router, what), denied) << what;
  }
  for (const absl::string_view what :
       {kRing, kNumber, kAmount, absl::string_view("settlement { hold_id: 1 used_seconds: 1 }")}) {
    EXPECT_THAT(debit(gateway, what), denied) << what;
  }
}

// Once, a router that may not debit a number could hold one, and settle the hold.
TEST_F(AccessTest, ARouterHoldsCallsOnlyAlsoInBatchesAndStreams) {
  const auto router = ChannelOf("role: ROLE_ROUTER");
  const auto authorize = [](absl::string_view usage) {
    static int count = 0;
    return Parse<v1::AuthorizeRequest>(absl::Substitute(
        "account_id: 'acme' request_id: 'a$0' requested_seconds: 60 usage { $1 }", ++count, usage));
  };
  const auto ask = [&](absl::string_view usage) {
    return CallBy<v1::AuthorizeResponse>(router, "BillingService/Authorize", authorize(usage));
  };
  constexpr absl::string_view kCall =
      "call { direction: DIRECTION_OUTBOUND from: '+12025550100' to: '+12025550123' }";
  constexpr absl::string_view kText =
      "text { direction: DIRECTION_OUTBOUND from: '+12025550100' to: '+12025550123' segments: 1 }";
  constexpr absl::string_view kNumber =
      "phone_number { number: '+12025550123' kind: KIND_PURCHASE }";

  EXPECT_THAT(ask(kCall), Answers("decision: DECISION_GRANTED"));
  EXPECT_THAT(ask(""), FailsWith(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID"));
  const auto& denied = FailsWith(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED");
  EXPECT_THAT(ask(kText), denied);
  EXPECT_THAT(ask(kNumber), denied);

  v1::ApplyBatchRequest batch;
  *batch.add_operations()->mutable_authorize() = authorize(kNumber);
  const auto applied = CallBy<v1::ApplyBatchResponse>(router, "BillingService/ApplyBatch", batch);
  ASSERT_EQ(applied->results_size(), 1);
  EXPECT_EQ(applied->results(0).error().code(), StatusCode::PERMISSION_DENIED);

  const auto stub = v1::BillingService::NewStub(router);
  grpc::ClientContext context;
  SetDeadline(&context);
  const auto stream = stub->ApplyStream(&context);
  v1::ApplyStreamRequest request;
  *request.mutable_operation()->mutable_authorize() = authorize(kNumber);
  ASSERT_TRUE(stream->Write(request));
  v1::ApplyStreamResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.result().error().code(), StatusCode::PERMISSION_DENIED);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(AccessTest, SupportCreditsUpToItsLimit) {
  const auto support = ChannelOf("role: ROLE_SUPPORT");
  const auto credit = [&](absl::string_view request_id, int64_t micros) {
    return CallBy<v1::CreditResponse>(support, "BillingService/Credit",
                                      Parse<v1::CreditRequest>(absl::Substitute(
                                          "account_id: 'acme' request_id: '$0' amount_micros: $1 "
                                          "reason: CREDIT_REASON_ADJUSTMENT",
                                          request_id, micros)));
  };

  EXPECT_THAT(credit("c1", 5'000'000), Answers(""));
  EXPECT_THAT(credit("c2", 5'000'001),
              FailsWith(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));

  EXPECT_EQ(Balance("acme").balance_micros(), 25'000'000);
}

TEST_F(AccessTest, AConfinedCallerCannotTellWhetherAnotherAccountExists) {
  const auto customer = ChannelOf("role: ROLE_CUSTOMER account_ids: 'acme'");
  const auto router = ChannelOf("role: ROLE_ROUTER account_ids: 'acme'");
  const auto ask = [](const auto& channel, const std::string& method, auto request,
                      const std::string& account) {
    request.set_account_id(account);
    return CallBy<Empty>(channel, method, request).status;
  };
  const auto check = [&](const auto& channel, const std::string& method, auto request) {
    const grpc::Status exists = ask(channel, method, request, "other");
    const grpc::Status does_not = ask(channel, method, request, "never");
    EXPECT_EQ(exists.error_code(), StatusCode::NOT_FOUND) << method;
    EXPECT_EQ(does_not.error_code(), StatusCode::NOT_FOUND) << method;
    EXPECT_EQ(exists.error_message(),
              absl::StrReplaceAll(does_not.error_message(), {{"never", "other"}}))
        << method;
    EXPECT_EQ(exists.error_details(),
              absl::StrReplaceAll(does_not.error_details(), {{"never", "other"}}))
        << method;
  };

  check(customer, "BillingService/GetBalance", v1::GetBalanceRequest());
  check(customer, "BillingService/Quote", v1::QuoteRequest());
  check(customer, "BillingService/ListHolds", v1::ListHoldsRequest());
  check(customer, "AccountService/GetAccount", v1::GetAccountRequest());
  check(customer, "AccountService/ListActivity", v1::ListActivityRequest());
  check(router, "BillingService/Authorize", v1::AuthorizeRequest());
  check(router, "BillingService/Release", v1::ReleaseRequest());
  EXPECT_EQ(
      ask(customer, "BillingService/GetBalance", v1::GetBalanceRequest(), "acme").error_code(),
      StatusCode::OK);
  // All accounts at once, or a deck, is not theirs either.
  EXPECT_EQ(
      ask(customer, "BillingService/WatchAccount", v1::WatchAccountRequest(), "").error_code(),
      StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(ask(customer, "RateService/ListRates", v1::ListRatesRequest(), "").error_code(),
            StatusCode::PERMISSION_DENIED);
}

TEST_F(AccessTest, OperationsOfABatchAreCheckedOneByOne) {
  const auto router = ChannelOf("role: ROLE_ROUTER account_ids: 'acme'");

  const auto answer = CallBy<v1::ApplyBatchResponse>(router, "BillingService/ApplyBatch",
                                                     Parse<v1::ApplyBatchRequest>(R"(
        operations { debit { account_id: 'acme' request_id: 'b1' usage { ring_through {
            from: '+12025550100' to: '+12025550123' } } } }
        operations { debit { account_id: 'other' request_id: 'b2' usage { ring_through {
            from: '+12025550100' to: '+12025550123' } } } }
        operations { debit { account_id: 'acme' request_id: 'b3' amount_micros: 1
            item: ITEM_ADJUSTMENT } }
        operations { credit { account_id: 'acme' request_id: 'b4' amount_micros: 1
            reason: CREDIT_REASON_PAYMENT } }
        operations { }
      )"));

  ASSERT_EQ(answer->results_size(), 5) << answer.status.error_message();
  EXPECT_TRUE(answer->results(0).has_debit());
  EXPECT_EQ(answer->results(1).error().code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(answer->results(2).error().code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(answer->results(3).error().code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(answer->results(4).error().code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Balance("other").balance_micros(), 20'000'000);
}

TEST_F(AccessTest, BadFieldsOfAKeyAreNamed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "key.role"},
      {"role: 99", "key.role"},
      {"role: ROLE_CUSTOMER", "key.account_ids"},
      {"role: ROLE_CUSTOMER account_ids: 'acme' account_ids: 'other'", "key.account_ids"},
      {"role: ROLE_ADMIN account_ids: 'acme'", "key.account_ids"},
      {"role: ROLE_METRICS account_ids: 'acme'", "key.account_ids"},
      {"role: ROLE_ROUTER account_ids: '../etc'", "key.account_ids"},
      {absl::StrCat("role: ROLE_ROUTER label: '", std::string(101, 'x'), "'"), "key.label"},
      {"role: ROLE_ROUTER label: 'a\\nb'", "key.label"},
      {"role: ROLE_ROUTER expire_time { seconds: 1767225600 }", "key.expire_time"},
      {"role: ROLE_ROUTER expire_time { seconds: 1 nanos: -1 }", "key.expire_time"},
  };
  for (const auto& [text, field] : cases) {
    v1::CreateApiKeyRequest request;
    *request.mutable_key() = Parse<v1::ApiKey>(text);
    const auto answer =
        CallBy<v1::CreateApiKeyResponse>(channel_, "AccessService/CreateApiKey", request);
    EXPECT_THAT(answer, FailsWith(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID")) << text;
    EXPECT_EQ(DetailsOf(answer.status).error_info.metadata().at("field"), field) << text;
  }
}

}  // namespace
}  // namespace farebox::server
