#include "tests/server/mail/smtp_fixture.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "tests/support/read_file.h"

namespace farebox::mail {

std::ostream& operator<<(std::ostream& out, const MailSender::Result& result) {
  switch (result.outcome) {
    case MailSender::Outcome::kSent:
      out << "sent: ";
      break;
    case MailSender::Outcome::kTryLater:
      out << "try later: ";
      break;
    case MailSender::Outcome::kMisconfigured:
      out << "misconfigured: ";
      break;
    case MailSender::Outcome::kRefused:
      out << "refused: ";
      break;
  }
  return out << result.words;
}

Mail SomeMail() {
  return {.to = "ada@example.com",
          .subject = "Low balance",
          .text = "Hello,\n\nyour balance is low.\n",
          .html = "<p>Hello,</p>\n<p>your balance is low.</p>\n",
          .message_id = MessageId("some", "example.org")};
}

Smtp::Smtp()
    : clock_(absl::FromCivil(absl::CivilSecond(2027, 3, 1, 13, 5, 9), absl::UTCTimeZone())) {
  Script("");
}

void Smtp::StartServer(const std::vector<std::string>& arguments) {
  const std::string mails = directory_.path() + "/mails";
  std::filesystem::create_directory(mails);
  std::vector<std::string> command = {FAREBOX_PYTHON, FAREBOX_SMTP_SERVER,
                                      "--directory",  mails,
                                      "--script",     directory_.path() + "/script"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  server_ = std::make_unique<farebox::testing::ListeningProgram>(command);
}

void Smtp::Script(absl::string_view lines) {
  std::ofstream(directory_.path() + "/script") << std::string(lines);
}

SmtpOptions Smtp::Options() const {
  return {.host = "127.0.0.1",
          .port = server_->port(),
          .security = SmtpSecurity::kNone,
          .author = {.address = "billing@example.org", .name = "Example Telecom"},
          .timeout = absl::Seconds(60)};
}

SmtpOptions Smtp::TlsOptions() const {
  SmtpOptions options = Options();
  options.security = SmtpSecurity::kStartTls;
  options.ca_file = certificate();
  return options;
}

MailSender::Result Smtp::Send(const SmtpOptions& options, const Mail& mail) const {
  return SmtpSender(options, &clock_).Send(mail);
}

std::string Smtp::Kept(int number, absl::string_view what) const {
  return testing::ReadFile(absl::StrCat(directory_.path(), "/mails/", number, ".", what));
}

}  // namespace farebox::mail
