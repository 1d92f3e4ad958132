#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "client/cpp/channel.h"
#include "server/base/log.h"
#include "server/security/tls.h"
#include "tests/server/server_fixture.h"
#include "tests/support/await.h"
#include "tests/support/read_file.h"

namespace farebox::server {
namespace {

using ::grpc::StatusCode;
using ::testing::HasSubstr;
using ::testing::Not;

// Makes certificates with the openssl program, in a folder of its own.
class CertificateMaker {
 public:
  std::string Path(absl::string_view file) const {
    return absl::StrCat(directory_.path(), "/", file);
  }

  void MakeCa(absl::string_view name) {
    Run(absl::Substitute("openssl req -x509 $0 -keyout $1.key -out $1.pem -days 30 -subj /CN=$1",
                         kNewKey, name));
  }

  // Files `name`.pem and `name`.key. `alternatives` as in "URI:spiffe://...", empty for none.
  void Make(absl::string_view name, absl::string_view ca, absl::string_view common_name,
            const std::string& alternatives, absl::string_view days = "30") {
    std::ofstream(Path("extensions"))
        << "basicConstraints=CA:FALSE\n"
        << (alternatives.empty() ? "" : "subjectAltName=") << alternatives << "\n";
    Run(absl::Substitute("openssl req $0 -keyout $1.key -out $1.csr -subj '/CN=$2'", kNewKey, name,
                         common_name));
    Run(
        absl::Substitute("openssl x509 -req -in $0.csr -CA $1.pem -CAkey $1.key -CAcreateserial "
                         "-days $2 -extfile extensions -out $0.pem",
                         name, ca, days));
  }

  // 0 where the command, run in the folder, says so.
  int Try(absl::string_view command) const {
    // Commands of this test only.
    return std::system(  // NOLINT(cert-env33-c,concurrency-mt-unsafe)
        absl::StrCat("cd ", directory_.path(), " && ( ", command, " ) > output 2>&1 < /dev/null")
            .c_str());
  }
  std::string Output() const { return testing::ReadFile(Path("output")); }

 private:
  static constexpr absl::string_view kNewKey = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

  void Run(absl::string_view command) const { ASSERT_EQ(Try(command), 0) << command << Output(); }

  testing::TemporaryDirectory directory_;
};

// A server with TLS that wants certificates of its clients. What the fixture itself does is done
// with the certificate of an admin.
class TlsTest : public ServerTest {
 protected:
  TlsTest() {
    certificates_.MakeCa("ca");
    certificates_.MakeCa("rogue");
    certificates_.Make("server", "ca", "farebox", "IP:127.0.0.1,DNS:localhost");
    certificates_.Make("admin", "ca", "admin", "URI:spiffe://farebox.test/admin");
  }

  Config MakeConfig() const override {
    Config config = ServerTest::MakeConfig();
    config.access.mode = AccessMode::kKeys;
    for (const char* const role :
         {"spiffe://farebox.test/admin=admin", "spiffe://farebox.test/router=router",
          "spiffe://farebox.test/prometheus=metrics", "CN=sms-1=gateway"}) {
      FAREBOX_CHECK(AddCertificateRole(role, &config.access).ok());
    }
    config.tls = {.certificate_file = certificates_.Path("server.pem"),
                  .key_file = certificates_.Path("server.key"),
                  .client_ca_file = certificates_.Path("ca.pem")};
    config.http_listen = "127.0.0.1:0";
    return config;
  }

  // `identity` as CertificateMaker has named it; empty: none is shown.
  std::shared_ptr<grpc::Channel> ChannelAs(const std::string& identity) const {
    client::ClientOptions options;
    options.target = absl::StrCat("127.0.0.1:", server_->port());
    options.has_tls = true;
    options.root_certificates = testing::ReadFile(certificates_.Path("ca.pem"));
    if (!identity.empty()) {
      options.certificates = testing::ReadFile(certificates_.Path(identity + ".pem"));
      options.private_key = testing::ReadFile(certificates_.Path(identity + ".key"));
    }
    return client::Connect(options);
  }
  std::shared_ptr<grpc::Channel> NewChannel() const override { return ChannelAs("admin"); }

  static grpc::Status AskBalance(const std::shared_ptr<grpc::Channel>& channel) {
    const auto stub = v1::BillingService::NewStub(channel);
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::GetBalanceRequest request;
    request.set_account_id("acme");
    v1::GetBalanceResponse response;
    return stub->GetBalance(&context, request, &response);
  }

  // What comes back over HTTPS, in whose beginning openssl tells of the connection. Nothing of HTTP
  // where there is none.
  std::string SendByHttp(const std::string& identity, absl::string_view line,
                         const std::string& body) {
    std::ofstream(certificates_.Path("request"))
        << line << " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        << "Content-Type: application/json\r\nContent-Length: " << body.size() << "\r\n\r\n"
        << body;
    const std::string shown =
        identity.empty() ? "" : absl::Substitute("-cert $0.pem -key $0.key", identity);
    certificates_.Try(absl::Substitute("openssl s_client -quiet -connect 127.0.0.1:$0 $1 < request",
                                       server_->http_port(), shown));
    return certificates_.Output();
  }
  std::string AskBalanceByHttp(const std::string& identity) {
    return SendByHttp(identity, "POST /farebox.v1.BillingService/GetBalance",
                      R"({"account_id":"acme"})");
  }

  // The serial number of the certificate that a new connection gets.
  std::string SerialSeen() { return SerialSeenAt(server_->port()); }
  std::string SerialSeenByHttp() { return SerialSeenAt(server_->http_port()); }
  std::string SerialOf(const std::string& name) {
    certificates_.Try(absl::Substitute("openssl x509 -noout -serial -in $0.pem", name));
    return certificates_.Output();
  }
  void Install(const std::string& file, const std::string& as) {
    std::filesystem::copy_file(certificates_.Path(file), certificates_.Path(as + ".new"),
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::rename(certificates_.Path(as + ".new"), certificates_.Path(as));
  }

  CertificateMaker certificates_;

 private:
  std::string SerialSeenAt(int port) {
    certificates_.Try(absl::Substitute(
        "openssl s_client -connect 127.0.0.1:$0 -alpn h2 -cert admin.pem -key admin.key "
        "2> handshake | openssl x509 -noout -serial",
        port));
    return certificates_.Output();
  }
};

TEST_F(TlsTest, ACertificatesSpiffeIdDecidesOnTheRole) {
  OpenAccount("acme", 1'000'000);
  certificates_.Make("router", "ca", "whatever", "URI:spiffe://farebox.test/router");

  const auto router = ChannelAs("router");

  EXPECT_TRUE(AskBalance(router).ok());
  const auto stub = v1::AccountService::NewStub(router);
  grpc::ClientContext context;
  SetDeadline(&context);
  v1::CreateAccountResponse response;
  EXPECT_EQ(stub->CreateAccount(&context, v1::CreateAccountRequest(), &response).error_code(),
            StatusCode::PERMISSION_DENIED);
}

TEST_F(TlsTest, ACommonNameCountsWhereItWasToldToAndThereIsNoUri) {
  OpenAccount("acme", 1'000'000);
  certificates_.Make("gateway", "ca", "sms-1", "");
  certificates_.Make("other", "ca", "sms-2", "");
  certificates_.Make("with-uri", "ca", "sms-1", "URI:spiffe://farebox.test/nobody");
  certificates_.Make("with-two", "ca", "sms-1",
                     "URI:spiffe://farebox.test/admin,URI:spiffe://farebox.test/router");

  EXPECT_TRUE(AskBalance(ChannelAs("gateway")).ok());
  for (const char* const identity : {"other", "with-uri", "with-two"}) {
    EXPECT_EQ(AskBalance(ChannelAs(identity)).error_code(), StatusCode::UNAUTHENTICATED)
        << identity;
  }
}

TEST_F(TlsTest, StrangersGetNoConnection) {
  certificates_.Make("stranger", "rogue", "admin", "URI:spiffe://farebox.test/admin");
  certificates_.Make("expired", "ca", "admin", "URI:spiffe://farebox.test/admin", "-1");

  for (const char* const identity : {"", "stranger", "expired"}) {
    EXPECT_EQ(AskBalance(ChannelAs(identity)).error_code(), StatusCode::UNAVAILABLE) << identity;
  }
  const auto plain = client::Connect({.target = absl::StrCat("127.0.0.1:", server_->port())});
  EXPECT_EQ(AskBalance(plain).error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, OverHttpACertificateIsKnownAsItIsByGrpc) {
  OpenAccount("acme", 1'000'000);
  certificates_.Make("router", "ca", "whatever", "URI:spiffe://farebox.test/router");
  certificates_.Make("gateway", "ca", "sms-1", "");
  certificates_.Make("other", "ca", "sms-2", "");
  certificates_.Make("with-uri", "ca", "sms-1", "URI:spiffe://farebox.test/nobody");
  certificates_.Make("with-name", "ca", "other", "URI:CN=sms-1");
  certificates_.Make("with-two", "ca", "sms-1",
                     "URI:spiffe://farebox.test/admin,URI:spiffe://farebox.test/router");

  for (const char* const identity : {"router", "gateway", "admin"}) {
    const std::string answer = AskBalanceByHttp(identity);
    EXPECT_THAT(answer, HasSubstr("HTTP/1.1 200")) << identity;
    EXPECT_THAT(answer, HasSubstr(R"("balance_micros":"1000000")")) << identity;
  }
  EXPECT_THAT(SendByHttp("router", "POST /farebox.v1.AccountService/CreateAccount", "{}"),
              HasSubstr("HTTP/1.1 403"));
  // Browsers and webhooks have none: they are let in to show something else.
  for (const char* const identity : {"", "other", "with-uri", "with-name", "with-two"}) {
    EXPECT_THAT(AskBalanceByHttp(identity), HasSubstr("HTTP/1.1 401")) << identity;
  }
}

TEST_F(TlsTest, OverHttpABadCertificateIsWorseThanNone) {
  OpenAccount("acme", 1'000'000);
  certificates_.Make("stranger", "rogue", "admin", "URI:spiffe://farebox.test/admin");
  certificates_.Make("expired", "ca", "admin", "URI:spiffe://farebox.test/admin", "-1");

  for (const char* const identity : {"stranger", "expired"}) {
    EXPECT_THAT(AskBalanceByHttp(identity), Not(HasSubstr("HTTP/1.1"))) << identity;
  }
}

TEST_F(TlsTest, WhoReadsTheFiguresMayHaveACertificate) {
  certificates_.Make("prometheus", "ca", "any", "URI:spiffe://farebox.test/prometheus");
  certificates_.Make("router", "ca", "any", "URI:spiffe://farebox.test/router");

  const std::string figures = SendByHttp("prometheus", "GET /metrics", "");
  EXPECT_THAT(figures, HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(figures, HasSubstr("farebox_accounts"));
  EXPECT_THAT(SendByHttp("router", "GET /metrics", ""), HasSubstr("HTTP/1.1 403"));
  EXPECT_THAT(SendByHttp("", "GET /metrics", ""), HasSubstr("HTTP/1.1 401"));
}

class HttpNeedsCertificateTest : public TlsTest {
 protected:
  Config MakeConfig() const override {
    Config config = TlsTest::MakeConfig();
    config.tls.http_needs_client_certificate = true;
    return config;
  }
};

TEST_F(HttpNeedsCertificateTest, NobodyConnectsWithoutOne) {
  OpenAccount("acme", 1'000'000);

  EXPECT_THAT(AskBalanceByHttp("admin"), HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(AskBalanceByHttp(""), Not(HasSubstr("HTTP/1.1")));
}

TEST_F(TlsTest, NothingOlderThanTls13IsSpoken) {
  const auto handshake = [&](absl::string_view version) {
    return certificates_.Try(absl::Substitute(
        "openssl s_client -connect 127.0.0.1:$0 -alpn h2 -cert admin.pem -key admin.key -$1",
        server_->port(), version));
  };

  EXPECT_EQ(handshake("tls1_3"), 0) << certificates_.Output();
  EXPECT_THAT(certificates_.Output(), HasSubstr("TLSv1.3"));
  EXPECT_NE(handshake("tls1_2"), 0) << certificates_.Output();
  EXPECT_NE(handshake("tls1_1"), 0) << certificates_.Output();
}

TEST_F(TlsTest, ANewCertificateIsUsedWithoutARestart) {
  OpenAccount("acme", 1'000'000);
  const auto connected = ChannelAs("admin");
  ASSERT_TRUE(AskBalance(connected).ok());
  ASSERT_EQ(SerialSeen(), SerialOf("server"));
  certificates_.Make("next", "ca", "farebox", "IP:127.0.0.1,DNS:localhost");

  Install("next.key", "server.key");
  Install("next.pem", "server.pem");

  const std::string next = SerialOf("next");
  testing::Await([&] {
    EXPECT_TRUE(AskBalance(connected).ok());
    EXPECT_TRUE(AskBalance(ChannelAs("admin")).ok());
    return SerialSeen() == next;
  });
  EXPECT_TRUE(AskBalance(connected).ok());
}

TEST_F(TlsTest, OverHttpNewCertificatesAreUsedWithoutARestart) {
  OpenAccount("acme", 1'000'000);
  certificates_.MakeCa("new-ca");
  certificates_.Make("next", "ca", "farebox", "IP:127.0.0.1,DNS:localhost");
  certificates_.Make("newcomer", "new-ca", "admin", "URI:spiffe://farebox.test/admin");
  certificates_.Try("cat ca.pem new-ca.pem > both.pem");
  ASSERT_EQ(SerialSeenByHttp(), SerialOf("server"));
  ASSERT_THAT(AskBalanceByHttp("newcomer"), Not(HasSubstr("HTTP/1.1")));

  Install("next.key", "server.key");
  Install("next.pem", "server.pem");
  Install("both.pem", "ca.pem");

  const std::string next = SerialOf("next");
  testing::Await([&] { return SerialSeenByHttp() == next; });
  testing::Await([&] { return absl::StrContains(AskBalanceByHttp("newcomer"), "HTTP/1.1 200"); });
  EXPECT_THAT(AskBalanceByHttp("admin"), HasSubstr("HTTP/1.1 200"));
}

// ---- What is in the files

class TlsIdentityTest : public ::testing::Test {
 protected:
  TlsIdentityTest() {
    certificates_.MakeCa("ca");
    certificates_.Make("one", "ca", "farebox", "DNS:one");
    certificates_.Make("two", "ca", "farebox", "DNS:two");
    certificates_.Make("expired", "ca", "farebox", "DNS:old", "-1");
    std::ofstream(certificates_.Path("junk")) << "junk\n";
    certificates_.Try("cat one.pem ca.pem > chain.pem && head -c -200 chain.pem > half.pem");
    certificates_.Try("(cat one.pem; printf -- -----BEG) > begun.pem");
    certificates_.Try(
        "openssl req -x509 -newkey rsa:1024 -nodes -keyout weak.key -out weak.pem -subj /CN=weak");
    certificates_.Try("cat one.pem weak.pem > weak-chain.pem");
  }

  absl::StatusOr<TlsIdentity> Read(const char* certificate, const char* key,
                                   const char* client_ca = "") const {
    const auto path = [&](absl::string_view file) {
      return file.empty() ? std::string() : certificates_.Path(file);
    };
    return ReadTlsIdentity({.certificate_file = path(certificate),
                            .key_file = path(key),
                            .client_ca_file = path(client_ca)},
                           SystemClock().Now());
  }

  CertificateMaker certificates_;
};

TEST_F(TlsIdentityTest, WhatDoesNotFitTogetherIsRefused) {
  EXPECT_TRUE(Read("one.pem", "one.key", "ca.pem").ok());
  EXPECT_TRUE(Read("chain.pem", "one.key", "chain.pem").ok());
  for (const auto& files :
       std::vector<std::array<const char*, 4>>{{"one.pem", "two.key", "", "is not the key"},
                                               {"one.pem", "junk", "", "has no private key"},
                                               {"junk", "one.key", "", "has no certificate"},
                                               {"none.pem", "one.key", "", "cannot be read"},
                                               {"one.pem", "none.key", "", "cannot be read"},
                                               {"one.pem", "one.key", "junk", "has no certificate"},
                                               {"half.pem", "one.key", "", "is not whole"},
                                               {"begun.pem", "one.key", "", "is not whole"},
                                               {"one.pem", "one.key", "half.pem", "is not whole"},
                                               {"weak.pem", "weak.key", "", "key too small"},
                                               {"weak-chain.pem", "one.key", "", "key too small"},
                                               {"expired.pem", "expired.key", "", "expired"}}) {
    const absl::Status refused = Read(files[0], files[1], files[2]).status();
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr(files[3]));
  }
}

TEST_F(TlsIdentityTest, WhatIsKnownIsNotParsedAgainButMayHaveExpired) {
  const TlsOptions options = {.certificate_file = certificates_.Path("one.pem"),
                              .key_file = certificates_.Path("one.key"),
                              .client_ca_file = certificates_.Path("ca.pem")};
  const absl::Time now = SystemClock().Now();
  absl::StatusOr<TlsIdentity> known = ReadTlsIdentity(options, now);
  ASSERT_TRUE(known.ok()) << known.status();
  known->serial = "as it was known";

  const absl::StatusOr<TlsIdentity> again = ReadTlsIdentity(options, now, &*known);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->serial, "as it was known");
  EXPECT_TRUE(absl::IsInvalidArgument(
      ReadTlsIdentity(options, now + absl::Hours(24 * 31), &*known).status()));

  certificates_.Try("cp two.pem one.pem && cp two.key one.key");
  const absl::StatusOr<TlsIdentity> changed = ReadTlsIdentity(options, now, &*known);
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_NE(changed->serial, "as it was known");
}

// ---- Files that change

// Looks when the test does.
class TlsFilesTest : public TlsIdentityTest {
 protected:
  void SetUp() override {
    certificates_.Try("cp one.pem server.pem && cp one.key server.key");
    auto opened = TlsFiles::Open({.certificate_file = certificates_.Path("server.pem"),
                                  .key_file = certificates_.Path("server.key")},
                                 &clock_, /*look_pause=*/absl::Hours(1));
    ASSERT_TRUE(opened.ok()) << opened.status();
    files_ = *std::move(opened);
  }

  // What is in force after so many looks.
  std::string CertificatesAfter(int looks) {
    for (int look = 0; look < looks; ++look) files_->Look();
    return files_->Current()->certificates;
  }
  std::string Contents(absl::string_view file) const {
    return testing::ReadFile(certificates_.Path(file));
  }

  const SystemClock clock_;
  std::unique_ptr<TlsFiles> files_;
};

TEST_F(TlsFilesTest, AnOldPairStaysUntilTheNewOneIsWhole) {
  EXPECT_FALSE(files_->is_refused());
  for (const char* const change : {"cp two.pem server.pem", "cp junk server.key", "rm server.key",
                                   "cp weak.pem server.pem && cp weak.key server.key",
                                   "cp half.pem server.pem && cp one.key server.key"}) {
    certificates_.Try(change);
    EXPECT_EQ(CertificatesAfter(2), Contents("one.pem")) << change;
    EXPECT_TRUE(files_->is_refused()) << change;
  }

  certificates_.Try("cp two.pem server.pem && cp two.key server.key");
  EXPECT_EQ(CertificatesAfter(2), Contents("two.pem"));
  EXPECT_FALSE(files_->is_refused());
}

TEST_F(TlsFilesTest, ConnectionsOfHttpShareWhatIsParsedOnce) {
  const auto first = files_->HttpContext();
  ASSERT_TRUE(first != nullptr);
  CertificatesAfter(2);
  EXPECT_TRUE(files_->HttpContext() == first);

  certificates_.Try("cp two.pem server.pem");
  CertificatesAfter(2);
  EXPECT_TRUE(files_->HttpContext() == first) << "for a pair that does not fit together";

  certificates_.Try("cp two.key server.key");
  CertificatesAfter(2);
  EXPECT_TRUE(files_->HttpContext() != first);
}

TEST_F(TlsFilesTest, WhatIsRefusedIsLoggedOnce) {
  ConfigureLog(LogFormat::kText, LogLevel::kError);
  certificates_.Try("cp two.pem server.pem");

  ::testing::internal::CaptureStderr();
  CertificatesAfter(3);
  FlushLog();

  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("certificate_refused problem="));
  EXPECT_EQ(log.find("certificate_refused"), log.rfind("certificate_refused"));
}

TEST_F(TlsFilesTest, FilesThatAreBeingWrittenAreNotTaken) {
  certificates_.Try("cp two.key server.key && cp two.pem server.pem");
  EXPECT_EQ(CertificatesAfter(1), Contents("one.pem"));
  certificates_.Try("cat ca.pem >> server.pem");
  EXPECT_EQ(CertificatesAfter(1), Contents("one.pem"));

  EXPECT_EQ(CertificatesAfter(1), Contents("server.pem"));
}

}  // namespace
}  // namespace farebox::server
