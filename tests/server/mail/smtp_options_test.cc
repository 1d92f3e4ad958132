#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/mail/smtp_sender.h"

namespace farebox::mail {
namespace {

using ::testing::HasSubstr;

SmtpOptions GoodOptions() {
  return {.host = "mail.example.com",
          .user = "farebox",
          .password = "secret",
          .author = {.address = "billing@example.com", .name = "Bücher & Co"}};
}

TEST(SmtpOptions, AreTakenWhereTheyMakeSense) {
  EXPECT_EQ(CheckSmtpOptions(GoodOptions()), absl::OkStatus());
  SmtpOptions options = GoodOptions();
  options.security = SmtpSecurity::kNone;
  for (const char* host : {"localhost", "127.0.0.1", "::1"}) {
    options.host = host;
    EXPECT_EQ(CheckSmtpOptions(options), absl::OkStatus()) << host;
  }
}

TEST(SmtpOptions, AreRefusedByName) {
  struct Case {
    std::string why;
    std::function<void(SmtpOptions*)> change;
  };
  const std::vector<Case> cases = {
      {"host must", [](SmtpOptions* o) { o->host = ""; }},
      {"host must", [](SmtpOptions* o) { o->host = "mail.example.com/x?y"; }},
      {"host must", [](SmtpOptions* o) { o->host = "a@mail.example.com"; }},
      {"host must", [](SmtpOptions* o) { o->host = "mail.example.com\r\nx"; }},
      {"port must", [](SmtpOptions* o) { o->port = 0; }},
      {"port must", [](SmtpOptions* o) { o->port = 65'536; }},
      {"from must", [](SmtpOptions* o) { o->author.address = "billing"; }},
      {"from must", [](SmtpOptions* o) { o->author.name = "x\r\nBcc: eve@example.com"; }},
      {"from must", [](SmtpOptions* o) { o->author.name = std::string(300, 'x'); }},
      {"user must", [](SmtpOptions* o) { o->user = "a\nb"; }},
      {"password must be one line", [](SmtpOptions* o) { o->password = "a\rb"; }},
      {"user and password", [](SmtpOptions* o) { o->password = ""; }},
      {"user and password", [](SmtpOptions* o) { o->user = ""; }},
      {"password must not", [](SmtpOptions* o) { o->security = SmtpSecurity::kNone; }},
      {"password must not", [](SmtpOptions* o) { o->security = SmtpSecurity::kStartTlsIfOffered; }},
      {"timeout must", [](SmtpOptions* o) { o->timeout = absl::ZeroDuration(); }},
      {"timeout must", [](SmtpOptions* o) { o->timeout = absl::InfiniteDuration(); }},
      {"timeout must", [](SmtpOptions* o) { o->connect_timeout = absl::Seconds(-1); }},
  };
  for (const Case& c : cases) {
    SmtpOptions options = GoodOptions();
    c.change(&options);
    EXPECT_THAT(std::string(CheckSmtpOptions(options).message()), HasSubstr(c.why));
  }
}

}  // namespace
}  // namespace farebox::mail
