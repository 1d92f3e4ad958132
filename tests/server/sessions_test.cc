#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/base/log.h"
#include "tests/server/access_fixture.h"
#include "tests/server/http_calls.h"
#include "tests/web/raw_connection.h"

namespace farebox::server {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

// What a browser says with a request of our own page.
const std::vector<std::string>& OwnPage() {
  static const auto* const lines =
      new std::vector<std::string>{"Sec-Fetch-Site: same-origin", "Connect-Protocol-Version: 1"};
  return *lines;
}

class SessionsTest : public AccessTest {
 protected:
  void SetUp() override {
    AccessTest::SetUp();
    http_ = std::make_unique<HttpCalls>(server_->http_port());
  }
  Config MakeConfig() const override {
    Config config = AccessTest::MakeConfig();
    config.http_listen = "127.0.0.1:0";
    return config;
  }
  void RestartHttp() {
    Restart();
    http_ = std::make_unique<HttpCalls>(server_->http_port());
  }

  HttpResponse SignIn(const json& credential, std::vector<std::string> headers = {}) {
    headers.emplace_back("Content-Type: application/json");
    return http_->Post("/session", credential.dump(), std::move(headers));
  }
  // The cookie's line as a browser sends it back.
  static std::string CookieOf(const HttpResponse& response) {
    const std::string set(response.Header("set-cookie"));
    return absl::StrCat("Cookie: ", set.substr(0, set.find(';')));
  }
  std::string SignInAs(const std::string& key) {
    const HttpResponse response = SignIn({{"api_key", key}});
    EXPECT_EQ(response.status, 200) << response.body;
    return CookieOf(response);
  }
  // The head of the answer.
  std::string SignOut(const std::string& cookie) {
    web::RawConnection connection(server_->http_port());
    EXPECT_TRUE(connection.Send(absl::StrCat("DELETE /session HTTP/1.1\r\nHost: x\r\n",
                                             absl::StrJoin(OwnPage(), "\r\n"), "\r\n", cookie,
                                             "\r\n\r\n")));
    return connection.ReadUntil("\r\n\r\n");
  }
  HttpResponse Balance(const std::string& cookie, const std::string& account = "acme") {
    std::vector<std::string> headers = OwnPage();
    headers.push_back(cookie);
    return http_->Call("BillingService/GetBalance", json({{"account_id", account}}).dump(),
                       std::move(headers));
  }
  v1::CreateSignInLinkResponse MakeLink(const std::string& account = "acme") {
    v1::CreateSignInLinkRequest request;
    request.set_account_id(account);
    return CallBy<v1::CreateSignInLinkResponse>(channel_, "AccessService/CreateSignInLink", request)
        .value;
  }

  std::unique_ptr<HttpCalls> http_;
};

TEST_F(SessionsTest, AKeyIsExchangedForACookie) {
  const std::string key = MakeKey("role: ROLE_CUSTOMER account_ids: 'acme'").secret();

  const HttpResponse response = SignIn({{"api_key", key}});

  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(HttpCalls::Json(response)["account_id"], "acme");
  EXPECT_EQ(HttpCalls::Json(response)["expire_time"], "2026-01-01T12:00:00Z");
  EXPECT_THAT(std::string(response.Header("set-cookie")),
              AllOf(StartsWith("farebox="), HasSubstr("HttpOnly"), HasSubstr("SameSite=Strict"),
                    HasSubstr("Path=/"), Not(HasSubstr("Secure")), Not(HasSubstr(key))));
  EXPECT_EQ(Balance(CookieOf(response)).status, 200);
  EXPECT_EQ(Balance(CookieOf(response), "other").status, 404);
}

TEST_F(SessionsTest, ItOutlivesARestart) {
  const std::string cookie = SignInAs(MakeKey("role: ROLE_CUSTOMER account_ids: 'acme'").secret());

  RestartHttp();

  EXPECT_EQ(Balance(cookie).status, 200);
}

TEST_F(SessionsTest, ItEndsWithItsKeyAtOnce) {
  const v1::CreateApiKeyResponse key = MakeKey("role: ROLE_CUSTOMER account_ids: 'acme'");
  const std::string cookie = SignInAs(key.secret());
  v1::RevokeApiKeyRequest revoke;
  revoke.set_key_id(key.key().key_id());

  CallBy<v1::RevokeApiKeyResponse>(channel_, "AccessService/RevokeApiKey", revoke);

  EXPECT_EQ(Balance(cookie).status, 401);
  EXPECT_EQ(http_->Get("/session", {cookie}).status, 401);
}

TEST_F(SessionsTest, ItEndsWhenItIsNotUsedAndInTheEnd) {
  const std::string key = MakeKey("role: ROLE_CUSTOMER account_ids: 'acme'").secret();
  const std::string idle = SignInAs(key);
  clock_.Advance(absl::Hours(13));
  EXPECT_EQ(Balance(idle).status, 401);

  const std::string busy = SignInAs(key);
  for (int hours = 10; hours < 24 * 7; hours += 10) {
    clock_.Advance(absl::Hours(10));
    ASSERT_EQ(Balance(busy).status, 200) << hours;
  }
  clock_.Advance(absl::Hours(10));
  EXPECT_EQ(Balance(busy).status, 401);
}

TEST_F(SessionsTest, SigningOutEndsIt) {
  const std::string cookie = SignInAs(MakeKey("role: ROLE_CUSTOMER account_ids: 'acme'").secret());
  EXPECT_EQ(HttpCalls::Json(http_->Get("/session", {cookie}))["account_id"], "acme");

  EXPECT_THAT(SignOut(cookie), AllOf(StartsWith("HTTP/1.1 204"), HasSubstr("Max-Age=0")));
  EXPECT_EQ(Balance(cookie).status, 401);
  RestartHttp();
  EXPECT_EQ(Balance(cookie).status, 401);
}

TEST_F(SessionsTest, OnlyACustomersKeySignsIn) {
  EXPECT_EQ(SignIn({{"api_key", AdminKey()}}).status, 403);
  EXPECT_EQ(SignIn({{"api_key", MakeKey("role: ROLE_SUPPORT").secret()}}).status, 403);
  EXPECT_EQ(SignIn({{"api_key", "fbx_wrong"}}).status, 401);
  EXPECT_EQ(SignIn({{"code", "wrong"}}).status, 401);
  EXPECT_EQ(SignIn({{"api_key", std::string("fbx_\0", 5)}}).status, 401);
  for (const json& wrong : {json(), json("x"), json::array(), json::object(),
                            json({{"api_key", 1}}), json({{"api_key", "a"}, {"code", "b"}}),
                            json({{"account_id", "acme"}}), json({{"password", "x"}})}) {
    EXPECT_EQ(SignIn(wrong).status, 400) << wrong;
  }
  EXPECT_EQ(http_->Post("/session", "{}", {"Content-Type: text/plain"}).status, 415);
  EXPECT_EQ(SignIn({{"api_key", std::string(5'000, 'x')}}).status, 413);
  EXPECT_EQ(SignIn({{"api_key", std::string(1'000'000, 'x')}}).status, 413);
}

TEST_F(SessionsTest, GuessingIsSlowedDown) {
  const std::string key = MakeKey("role: ROLE_CUSTOMER account_ids: 'acme'").secret();
  for (int i = 0; i < limits::kSignInFailuresMax; ++i) {
    EXPECT_EQ(SignIn({{"api_key", absl::StrCat("fbx_", i)}}).status, 401);
  }

  const HttpResponse refused = SignIn({{"api_key", key}});
  EXPECT_EQ(refused.status, 429);
  EXPECT_NE(refused.Header("retry-after"), "");

  clock_.Advance(limits::kSignInFailurePause);
  EXPECT_EQ(SignIn({{"api_key", key}}).status, 200);
}

TEST_F(SessionsTest, AFloodOfGuessesIsFiveLinesASecond) {
  ConfigureLog(LogFormat::kJson, LogLevel::kInfo);
  ::testing::internal::CaptureStderr();
  for (int i = 0; i < limits::kSignInFailuresMax; ++i) SignIn({{"api_key", "fbx_wrong"}});
  clock_.Advance(limits::kSignInFailurePause);
  SignIn({{"api_key", "fbx_wrong"}});
  FlushLog();
  const std::string text = ::testing::internal::GetCapturedStderr();
  ConfigureLog(LogFormat::kText, LogLevel::kError);

  const std::vector<std::string> parts = absl::StrSplit(text, "sign_in_refused");
  ASSERT_THAT(parts, SizeIs(1 + 5 + 1)) << text;
  EXPECT_THAT(parts.back(), HasSubstr("\"left_out\":5"));
}

TEST_F(SessionsTest, OtherSitesPagesCannotUseIt) {
  const std::string cookie = SignInAs(MakeKey("role: ROLE_CUSTOMER account_ids: 'acme'").secret());
  const std::string body = R"({"account_id": "acme"})";
  const std::string own = absl::StrCat("Origin: http://127.0.0.1:", server_->http_port());

  EXPECT_EQ(
      http_->Call("BillingService/GetBalance", body, {cookie, own, "Connect-Protocol-Version: 1"})
          .status,
      200);
  for (const std::vector<std::string>& headers : std::vector<std::vector<std::string>>{
           {cookie},
           {cookie, own},
           {cookie, "Connect-Protocol-Version: 1"},
           {cookie, "Connect-Protocol-Version: 1", "Sec-Fetch-Site: cross-site"},
           {cookie, "Connect-Protocol-Version: 1", "Sec-Fetch-Site: same-site"},
           {cookie, "Connect-Protocol-Version: 1", "Origin: https://evil.example"},
           {cookie, "Connect-Protocol-Version: 1", "Origin: null"}}) {
    EXPECT_EQ(http_->Call("BillingService/GetBalance", body, headers).status, 403);
  }
}

// A token that somebody has put into the browser beforehand is worth nothing after the sign-in.
TEST_F(SessionsTest, ASessionCannotBeFixed) {
  const std::string key = MakeKey("role: ROLE_CUSTOMER account_ids: 'acme'").secret();
  const std::string planted = SignInAs(key);

  const std::string cookie = CookieOf(SignIn({{"api_key", key}}, {planted}));

  EXPECT_NE(cookie, planted);
  EXPECT_EQ(Balance(planted).status, 401);
  EXPECT_EQ(Balance(cookie).status, 200);
  EXPECT_EQ(SignIn({{"api_key", key}}, {"Cookie: farebox=chosen"}).status, 200);
  EXPECT_EQ(Balance("Cookie: farebox=chosen").status, 401);
}

TEST_F(SessionsTest, ALinkSignsInOnce) {
  const v1::CreateSignInLinkResponse link = MakeLink();
  EXPECT_EQ(link.url(),
            absl::StrCat("http://localhost:", server_->http_port(), "/sign-in#", link.code()));

  const HttpResponse first = SignIn({{"code", link.code()}});
  EXPECT_EQ(HttpCalls::Json(first)["account_id"], "acme");
  EXPECT_EQ(Balance(CookieOf(first)).status, 200);
  EXPECT_EQ(SignIn({{"code", link.code()}}).status, 401);

  const v1::CreateSignInLinkResponse late = MakeLink();
  clock_.Advance(absl::Minutes(11));
  EXPECT_EQ(SignIn({{"code", late.code()}}).status, 401);
}

TEST_F(SessionsTest, ALinksSessionIsACustomersAndEndsWithItsMaker) {
  const v1::CreateApiKeyResponse maker = MakeKey("role: ROLE_ADMIN");
  v1::CreateSignInLinkRequest request;
  request.set_account_id("acme");
  const auto link = CallBy<v1::CreateSignInLinkResponse>(ChannelWith(maker.secret()),
                                                         "AccessService/CreateSignInLink", request);
  const std::string cookie = CookieOf(SignIn({{"code", link.value.code()}}));
  EXPECT_EQ(Balance(cookie).status, 200);
  EXPECT_EQ(Balance(cookie, "other").status, 404);
  std::vector<std::string> headers = OwnPage();
  headers.push_back(cookie);
  EXPECT_EQ(http_->Call("BillingService/Credit", R"({"account_id": "acme"})", headers).status, 403);

  v1::RevokeApiKeyRequest revoke;
  revoke.set_key_id(maker.key().key_id());
  CallBy<v1::RevokeApiKeyResponse>(channel_, "AccessService/RevokeApiKey", revoke);

  EXPECT_EQ(Balance(cookie).status, 401);
}

TEST_F(SessionsTest, LinksAreForAdminsToMakeAndStayOutOfTheAuditLog) {
  v1::CreateSignInLinkRequest request;
  request.set_account_id("acme");
  for (const char* const role : {"ROLE_SUPPORT", "ROLE_ROUTER"}) {
    EXPECT_EQ(CallBy<v1::CreateSignInLinkResponse>(ChannelOf(absl::StrCat("role: ", role)),
                                                   "AccessService/CreateSignInLink", request)
                  .status.error_code(),
              grpc::StatusCode::PERMISSION_DENIED);
  }
  const v1::CreateSignInLinkResponse link = MakeLink();
  EXPECT_THAT(AuditLog("account_id: 'acme'").DebugString(),
              AllOf(HasSubstr("CreateSignInLink"), Not(HasSubstr(link.code()))));
}

TEST_F(SessionsTest, TooManyOfAnAccountEndTheFirst) {
  const std::string key = MakeKey("role: ROLE_CUSTOMER account_ids: 'acme'").secret();
  std::vector<std::string> cookies;
  for (size_t i = 0; i <= limits::kSessionsPerAccountMax; ++i) {
    clock_.Advance(absl::Seconds(1));
    cookies.push_back(SignInAs(key));
  }

  EXPECT_EQ(Balance(cookies[0]).status, 401);
  EXPECT_EQ(Balance(cookies[1]).status, 200);
  EXPECT_EQ(Balance(cookies.back()).status, 200);
}

// Where nobody is asked who they are, a page still acts for one account.
TEST_F(SessionsTest, SigningInAndOutAreInTheAuditLogOfTheAccount) {
  const v1::CreateApiKeyResponse key = MakeKey("role: ROLE_CUSTOMER account_ids: 'acme'");
  const std::string cookie = SignInAs(key.secret());
  ASSERT_THAT(SignOut(cookie), StartsWith("HTTP/1.1 204"));

  const v1::ListAuditLogResponse log = AuditLog("account_id: 'acme' page_size: 2");

  ASSERT_EQ(log.records_size(), 2);
  for (const v1::AuditRecord& record : log.records()) {
    EXPECT_THAT(record, Shows(absl::StrCat("event: AUDIT_EVENT_ANSWERED role: ROLE_CUSTOMER "
                                           "code: 'OK' caller: 'key:",
                                           key.key().key_id(), "'")));
    EXPECT_THAT(record.peer(), StartsWith("ipv4:127.0.0.1:"));
  }
  EXPECT_THAT(log.records(0), Shows("method: 'SignOut'"));
  EXPECT_THAT(log.records(1), Shows("method: 'SignIn'"));
  EXPECT_THAT(log.records(1).after_json(), HasSubstr("session:"));
  EXPECT_EQ(log.records(0).after_json(), log.records(1).after_json());
}

class OpenSessionsTest : public SessionsTest {
 protected:
  Config MakeConfig() const override {
    Config config = SessionsTest::MakeConfig();
    if (!asks_callers_) config.access = {};
    return config;
  }

  // From the next start on.
  bool asks_callers_ = false;
};

TEST_F(OpenSessionsTest, AnAccountIsEnough) {
  const HttpResponse nobody = http_->Get("/session");
  EXPECT_EQ(nobody.status, 401);
  EXPECT_EQ(HttpCalls::Json(nobody)["access"], "open");

  const HttpResponse response = SignIn({{"account_id", "acme"}});

  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Balance(CookieOf(response)).status, 200);
  EXPECT_EQ(Balance(CookieOf(response), "other").status, 404);
  EXPECT_EQ(SignIn({{"account_id", "nobody"}}).status, 404);
  EXPECT_EQ(SignIn({{"code", MakeLink().code()}}).status, 200);
}

// Nobody has shown a key for them.
TEST_F(OpenSessionsTest, TheyAreOverWhereCallersAreAskedFromNowOn) {
  const std::vector<std::string> cookies = {CookieOf(SignIn({{"account_id", "acme"}})),
                                            CookieOf(SignIn({{"code", MakeLink().code()}}))};
  for (const std::string& cookie : cookies) ASSERT_EQ(Balance(cookie).status, 200);

  asks_callers_ = true;
  RestartHttp();

  for (const std::string& cookie : cookies) {
    EXPECT_EQ(Balance(cookie).status, 401);
    EXPECT_EQ(http_->Get("/session", {cookie}).status, 401);
  }
}

TEST_F(OpenSessionsTest, ANameThatIsMadeToLeadHereIsRefused) {
  EXPECT_EQ(http_->Call("BillingService/GetBalance", "{}", {"Host: evil.example"}).status, 403);
  EXPECT_EQ(SignIn({{"account_id", "acme"}}, {"Host: evil.example"}).status, 403);
  EXPECT_EQ(http_->Get("/metrics", {"Host: evil.example"}).status, 403);
  EXPECT_EQ(http_->Get("/", {"Host: evil.example"}).status, 403);
  EXPECT_EQ(http_->Get("/metrics", {"Sec-Fetch-Site: cross-site"}).status, 403);

  EXPECT_EQ(http_->Get("/metrics", {"Host: 192.0.2.1:8080"}).status, 200);
  EXPECT_EQ(http_->Get("/metrics", {"Host: localhost"}).status, 200);
  EXPECT_EQ(http_->Get("/", {"Host: localhost"}).status, 200);
  EXPECT_EQ(http_->Get("/healthz", {"Host: evil.example"}).status, 200);
  EXPECT_EQ(http_->Get("/readyz", {"Host: evil.example"}).status, 200);
}

// Where a proxy ends TLS, the cookie is one for TLS.
class SecureSessionsTest : public SessionsTest {
 protected:
  Config MakeConfig() const override {
    Config config = SessionsTest::MakeConfig();
    config.http_url = "https://billing.example.com";
    return config;
  }
};

TEST_F(SecureSessionsTest, TheCookieIsForTlsOnly) {
  const HttpResponse response =
      SignIn({{"api_key", MakeKey("role: ROLE_CUSTOMER account_ids: 'acme'").secret()}});

  EXPECT_THAT(std::string(response.Header("set-cookie")),
              AllOf(StartsWith("__Host-farebox="), HasSubstr("; Secure")));
  EXPECT_EQ(Balance(CookieOf(response)).status, 200);
  EXPECT_THAT(MakeLink().url(), StartsWith("https://billing.example.com/sign-in#"));
}

}  // namespace
}  // namespace farebox::server
