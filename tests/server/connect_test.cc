#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "server/web/connect_protocol.h"
#include "server/web/gzip.h"
#include "tests/server/access_fixture.h"
#include "tests/server/http_calls.h"
#include "tests/server/thread_gate.h"
#include "tests/support/await.h"
#include "tests/web/raw_connection.h"

namespace farebox::server {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr char kCall[] =
    R"({"account_id": "acme", "request_id": "r1", "requested_seconds": "60", "usage": {"call": {
        "direction": "DIRECTION_OUTBOUND", "from": "+12025550100", "to": "+12025550123"}}})";

// A server that asks callers who they are, over HTTP.
class ConnectTest : public AccessTest {
 protected:
  void SetUp() override {
    AccessTest::SetUp();
    http_ = std::make_unique<HttpCalls>(server_->http_port());
    router_ = Bearer("role: ROLE_ROUTER");
  }
  Config MakeConfig() const override {
    Config config = AccessTest::MakeConfig();
    config.http_listen = "127.0.0.1:0";
    return config;
  }

  std::string Bearer(absl::string_view key) {
    return absl::StrCat("Authorization: Bearer ", MakeKey(key).secret());
  }
  json CallOk(absl::string_view rpc, const std::string& body) {
    const HttpResponse response = http_->Call(rpc, body, {router_});
    EXPECT_EQ(response.status, 200) << response.body;
    return HttpCalls::Json(response);
  }
  // The enveloped messages of an answer.
  static std::vector<web::Enveloped> Messages(absl::string_view body) {
    std::vector<web::Enveloped> messages;
    while (body.size() >= 5) {
      size_t size = 0;
      for (size_t i = 1; i < 5; ++i) size = size << 8 | static_cast<uint8_t>(body[i]);
      messages.push_back(
          {.flags = static_cast<uint8_t>(body[0]), .message = std::string(body.substr(5, size))});
      body.remove_prefix(std::min(body.size(), size + 5));
    }
    return messages;
  }

  std::unique_ptr<HttpCalls> http_;
  std::string router_;
};

TEST_F(ConnectTest, AnswersInJson) {
  const HttpResponse response = http_->Call("BillingService/Authorize", kCall, {router_});
  const json answer = HttpCalls::Json(response);

  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.Header("content-type"), "application/json");
  EXPECT_EQ(response.Header("cache-control"), "no-store");
  EXPECT_EQ(answer["decision"], "DECISION_GRANTED");
  EXPECT_EQ(answer["granted_seconds"], "60");
  EXPECT_EQ(answer["held_micros"], "200000");
  EXPECT_EQ(answer["available_micros"], "19800000");
  EXPECT_EQ(Balance("acme").held_micros(), 200'000);
}

TEST_F(ConnectTest, ARetryIsTheSameOverEitherProtocol) {
  const json first = CallOk("BillingService/Authorize", kCall);
  const json again = CallOk("BillingService/Authorize", kCall);

  EXPECT_EQ(again["hold_id"], first["hold_id"]);
  EXPECT_EQ(again["replayed"], true);
}

TEST_F(ConnectTest, AnswersInProtobuf) {
  v1::GetBalanceRequest request;
  request.set_account_id("acme");
  const HttpResponse response =
      http_->Post("/farebox.v1.BillingService/GetBalance", request.SerializeAsString(),
                  {router_, "Content-Type: application/proto"});

  v1::GetBalanceResponse balance;
  EXPECT_EQ(response.Header("content-type"), "application/proto");
  ASSERT_TRUE(balance.ParseFromString(response.body));
  EXPECT_EQ(balance.balance_micros(), 20'000'000);
}

TEST_F(ConnectTest, CompressesBothWays) {
  const HttpResponse sent =
      http_->Call("BillingService/GetBalance", web::Gzip(R"({"account_id": "acme"})"),
                  {router_, "Content-Encoding: gzip"});
  EXPECT_EQ(HttpCalls::Json(sent)["balance_micros"], "20000000");

  for (int i = 0; i < 20; ++i) OpenAccount(absl::StrCat("account-", i));
  const std::string admin = absl::StrCat("Authorization: Bearer ", AdminKey());
  const HttpResponse got =
      http_->Call("AccountService/ListAccounts", "{}", {admin, "Accept-Encoding: gzip"});
  EXPECT_EQ(got.Header("content-encoding"), "gzip");
  EXPECT_THAT(*web::Gunzip(got.body, 1'000'000), HasSubstr("account-19"));

  const HttpResponse other =
      http_->Call("BillingService/GetBalance", "{}", {router_, "Content-Encoding: br"});
  EXPECT_EQ(other.status, 501);
  EXPECT_THAT(other.body, HasSubstr("gzip"));
}

TEST_F(ConnectTest, TellsErrorsAsTheProtocolDoes) {
  const HttpResponse response = http_->Call(
      "BillingService/Debit",
      R"({"account_id": "acme", "request_id": "d", "settlement": {"hold_id": 77}})", {router_});
  const json error = HttpCalls::Json(response);

  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(error["code"], "not_found");
  EXPECT_EQ(error["details"][0]["type"], "google.rpc.ErrorInfo");
  EXPECT_EQ(error["details"][0]["debug"]["reason"], "HOLD_NOT_FOUND");
  std::string bytes;
  ASSERT_TRUE(absl::Base64Unescape(error["details"][0]["value"].get<std::string>(), &bytes));
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(info.ParseFromString(bytes));
  EXPECT_EQ(info.reason(), "HOLD_NOT_FOUND");
}

TEST_F(ConnectTest, NamesTheFieldThatCannotBeRead) {
  const HttpResponse response =
      http_->Call("BillingService/Authorize",
                  R"({"account_id": "acme", "requested_seconds": "1e3"})", {router_});
  const json error = HttpCalls::Json(response);

  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(error["code"], "invalid_argument");
  EXPECT_EQ(error["details"][0]["debug"]["reason"], "FIELD_INVALID");
  EXPECT_EQ(error["details"][1]["debug"]["field_violations"][0]["field"], "requested_seconds");
}

TEST_F(ConnectTest, TheSameRulesHoldAsForGrpc) {
  const std::string balance = R"({"account_id": "acme"})";
  EXPECT_EQ(http_->Call("BillingService/GetBalance", balance).status, 401);
  EXPECT_EQ(
      http_->Call("BillingService/GetBalance", balance, {"Authorization: Bearer fbx_x"}).status,
      401);
  EXPECT_EQ(http_->Call("BillingService/Credit", balance, {router_}).status, 403);
  const std::string confined = Bearer("role: ROLE_CUSTOMER account_ids: 'other'");
  EXPECT_EQ(http_->Call("BillingService/GetBalance", balance, {confined}).status, 404);
}

TEST_F(ConnectTest, TheSchemeOfAKeyIsWrittenInAnyCase) {
  const std::string balance = R"({"account_id": "acme"})";
  const std::string secret = MakeKey("role: ROLE_ROUTER").secret();

  for (const char* const scheme : {"Bearer ", "bearer ", "BEARER "}) {
    const std::string header = absl::StrCat("Authorization: ", scheme, secret);
    EXPECT_EQ(http_->Call("BillingService/GetBalance", balance, {header}).status, 200) << scheme;
  }
}

// Whoever is nobody costs no more than their bytes: what they sent is not even looked at.
TEST_F(ConnectTest, NothingOfAStrangersRequestIsRead) {
  const HttpResponse plain = http_->Call("BillingService/ApplyBatch", "{}");
  ASSERT_EQ(plain.status, 401);
  const struct {
    std::string body;
    std::vector<std::string> headers;
  } kRows[] = {
      {"nonsense", {}},
      {"no gzip at all", {"Content-Encoding: gzip"}},
      {"{}", {"Content-Encoding: unknown"}},
      {"nonsense", {"Authorization: Bearer fbx_wrong"}},
      {"nonsense", {"Authorization: Basic eDp5"}},
      {"nonsense",
       {"Cookie: farebox=wrong", "Sec-Fetch-Site: same-origin", "Connect-Protocol-Version: 1"}},
  };
  for (const auto& row : kRows) {
    const HttpResponse response = http_->Call("BillingService/ApplyBatch", row.body, row.headers);
    EXPECT_EQ(response.status, 401) << row.body;
    EXPECT_EQ(response.body, plain.body) << row.body;
  }
  EXPECT_EQ(http_
                ->Get("/farebox.v1.BillingService/GetBalance?connect=v1&encoding=json&"
                      "compression=gzip&message=nonsense")
                .body,
            plain.body);
  for (const char* const rpc : {"BillingService/WatchAccount", "RateService/ImportRates"}) {
    const HttpResponse response =
        http_->Post(absl::StrCat("/farebox.v1.", rpc), web::Envelope(1, "nonsense"),
                    {"Content-Type: application/connect+json", "Connect-Content-Encoding: gzip"});
    EXPECT_EQ(json::parse(Messages(response.body).back().message)["error"], HttpCalls::Json(plain))
        << rpc;
  }
}

TEST_F(ConnectTest, NothingIsReadOfWhoMayNotCallIt) {
  const HttpResponse response =
      http_->Call("BillingService/ApplyBatch", "nonsense",
                  {Bearer("role: ROLE_CUSTOMER account_ids: 'acme'"), "Content-Encoding: gzip"});

  EXPECT_EQ(response.status, 403);
  EXPECT_THAT(response.body, HasSubstr("the role may not call this"));
}

TEST_F(ConnectTest, WhatIsUnpackedIsBoundByWhatTheRpcTakes) {
  const std::string body =
      absl::StrCat(R"({"account_id": "acme)", std::string(1'000'000, ' '), "\"}");
  const HttpResponse response = http_->Call("BillingService/GetBalance", web::Gzip(body),
                                            {router_, "Content-Encoding: gzip"});
  const json error = HttpCalls::Json(response);

  EXPECT_EQ(error["details"][0]["debug"]["reason"], "MESSAGE_TOO_LARGE") << response.body;
  EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("at most 131072 are taken"));
  EXPECT_EQ(http_->Call("BillingService/GetBalance", body, {router_}).status, 413);
}

TEST_F(ConnectTest, ALargeBatchIsTaken) {
  json batch = {{"operations", json::array()}};
  for (int i = 0; i < 1'000; ++i) {
    batch["operations"].push_back({{"debit",
                                    {{"account_id", "acme"},
                                     {"request_id", absl::StrCat(i)},
                                     {"settlement", {{"hold_id", 7}}}}}});
  }
  const std::string body = batch.dump();
  ASSERT_GT(body.size(), limits::kHttpSmallBodyBytes);

  const HttpResponse plain = http_->Call("BillingService/ApplyBatch", body, {router_});
  const HttpResponse packed = http_->Call("BillingService/ApplyBatch", web::Gzip(body),
                                          {router_, "Content-Encoding: gzip"});

  EXPECT_EQ(HttpCalls::Json(plain)["results"].size(), 1'000u) << plain.body.substr(0, 300);
  EXPECT_EQ(HttpCalls::Json(packed)["results"].size(), 1'000u) << packed.body.substr(0, 300);
}

TEST_F(ConnectTest, TheAuditLogHasTheHttpPeer) {
  const std::string admin = absl::StrCat("Authorization: Bearer ", AdminKey());
  ASSERT_EQ(http_
                ->Call("AccountService/SuspendAccount",
                       R"({"account_id": "acme", "request_id": "s"})", {admin})
                .status,
            200);

  const v1::AuditRecord record = AuditLog("account_id: 'acme'").records(0);
  EXPECT_EQ(record.method(), "farebox.v1.AccountService/SuspendAccount");
  EXPECT_THAT(record.peer(), StartsWith("ipv4:127.0.0.1:"));
}

// Whoever calls by gRPC cannot say that they come from elsewhere, and nor can who calls by HTTP.
TEST_F(ConnectTest, NobodyElseHandsOverACaller) {
  const std::string admin = absl::StrCat("Authorization: Bearer ", AdminKey());
  http_->Call("AccountService/SuspendAccount", R"({"account_id": "acme", "request_id": "s"})",
              {admin, "Farebox-Hand-Over: x ipv4:9.9.9.9:9 y"});
  EXPECT_THAT(AuditLog("account_id: 'acme'").records(0).peer(), StartsWith("ipv4:127.0.0.1:"));

  grpc::ClientContext context;
  context.AddMetadata("authorization", absl::StrCat("Bearer ", AdminKey()));
  context.AddMetadata("farebox-http-caller", "secret ipv4:9.9.9.9:9 ");
  v1::ResumeAccountRequest request;
  request.set_account_id("acme");
  request.set_request_id("r");
  v1::ResumeAccountResponse response;
  ASSERT_TRUE(v1::AccountService::NewStub(ChannelWith(""))
                  ->ResumeAccount(&context, request, &response)
                  .ok());
  EXPECT_THAT(AuditLog("account_id: 'acme'").records(0).peer(), StartsWith("ipv4:127.0.0.1:"));
}

TEST_F(ConnectTest, RefusesWhatIsNotOfTheProtocol) {
  const std::string path = "/farebox.v1.BillingService/GetBalance";
  const std::string body = R"({"account_id": "acme"})";
  for (const char* const type :
       {"text/plain", "application/x-www-form-urlencoded", "application/connect+json",
        "application/grpc", "multipart/form-data"}) {
    EXPECT_EQ(http_->Post(path, body, {router_, absl::StrCat("Content-Type: ", type)}).status, 415)
        << type;
  }
  EXPECT_EQ(http_->Call("BillingService/GetBalance", body, {router_, "Connect-Protocol-Version: 2"})
                .status,
            400);
  EXPECT_EQ(
      http_->Call("BillingService/GetBalance", body, {router_, "Connect-Timeout-Ms: soon"}).status,
      400);
  EXPECT_EQ(http_->Call("BillingService/Nothing", body, {router_}).status, 404);
  EXPECT_EQ(
      http_->Call("BillingService/GetBalance", body, {router_, "Origin: https://evil.example"})
          .status,
      403);
  EXPECT_EQ(http_->Call("BillingService/WatchAccount", body, {router_}).status, 415);
}

TEST_F(ConnectTest, GivesUpWhenTheCallerDoes) {
  const HttpResponse response =
      http_->Call("BillingService/Authorize", kCall, {router_, "Connect-Timeout-Ms: 0"});

  EXPECT_EQ(response.status, 504) << response.body;
  EXPECT_EQ(HttpCalls::Json(response)["code"], "deadline_exceeded");
}

// It hears of that where it only said that it sends nothing more.
TEST_F(ConnectTest, ACallIsGivenUpWhoseClientIsGone) {
  ThreadGate gate;
  HoldUpWriter(&server_->ledger(), &gate);
  web::RawConnection client(server_->http_port());
  ASSERT_TRUE(client.Send(
      absl::StrCat("POST /farebox.v1.BillingService/Authorize HTTP/1.1\r\nHost: x\r\n", router_,
                   "\r\nConnect-Timeout-Ms: 30000\r\nContent-Type: application/json\r\n"
                   "Content-Length: ",
                   sizeof(kCall) - 1, "\r\n\r\n", kCall)));

  client.FinishSending();

  EXPECT_THAT(client.ReadAll(), HasSubstr("\"code\":\"canceled\""));
  gate.Open();
}

TEST_F(ConnectTest, StreamsWhatTheServerTells) {
  web::RawConnection watch(server_->http_port());
  const std::string request = web::Envelope(0, R"({"account_id": "acme"})");
  ASSERT_TRUE(watch.Send(
      absl::StrCat("POST /farebox.v1.BillingService/WatchAccount HTTP/1.1\r\nHost: x\r\n", router_,
                   "\r\nContent-Type: application/connect+json\r\nContent-Length: ", request.size(),
                   "\r\n\r\n", request)));
  EXPECT_THAT(watch.ReadUntil("\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("application/connect+json")));

  AuthorizeCall("acme", "watched", 60);

  EXPECT_THAT(watch.ReadUntil("watched"), HasSubstr("ENTRY_KIND_HOLD"));
  server_.reset();
  EXPECT_THAT(watch.ReadAll(), HasSubstr("\"error\":{\"code\":\"unavailable\""));
}

TEST_F(ConnectTest, AWatcherThatGoesAwayIsForgotten) {
  const std::string request = web::Envelope(0, R"({"account_id": "acme"})");
  const std::string admin = absl::StrCat("Authorization: Bearer ", AdminKey());
  const auto watchers = [&] {
    const json status = HttpCalls::Json(http_->Call("OperationsService/GetStatus", "{}", {admin}));
    return status.value("watchers", "0");
  };
  {
    web::RawConnection watch(server_->http_port());
    ASSERT_TRUE(watch.Send(absl::StrCat(
        "POST /farebox.v1.BillingService/WatchAccount HTTP/1.1\r\nHost: x\r\n", router_,
        "\r\nContent-Type: application/connect+json\r\nContent-Length: ", request.size(),
        "\r\n\r\n", request)));
    watch.ReadUntil("\r\n\r\n");
    watch.Reset();
  }

  EXPECT_TRUE(testing::Await([&] { return watchers() == "0"; }));
}

TEST_F(ConnectTest, StreamsEndWithTheirError) {
  const HttpResponse response = http_->Post("/farebox.v1.BillingService/WatchAccount",
                                            web::Envelope(0, R"({"account_id": "nobody"})"),
                                            {router_, "Content-Type: application/connect+json"});
  const auto messages = Messages(response.body);

  EXPECT_EQ(response.status, 200);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].flags, web::kEnvelopeEnd);
  EXPECT_EQ(json::parse(messages[0].message)["error"]["code"], "not_found");
}

TEST_F(ConnectTest, TakesAStreamAndAnswersInTheEnd) {
  const std::string admin = absl::StrCat("Authorization: Bearer ", AdminKey());
  const std::string csv =
      "item,prefix,rate_per_minute,initial_increment,increment\nOUTBOUND_CALL,1,0.2,60,60\n";
  std::string body;
  for (const char c : csv) {
    absl::StrAppend(
        &body,
        web::Envelope(
            0, json({{"deck", "small"}, {"csv", absl::Base64Escape(std::string(1, c))}}).dump()));
  }
  const HttpResponse response = http_->Post("/farebox.v1.RateService/ImportRates", body,
                                            {admin, "Content-Type: application/connect+json"});
  const auto messages = Messages(response.body);

  ASSERT_EQ(messages.size(), 2u) << response.body;
  EXPECT_EQ(json::parse(messages[0].message)["rate_deck"]["rate_count"], "1");
  EXPECT_FALSE(json::parse(messages[1].message).contains("error")) << messages[1].message;
}

TEST_F(ConnectTest, RefusesStreamsThatAreNotWellFormed) {
  const struct {
    const char* rpc;
    std::string body;
    const char* code;
  } kRows[] = {
      {"BillingService/WatchAccount", "", "invalid_argument"},
      {"BillingService/WatchAccount", "{}", "invalid_argument"},
      {"BillingService/WatchAccount", std::string("\0\0\0\0\5{}", 7), "invalid_argument"},
      {"BillingService/WatchAccount", web::Envelope(2, "{}"), "invalid_argument"},
      {"BillingService/WatchAccount", web::Envelope(1, "{}"), "invalid_argument"},
      {"BillingService/WatchAccount", web::Envelope(0, "nonsense"), "invalid_argument"},
      {"BillingService/WatchAccount", std::string("\0\xff\xff\xff\xff", 5), "resource_exhausted"},
      {"BillingService/ApplyStream", web::Envelope(0, "{}"), "unimplemented"},
      {"RateService/ImportRates", web::Envelope(0, "{}"), "permission_denied"},
  };
  for (const auto& row : kRows) {
    const HttpResponse response = http_->Post(absl::StrCat("/farebox.v1.", row.rpc), row.body,
                                              {router_, "Content-Type: application/connect+json"});
    const auto messages = Messages(response.body);
    ASSERT_FALSE(messages.empty()) << row.rpc << " " << row.body;
    EXPECT_EQ(json::parse(messages.back().message)["error"]["code"], row.code)
        << row.rpc << " " << absl::CHexEscape(row.body);
  }
}

TEST_F(ConnectTest, EveryRpcCanBeReached) {
  const std::string admin = absl::StrCat("Authorization: Bearer ", AdminKey());
  for (const char* const rpc :
       {"AccessService/ListApiKeys", "AccountService/ListAccounts", "BillingService/ApplyBatch",
        "NumberService/ListNumbers", "OperationsService/Verify", "RateService/ListRateDecks"}) {
    const HttpResponse response = http_->Call(rpc, "{}", {admin});
    EXPECT_TRUE(response.status == 200 || response.status == 400) << rpc << " " << response.status;
  }
  // Not without a payment provider.
  EXPECT_EQ(http_->Call("RechargeService/GetCard", "{}", {admin}).status, 501);
}

}  // namespace
}  // namespace farebox::server
