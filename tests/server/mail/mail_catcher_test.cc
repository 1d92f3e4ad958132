// tools/mail_catcher, as the server would use it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/mail/smtp_sender.h"
#include "tests/server/mail/listening_program.h"
#include "tests/server/mail/smtp_fixture.h"
#include "tests/support/read_file.h"
#include "tests/support/temporary_directory.h"

namespace farebox::mail {
namespace {

using farebox::testing::ReadFile;
using ::testing::HasSubstr;
using ::testing::Not;
using Outcome = MailSender::Outcome;

class MailCatcher : public ::testing::Test {
 protected:
  MailSender::Result Send(const Mail& mail) {
    const SmtpOptions options = {.host = "127.0.0.1",
                                 .port = catcher_.port(),
                                 .security = SmtpSecurity::kStartTlsIfOffered,
                                 .author = {.address = "billing@example.org"}};
    return SmtpSender(options, &clock_).Send(mail);
  }

  const ManualClock clock_{absl::UnixEpoch()};
  const farebox::testing::TemporaryDirectory directory_;
  const std::string kept_ = directory_.path() + "/not there yet";
  farebox::testing::ListeningProgram catcher_{
      {FAREBOX_PYTHON, FAREBOX_MAIL_CATCHER, "--port", "0", "--keep", kept_}};
};

TEST_F(MailCatcher, ShowsAndKeepsWhatItGets) {
  Mail mail = SomeMail();
  mail.subject = "Niedriges Guthaben: 3,21 €";
  mail.text = "Grüße,\n.\n";

  EXPECT_THAT(Send(mail), Ends(Outcome::kSent, "250 2.0.0 kept as 0001.eml"));
  EXPECT_THAT(Send(mail), Ends(Outcome::kSent, "250 2.0.0 kept as 0002.eml"));

  const std::string shown = catcher_.Terminate();
  EXPECT_THAT(shown, HasSubstr("From: billing@example.org\nTo: ada@example.com\n"));
  EXPECT_THAT(shown, HasSubstr("Subject: Niedriges Guthaben: 3,21 €\n"));
  EXPECT_THAT(shown, HasSubstr("\n\nGrüße,\n.\n"));
  EXPECT_THAT(shown, Not(HasSubstr("<p>")));
  EXPECT_THAT(ReadFile(kept_ + "/0001.eml"), HasSubstr("\r\nGr=C3=BC=C3=9Fe,\r\n.\r\n"));
  EXPECT_THAT(ReadFile(kept_ + "/0002.eml"), HasSubstr("<p>Hello,</p>\r\n"));
}

TEST_F(MailCatcher, ShowsNothingThatATerminalWouldObey) {
  Mail mail = SomeMail();
  mail.text = "a\u202Eb\n";

  EXPECT_THAT(Send(mail), Ends(Outcome::kSent, "250"));

  EXPECT_THAT(catcher_.Terminate(), HasSubstr("\n\na\uFFFDb\n"));
}

}  // namespace
}  // namespace farebox::mail
