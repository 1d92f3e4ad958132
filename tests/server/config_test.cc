#include "server/config.h"

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/exit_codes.h"
#include "tests/support/server_process.h"

namespace farebox::server {
namespace {

// What it says goes to `problem`.
ConfigResult Read(std::vector<const char*> flags, std::string* problem) {
  flags.insert(flags.begin(), "farebox-server");
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  ConfigResult result = ReadConfig(static_cast<int>(flags.size()), flags.data());
  ::testing::internal::GetCapturedStdout();
  *problem = ::testing::internal::GetCapturedStderr();
  return result;
}

ConfigResult Read(const std::vector<const char*>& flags) {
  std::string problem;
  return Read(flags, &problem);
}

TEST(ReadConfig, ListensOnLoopbackWhereNothingElseIsSaid) {
  const ConfigResult result = Read({});

  EXPECT_FALSE(result.is_done);
  EXPECT_EQ(result.config.listen, "127.0.0.1:50051");
  EXPECT_EQ(result.config.request_window, absl::Hours(24 * 7));
}

TEST(ReadConfig, WhoIsLetInIsSetWordForWord) {
  const ConfigResult result =
      Read({"--access", "keys", "--admin-key-file", "/tmp/key", "--certificate-role",
            "spiffe://example.com/router=router", "--certificate-role", "CN=sms-1=gateway",
            "--support-credit-max", "7"});

  ASSERT_FALSE(result.is_done);
  const AccessOptions& access = result.config.access;
  EXPECT_EQ(access.mode, AccessMode::kKeys);
  EXPECT_EQ(access.admin_key_file, "/tmp/key");
  EXPECT_EQ(access.support_credit_max, Micros(7'000'000));
  EXPECT_EQ(access.certificate_roles.at("spiffe://example.com/router"), v1::ROLE_ROUTER);
  EXPECT_EQ(access.certificate_roles.at("CN=sms-1"), v1::ROLE_GATEWAY);
}

TEST(ReadConfig, RefusesRolesOfCertificatesThatItCannotRead) {
  for (const char* const role :
       {"router", "spiffe://example.com/router", "spiffe://example.com/router=owner", "CN==router",
        "sms-1=gateway", "spiffe://example.com/me=customer", "CN=sms-1=unspecified"}) {
    std::string problem;
    const ConfigResult result = Read({"--certificate-role", role}, &problem);
    EXPECT_EQ(result.exit_code, kExitUsage) << role;
    EXPECT_NE(problem.find("--certificate-role"), std::string::npos) << problem;
  }
}

TEST(ReadConfig, TakesRatesOfKeysAndAccounts) {
  const ConfigResult result = Read({"--key-rate", "500:2000", "--account-rate", "20"});

  ASSERT_FALSE(result.is_done);
  EXPECT_EQ(result.config.access.caller_rate.per_second, 500);
  EXPECT_EQ(result.config.access.caller_rate.burst, 2000);
  EXPECT_EQ(result.config.account_rate.per_second, 20);
  EXPECT_EQ(result.config.account_rate.burst, 20);
  EXPECT_FALSE(Read({}).config.account_rate.is_limited());
}

TEST(ReadConfig, RefusesRatesThatItCannotRead) {
  for (const char* const option : {"--key-rate", "--account-rate"}) {
    std::string problem;
    EXPECT_EQ(Read({option, "0"}, &problem).exit_code, kExitUsage);
    EXPECT_NE(problem.find(option), std::string::npos) << problem;
  }
}

TEST(ReadConfig, ListensForOthersOnlyWithKeysAndTls) {
  for (const char* const option : {"--listen", "--http-listen"}) {
    SCOPED_TRACE(option);
    const auto with = [&](std::vector<const char*> more) {
      std::vector<const char*> flags = {option, "0.0.0.0:1"};
      flags.insert(flags.end(), more.begin(), more.end());
      std::string problem;
      return Read(flags, &problem).exit_code;
    };

    EXPECT_EQ(with({}), kExitUsage);
    EXPECT_EQ(with({"--access", "keys"}), kExitUsage);
    EXPECT_EQ(with({"--tls-cert", "a", "--tls-key", "b"}), kExitUsage);
    EXPECT_EQ(with({"--tls-cert", "a"}), kExitUsage);
    EXPECT_EQ(with({"--access", "keys", "--tls-cert", "a", "--tls-key", "b",
                    "--http-needs-client-certificate"}),
              kExitUsage);
    EXPECT_EQ(with({"--access", "keys", "--tls-cert", "a", "--tls-key", "b"}), kExitOk);
    EXPECT_EQ(with({"--insecure-listen-anywhere"}), kExitOk);
  }
}

TEST(ReadConfig, TakesLimitsOfChargesByCurrency) {
  const ConfigResult result =
      Read({"--recharge-limits", "JPY=5000:1000:90000", "--recharge-limits", "EUR=20:5:500"});

  ASSERT_FALSE(result.is_done);
  const RechargeLimitTable& limits = result.config.payments.limits;
  EXPECT_EQ(limits.Of("JPY").amount_above, Micros(5'000'000'000));
  EXPECT_EQ(limits.Of("JPY").threshold_min, Micros(1'000'000'000));
  EXPECT_EQ(limits.Of("EUR").charge_max, Micros(500'000'000));
  EXPECT_EQ(limits.Of("USD").amount_above, Micros(50'000'000));
}

TEST(ReadConfig, RefusesLimitsThatAreNone) {
  for (const char* const text : {"", "JPY", "jpy=1:1:2", "JPY=1:1", "JPY=1:1:2:3", "JPY=-1:1:2",
                                 "JPY=1:1:1", "JPY=1.5:1:2", "JPY=1:1:9223372036854775807"}) {
    std::string problem;
    EXPECT_EQ(Read({"--recharge-limits", text}, &problem).exit_code, kExitUsage) << text;
  }
}

TEST(ReadConfig, RefusesWebhooksThatHaveNowhereToComeIn) {
  std::string problem;
  const ConfigResult result =
      Read({"--payments", "stripe", "--stripe-webhook-secret-file", "secret"}, &problem);

  EXPECT_EQ(result.exit_code, kExitUsage);
  EXPECT_NE(problem.find("--http-listen"), std::string::npos) << problem;
}

TEST(ReadConfig, RefusesToBeReachedByOthersUnlessToldSoLoudly) {
  for (const char* address :
       {"0.0.0.0:50051", "[::]:50051", "192.0.2.1:1", "example.org:1", "127x:1", "[::1]x:1"}) {
    const ConfigResult result = Read({"--listen", address});
    EXPECT_TRUE(result.is_done) << address;
    EXPECT_EQ(result.exit_code, kExitUsage) << address;
    EXPECT_FALSE(Read({"--listen", address, "--insecure-listen-anywhere"}).is_done) << address;
  }
  for (const char* address : {"127.0.0.1:0", "127.1.2.3:1", "localhost:1", "[::1]:1", "unix:/x"}) {
    EXPECT_FALSE(Read({"--listen", address}).is_done) << address;
  }
}

TEST(ReadConfig, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(Read({"--no-such-flag"}).exit_code, kExitUsage);
  EXPECT_EQ(Read({"--queue-max", "0"}).exit_code, kExitUsage);
  EXPECT_EQ(Read({"--queue-max", "many"}).exit_code, kExitUsage);
  EXPECT_EQ(Read({"--log-format", "xml"}).exit_code, kExitUsage);
  EXPECT_EQ(Read({"--listen", "127.0.0.1"}).exit_code, kExitUsage);
  EXPECT_EQ(Read({"--config", "/no/such/file"}).exit_code, kExitUsage);
}

// Once, 010 days were the eight that C takes it for.
TEST(ReadConfig, TakesNumbersAsDecimalWhateverTheyBeginWith) {
  const ConfigResult result =
      Read({"--number-grace-days", "010", "--queue-max", "0100", "--smtp-port", "0025"});

  ASSERT_FALSE(result.is_done);
  EXPECT_EQ(result.config.rentals.grace, absl::Hours(24 * 10));
  EXPECT_EQ(result.config.queued_commands_max, 100);
  EXPECT_EQ(result.config.mail.smtp.port, 25);
}

TEST(ReadConfig, RefusesNumbersThatAreNotDecimalOrTooLarge) {
  for (const char* const option :
       {"--number-grace-days", "--queue-max", "--free-disk-min", "--reader-threads",
        "--connections-max", "--connections-per-host-max", "--calls-per-connection-max",
        "--support-credit-max", "--smtp-port"}) {
    for (const char* const text : {"0x10", "1.5", "-1", "9223372036854775807"}) {
      std::string problem;
      EXPECT_EQ(Read({option, text}, &problem).exit_code, kExitUsage) << option << " " << text;
      EXPECT_NE(problem.find(option), std::string::npos) << problem;
    }
  }
}

// Once, "nan" was a time without end.
TEST(ReadConfig, RefusesTimesThatAreNoNumbersOrTooLong) {
  for (const char* const option :
       {"--connection-idle", "--connection-age", "--connection-age-grace", "--drain-grace",
        "--drain-timeout", "--request-window"}) {
    for (const char* const text : {"nan", "NaN(1)", "inf", "-1", "1e9", "soon"}) {
      std::string problem;
      EXPECT_EQ(Read({option, text}, &problem).exit_code, kExitUsage) << option << " " << text;
      EXPECT_NE(problem.find(option), std::string::npos) << problem;
    }
  }
}

TEST(ReadConfig, TellsOfItselfAndIsDone) {
  for (const char* flag : {"--help", "--version"}) {
    EXPECT_TRUE(Read({flag}).is_done);
    EXPECT_EQ(Read({flag}).exit_code, kExitOk);
  }
}

TEST(ReadConfig, FindsTheFileByTheEnvironment) {
  const testing::TemporaryDirectory directory;
  const std::string path = absl::StrCat(directory.path(), "/farebox.toml");
  const std::string other = absl::StrCat(directory.path(), "/other.toml");
  std::ofstream(path) << "access = \"keys\"\n";
  std::ofstream(other) << "data = \"/other\"\n";

  setenv("FAREBOX_CONFIG", path.c_str(), 1);
  const ConfigResult by_environment = Read({});
  const ConfigResult by_flag = Read({"--config", other.c_str()});
  setenv("FAREBOX_CONFIG", "/no/such/file", 1);
  const ConfigResult missing = Read({});
  unsetenv("FAREBOX_CONFIG");

  ASSERT_FALSE(by_environment.is_done);
  EXPECT_EQ(by_environment.config.access.mode, AccessMode::kKeys);
  ASSERT_FALSE(by_flag.is_done);
  EXPECT_EQ(by_flag.config.data_directory, "/other");
  EXPECT_EQ(by_flag.config.access.mode, AccessMode::kOpen);
  EXPECT_EQ(missing.exit_code, kExitUsage);
}

// Nothing would be what the file says: `--access open` where it says keys.
TEST(ReadConfig, KeepsTheFilesLineWhereTheEnvironmentSaysNothing) {
  const testing::TemporaryDirectory directory;
  const std::string path = absl::StrCat(directory.path(), "/farebox.toml");
  std::ofstream(path) << "access = \"keys\"\n";
  setenv("FAREBOX_ACCESS", "", 1);

  const ConfigResult result = Read({"--config", path.c_str()});

  unsetenv("FAREBOX_ACCESS");
  ASSERT_FALSE(result.is_done);
  EXPECT_EQ(result.config.access.mode, AccessMode::kKeys);
}

TEST(ReadConfig, TakesAFlagBeforeTheEnvironmentAndThatBeforeTheFile) {
  const testing::TemporaryDirectory directory;
  const std::string path = absl::StrCat(directory.path(), "/farebox.toml");
  std::ofstream(path) << "data = \"/file\"\nlisten = \"127.0.0.1:1\"\nlog-format = \"json\"\n";
  setenv("FAREBOX_LISTEN", "127.0.0.1:2", 1);
  setenv("FAREBOX_DATA", "/environment", 1);

  const ConfigResult result = Read({"--config", path.c_str(), "--data", "/flag"});

  unsetenv("FAREBOX_LISTEN");
  unsetenv("FAREBOX_DATA");
  EXPECT_FALSE(result.is_done);
  EXPECT_EQ(result.config.data_directory, "/flag");
  EXPECT_EQ(result.config.listen, "127.0.0.1:2");
  EXPECT_EQ(result.config.log_format, LogFormat::kJson);
}

TEST(ReadConfig, RefusesAFileWithOptionsThatItDoesNotKnow) {
  const testing::TemporaryDirectory directory;
  const std::string path = absl::StrCat(directory.path(), "/farebox.toml");
  std::ofstream(path) << "lisen = \"127.0.0.1:1\"\n";

  EXPECT_EQ(Read({"--config", path.c_str()}).exit_code, kExitUsage);
}

// ---- Mail

class MailConfig : public ::testing::Test {
 protected:
  MailConfig() { std::ofstream(password_) << "hunter2\nnot this\n"; }

  const testing::TemporaryDirectory directory_;
  const std::string password_ = directory_.path() + "/password";
};

TEST_F(MailConfig, SendsNoneWhereNothingIsSaid) {
  EXPECT_EQ(Read({}).config.mail.route, MailRoute::kNone);
}

TEST_F(MailConfig, TakesAMailServerWithItsPasswordFromAFile) {
  setenv("FAREBOX_SMTP_HOST", "mail.example.org", 1);
  const std::string path = directory_.path() + "/farebox.toml";
  std::ofstream(path) << "mail = \"smtp\"\nmail-from = \"billing@example.org\"\n";

  const ConfigResult result =
      Read({"--config", path.c_str(), "--smtp-user", "farebox", "--smtp-password-file",
            password_.c_str(), "--mail-from-name", "Example", "--mail-receipts"});

  unsetenv("FAREBOX_SMTP_HOST");
  ASSERT_FALSE(result.is_done);
  const Mailing::Options& mail = result.config.mail;
  EXPECT_EQ(mail.route, MailRoute::kSmtp);
  EXPECT_EQ(mail.smtp.host, "mail.example.org");
  EXPECT_EQ(mail.smtp.port, 587);
  EXPECT_EQ(mail.smtp.security, mail::SmtpSecurity::kStartTls);
  EXPECT_EQ(mail.smtp.user, "farebox");
  EXPECT_EQ(mail.smtp.password, "hunter2");
  EXPECT_EQ(mail.smtp.author.address, "billing@example.org");
  EXPECT_EQ(mail.smtp.author.name, "Example");
  EXPECT_TRUE(mail.receipts);
}

TEST_F(MailConfig, KnowsTheUsualPorts) {
  const auto port_of = [](const char* security) {
    return Read({"--mail", "smtp", "--mail-from", "a@example.org", "--smtp-host", "localhost",
                 "--smtp-security", security})
        .config.mail.smtp.port;
  };

  EXPECT_EQ(port_of("starttls"), 587);
  EXPECT_EQ(port_of("none"), 587);
  EXPECT_EQ(port_of("tls"), 465);
}

TEST_F(MailConfig, RefusesWhatCannotWorkAndNamesTheOption) {
  std::ofstream(directory_.path() + "/empty").close();
  const std::string empty = directory_.path() + "/empty";
  struct Case {
    std::vector<const char*> flags;
    std::string option;
  };
  const std::vector<const char*> smtp = {"--mail",      "smtp",        "--smtp-host",
                                         "example.org", "--mail-from", "a@example.org"};
  const auto smtp_and = [&](std::vector<const char*> more) {
    more.insert(more.begin(), smtp.begin(), smtp.end());
    return more;
  };
  const std::vector<Case> cases = {
      {{"--mail", "pigeon"}, "--mail"},
      {{"--mail", "smtp", "--smtp-host", "example.org"}, "--mail-from"},
      {{"--mail", "smtp", "--mail-from", "nobody", "--smtp-host", "example.org"}, "--mail-from"},
      {{"--mail", "smtp", "--mail-from", "a@example.org"}, "--smtp-host"},
      {{"--mail", "file", "--mail-from", "a@example.org"}, "--mail-directory"},
      {{"--mail", "file", "--mail-from", "a@example.org", "--mail-directory", "/no/such"},
       "--mail-directory"},
      {smtp_and({"--smtp-host", "a b"}), "--smtp-host"},
      {smtp_and({"--smtp-port", "0"}), "--smtp-port"},
      {smtp_and({"--smtp-security", "hope"}), "--smtp-security"},
      {smtp_and({"--smtp-user", "farebox"}), "--smtp-user"},
      {smtp_and({"--smtp-password-file", password_.c_str()}), "--smtp-user"},
      {smtp_and({"--smtp-user", "u", "--smtp-password-file", "/no/such"}), "--smtp-password-file"},
      {smtp_and({"--smtp-user", "u", "--smtp-password-file", empty.c_str()}),
       "--smtp-password-file"},
      {smtp_and({"--smtp-user", "u", "--smtp-password-file", password_.c_str(), "--smtp-security",
                 "starttls-if-offered"}),
       "--smtp-password-file"},
      {smtp_and({"--smtp-ca-file", "/no/such"}), "--smtp-ca-file"},
      {smtp_and({"--account-url", "javascript:alert(1)"}), "--account-url"},
      {smtp_and({"--smtp-password", "hunter2"}), "--smtp-password"},
  };
  EXPECT_FALSE(Read(smtp).is_done);
  for (const Case& c : cases) {
    std::string problem;
    EXPECT_EQ(Read(c.flags, &problem).exit_code, kExitUsage) << c.option;
    EXPECT_NE(problem.find(c.option), std::string::npos) << c.option << ": " << problem;
    EXPECT_EQ(problem.find("not this"), std::string::npos);
  }
}

TEST_F(MailConfig, SettingsOfARouteThatIsNotTakenAreNotLookedAt) {
  EXPECT_FALSE(Read({"--smtp-password-file", "/no/such", "--smtp-user", "farebox"}).is_done);
}

}  // namespace
}  // namespace farebox::server
