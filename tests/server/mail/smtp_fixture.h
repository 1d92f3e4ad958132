#ifndef FAREBOX_TESTS_SERVER_MAIL_SMTP_FIXTURE_H_
#define FAREBOX_TESTS_SERVER_MAIL_SMTP_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/mail/smtp_sender.h"
#include "storage/clock.h"
#include "tests/server/mail/listening_program.h"
#include "tests/support/temporary_directory.h"

namespace farebox::mail {

// So that a failed expectation can be read.
std::ostream& operator<<(std::ostream& out, const MailSender::Result& result);

// Matches a result by its outcome and a part of its words.
MATCHER_P2(Ends, outcome, words, "") {
  return arg.outcome == outcome &&
         ::testing::ExplainMatchResult(::testing::HasSubstr(words), arg.words, result_listener);
}

// A mail that every check takes.
Mail SomeMail();

// A real SMTP server, and senders to it. See smtp_server.py.
class Smtp : public ::testing::Test {
 protected:
  static constexpr char kUser[] = "farebox";
  static constexpr char kPassword[] = "hunter2+/";

  Smtp();

  // `arguments` are those of smtp_server.py.
  void StartServer(const std::vector<std::string>& arguments = {});

  // How connections that are made from now on fare, in the script's words.
  void Script(absl::string_view lines);

  // To the server: in the clear, with much patience and no password.
  SmtpOptions Options() const;
  // To the server: with STARTTLS, and its certificate trusted.
  SmtpOptions TlsOptions() const;

  MailSender::Result Send(const SmtpOptions& options, const Mail& mail = SomeMail()) const;
  MailSender::Result Send() const { return Send(Options()); }

  // What the server kept of the nth mail: "eml", "subject", "text", "html" or "envelope"; empty
  // where it has no such mail.
  std::string Kept(int number, absl::string_view what) const;

  std::string certificate() const { return directory_.path() + "/certificate.pem"; }

  const ManualClock clock_;
  const farebox::testing::TemporaryDirectory directory_;

 private:
  std::unique_ptr<farebox::testing::ListeningProgram> server_;
};

}  // namespace farebox::mail

#endif  // FAREBOX_TESTS_SERVER_MAIL_SMTP_FIXTURE_H_
