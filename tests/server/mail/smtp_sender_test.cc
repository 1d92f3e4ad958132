// SmtpSender against a real server that does what it can to fail.

#include "server/mail/smtp_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "server/mail/limits.h"
#include "tests/server/mail/smtp_fixture.h"

namespace farebox::mail {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using Outcome = MailSender::Outcome;

// curl's boundary differs in every mail; here it is one word.
std::string WithBoundaryNamed(const std::string& message) {
  const size_t start = message.find("boundary=") + 9;
  const std::string boundary = message.substr(start, message.find("\r\n", start) - start);
  return absl::StrReplaceAll(message, {{boundary, "BOUNDARY"}});
}

TEST_F(Smtp, AMailArrivesByteForByte) {
  StartServer();

  EXPECT_THAT(Send(), Ends(Outcome::kSent, "250 2.0.0 taken as 1"));

  EXPECT_EQ(WithBoundaryNamed(Kept(1, "eml")),
            "Content-Type: multipart/alternative; boundary=BOUNDARY\r\n"
            "Date: Mon, 01 Mar 2027 13:05:09 +0000\r\n"
            "From: Example Telecom <billing@example.org>\r\n"
            "To: ada@example.com\r\n"
            "Subject: Low balance\r\n"
            "Message-ID: <a6b46dd0d1ae5e86cbc8f37e75ceeb67@example.org>\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\n"
            "\r\n"
            "--BOUNDARY\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n"
            "\r\n"
            "Hello,\r\n"
            "\r\n"
            "your balance is low.\r\n"
            "\r\n"
            "--BOUNDARY\r\n"
            "Content-Type: text/html; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n"
            "\r\n"
            "<p>Hello,</p>\r\n"
            "<p>your balance is low.</p>\r\n"
            "\r\n"
            "--BOUNDARY--\r\n");
  EXPECT_EQ(Kept(1, "envelope"), "from billing@example.org to ada@example.com user - tls no\n");
}

TEST_F(Smtp, TextArrivesAsItWas) {
  StartServer();
  struct Case {
    std::string name;
    std::string text;
  };
  const std::vector<Case> cases = {
      {"dots", ".\n..\n.a\na.\n\n.\nMAIL FROM:<x@y.zz>\n.\n"},
      {"a dot at the end", "a\n.\n"},
      {"no line end", "a\n."},
      {"a long line", absl::StrCat(std::string(5000, 'x'), "\n")},
      {"a long line of dots", absl::StrCat(std::string(5000, '.'), "\n")},
      {"a long line of words",
       absl::StrCat(absl::StrReplaceAll(std::string(900, ' '), {{" ", "ein Wört "}}), "\n")},
      {"many lines of dots", absl::StrReplaceAll(std::string(9000, '.'), {{".", ".\n"}})},
      {"other writing", "Grüße an Zoë\n日本語 🎉\n"},
      {"what quoted-printable means", "a=3D=\nb = \n=20\n --BOUNDARY--\nFrom here\n trailing \n"},
      {"nothing", ""},
  };
  constexpr size_t kLineBytesMax = 90;  // Of SMTP's 998.
  int number = 0;
  for (const Case& c : cases) {
    Mail mail = SomeMail();
    mail.text = c.text;
    mail.html = c.text;

    EXPECT_THAT(Send(Options(), mail), Ends(Outcome::kSent, "250"));

    ++number;
    EXPECT_EQ(absl::StrReplaceAll(Kept(number, "text"), {{"\r\n", "\n"}}), c.text) << c.name;
    EXPECT_EQ(absl::StrReplaceAll(Kept(number, "html"), {{"\r\n", "\n"}}), c.text) << c.name;
    for (const absl::string_view line : absl::StrSplit(Kept(number, "eml"), "\r\n")) {
      EXPECT_LE(line.size(), kLineBytesMax) << c.name;
      EXPECT_EQ(line.find('\n'), absl::string_view::npos) << c.name;
    }
  }
}

TEST_F(Smtp, SubjectsArriveAsTheyWere) {
  StartServer();
  const std::vector<std::string> subjects = {
      "Niedriges Guthaben: 3,21 € für Zoë",
      "日本語の件名はとても長いので、何行にも分けて送らなければなりません。🎉🎉🎉",
      "a日本語の件名はとても長いので、何行にも分けて送らなければなりません。🎉🎉🎉",
      absl::StrCat(std::string(99, 'x'), " ", std::string(99, 'y')),
      "=?UTF-8?B?SGk=?=",
      "\"Quoted\" (and) <odd>, a@b; c\\d",
  };
  int number = 0;
  for (const std::string& subject : subjects) {
    Mail mail = SomeMail();
    mail.subject = subject;

    EXPECT_THAT(Send(Options(), mail), Ends(Outcome::kSent, "250"));

    EXPECT_EQ(Kept(++number, "subject"), subject);
  }
}

TEST_F(Smtp, AMailThatIsPutOffIsTakenLater) {
  StartServer();

  Script("reply RCPT 450 4.2.1 greylisted");
  EXPECT_THAT(Send(), Ends(Outcome::kTryLater, "450 4.2.1 greylisted"));
  EXPECT_EQ(Kept(1, "eml"), "");
  Script("");
  EXPECT_THAT(Send(), Ends(Outcome::kSent, "250"));
}

TEST_F(Smtp, EveryReplyMeansSomething) {
  StartServer({"--login", absl::StrCat(kUser, ":", kPassword)});
  SmtpOptions options = Options();
  options.user = kUser;
  options.password = kPassword;
  struct Case {
    std::string stage;
    std::string reply;
    Outcome outcome;
  };
  const std::vector<Case> cases = {
      {"CONNECT", "421 4.3.2 too busy", Outcome::kTryLater},
      {"CONNECT", "554 5.7.1 no mail from you", Outcome::kMisconfigured},
      {"AUTH", "454 4.7.0 ask again", Outcome::kTryLater},
      {"AUTH", "535 5.7.8 bad credentials", Outcome::kMisconfigured},
      {"AUTH", "538 5.7.11 not without TLS", Outcome::kMisconfigured},
      {"MAIL", "451 4.3.0 disk full", Outcome::kTryLater},
      {"MAIL", "530 5.7.0 STARTTLS first", Outcome::kMisconfigured},
      {"MAIL", "553 5.7.1 not your address", Outcome::kMisconfigured},
      {"MAIL", "552 5.3.4 too large", Outcome::kRefused},
      {"RCPT", "421 4.7.0 too many", Outcome::kTryLater},
      {"RCPT", "452 4.2.2 mailbox full", Outcome::kTryLater},
      {"RCPT", "530 5.7.1 log in first", Outcome::kMisconfigured},
      {"RCPT", "550 5.1.1 no such user", Outcome::kRefused},
      {"RCPT", "553 5.1.3 no such address", Outcome::kRefused},
      {"DATA", "451 4.3.0 not now", Outcome::kTryLater},
      {"DATA", "554 5.5.1 no", Outcome::kRefused},
      {"BODY", "452 4.3.1 disk full", Outcome::kTryLater},
      {"BODY", "554 5.7.1 spam", Outcome::kRefused},
      {"BODY", "550-5.7.1 It looks|550 5.7.1 like spam", Outcome::kRefused},
  };
  for (const Case& c : cases) {
    Script(absl::StrCat("reply ", c.stage, " ", c.reply));
    const std::string words = absl::StrReplaceAll(c.reply, {{"|", " "}});
    EXPECT_THAT(Send(options), Ends(c.outcome, words)) << c.stage << " " << c.reply;
  }
  EXPECT_EQ(Kept(1, "eml"), "");
}

TEST_F(Smtp, AConnectionThatIsCutIsTriedLater) {
  StartServer({"--login", absl::StrCat(kUser, ":", kPassword), "--tls", "starttls", "--certificate",
               certificate()});
  SmtpOptions options = TlsOptions();
  options.user = kUser;
  options.password = kPassword;
  for (const char* stage :
       {"CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BODY"}) {
    Script(absl::StrCat("drop ", stage));
    EXPECT_THAT(Send(options), Ends(Outcome::kTryLater, "")) << stage;
  }
  EXPECT_EQ(Kept(1, "eml"), "");
  Script("");
  EXPECT_THAT(Send(options), Ends(Outcome::kSent, "250"));
}

TEST_F(Smtp, AServerThatFallsSilentIsTriedLater) {
  StartServer({"--login", absl::StrCat(kUser, ":", kPassword)});
  SmtpOptions options = Options();
  options.user = kUser;
  options.password = kPassword;
  options.timeout = absl::Milliseconds(300);
  for (const char* stage : {"CONNECT", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "BODY"}) {
    Script(absl::StrCat("stall ", stage));
    EXPECT_THAT(Send(options), Ends(Outcome::kTryLater, "time")) << stage;
  }
}

TEST_F(Smtp, AServerThatSaysNoGoodbyeIsNotWaitedFor) {
  StartServer();

  Script("stall QUIT");
  EXPECT_THAT(Send(), Ends(Outcome::kSent, "250"));
  Script("stall QUIT\nreply RCPT 550 5.1.1 no such user");
  EXPECT_THAT(Send(), Ends(Outcome::kRefused, "550 5.1.1"));
  Script("stall QUIT\ndrop BODY");
  EXPECT_THAT(Send(), Ends(Outcome::kTryLater, ""));
}

TEST_F(Smtp, AServerThatIsGoingAwayIsTriedLater) {
  StartServer();
  Script("reply EHLO 421 4.3.2 shutting down");
  EXPECT_THAT(Send(), Ends(Outcome::kTryLater, ""));
}

TEST_F(Smtp, WhereNobodyListensItIsTriedLater) {
  StartServer();
  SmtpOptions options = Options();
  options.port = 1;
  EXPECT_THAT(Send(options), Ends(Outcome::kTryLater, "Failed to connect"));
  options.host = "no-such-host.invalid";
  EXPECT_THAT(Send(options), Ends(Outcome::kTryLater, "esolv"));
}

TEST_F(Smtp, ACertificateThatIsTrustedIsTaken) {
  StartServer({"--tls", "starttls", "--certificate", certificate()});

  EXPECT_THAT(Send(TlsOptions()), Ends(Outcome::kSent, "250"));

  EXPECT_THAT(Kept(1, "envelope"), HasSubstr("tls yes"));
}

TEST_F(Smtp, ACertificateThatIsNotTrustedStopsTheMail) {
  StartServer({"--tls", "starttls", "--certificate", certificate()});
  SmtpOptions options = TlsOptions();
  options.ca_file.clear();

  EXPECT_THAT(Send(options), Ends(Outcome::kMisconfigured, "certificate"));
  options.security = SmtpSecurity::kStartTlsIfOffered;
  EXPECT_THAT(Send(options), Ends(Outcome::kMisconfigured, "certificate"));

  EXPECT_EQ(Kept(1, "eml"), "");
}

TEST_F(Smtp, ACertificateForAnotherNameStopsTheMail) {
  StartServer(
      {"--tls", "starttls", "--certificate", certificate(), "--name", "DNS:mail.example.com"});
  EXPECT_THAT(Send(TlsOptions()), Ends(Outcome::kMisconfigured, "subject"));
  EXPECT_EQ(Kept(1, "eml"), "");
}

TEST_F(Smtp, TrustThatCannotBeReadStopsTheMail) {
  StartServer({"--tls", "starttls", "--certificate", certificate()});
  SmtpOptions options = TlsOptions();
  options.ca_file = directory_.path() + "/nothing.pem";
  EXPECT_THAT(Send(options), Ends(Outcome::kMisconfigured, "nothing.pem"));
}

TEST_F(Smtp, ARequiredStartTlsThatIsNotOfferedStopsTheMail) {
  StartServer();
  SmtpOptions options = Options();
  options.security = SmtpSecurity::kStartTls;
  EXPECT_THAT(Send(options), Ends(Outcome::kMisconfigured, "STARTTLS"));
  EXPECT_EQ(Kept(1, "eml"), "");
}

TEST_F(Smtp, AnOptionalStartTlsIsUsedWhereItIsOffered) {
  StartServer({"--tls", "starttls", "--certificate", certificate()});
  SmtpOptions options = TlsOptions();
  options.security = SmtpSecurity::kStartTlsIfOffered;
  EXPECT_THAT(Send(options), Ends(Outcome::kSent, "250"));
  EXPECT_THAT(Kept(1, "envelope"), HasSubstr("tls yes"));
}

TEST_F(Smtp, AnOptionalStartTlsIsNotMissed) {
  StartServer();
  SmtpOptions options = Options();
  options.security = SmtpSecurity::kStartTlsIfOffered;
  EXPECT_THAT(Send(options), Ends(Outcome::kSent, "250"));
}

TEST_F(Smtp, TlsFromTheFirstByteWorks) {
  StartServer({"--tls", "implicit", "--certificate", certificate()});
  SmtpOptions options = TlsOptions();
  options.security = SmtpSecurity::kTls;
  EXPECT_THAT(Send(options), Ends(Outcome::kSent, "250"));
  EXPECT_THAT(Kept(1, "envelope"), HasSubstr("tls yes"));
}

TEST_F(Smtp, TlsToAServerThatHasNoneIsMisconfigured) {
  StartServer();
  SmtpOptions options = Options();
  options.security = SmtpSecurity::kTls;
  EXPECT_THAT(Send(options), Ends(Outcome::kMisconfigured, ""));
}

TEST_F(Smtp, TheRightPasswordIsLetIn) {
  StartServer({"--login", absl::StrCat(kUser, ":", kPassword), "--tls", "starttls", "--certificate",
               certificate()});
  SmtpOptions options = TlsOptions();
  options.user = kUser;
  options.password = kPassword;
  EXPECT_THAT(Send(options), Ends(Outcome::kSent, "250"));
  EXPECT_THAT(Kept(1, "envelope"), HasSubstr("user farebox tls yes"));
}

TEST_F(Smtp, TheWrongPasswordIsMisconfigured) {
  StartServer({"--login", absl::StrCat(kUser, ":another")});
  SmtpOptions options = Options();
  options.user = kUser;
  options.password = kPassword;

  const MailSender::Result result = Send(options);

  EXPECT_THAT(result, Ends(Outcome::kMisconfigured, "535 5.7.8"));
  EXPECT_THAT(result.words, Not(HasSubstr(kPassword)));
  EXPECT_EQ(Kept(1, "eml"), "");
}

TEST_F(Smtp, AMissingPasswordIsMisconfigured) {
  StartServer({"--login", absl::StrCat(kUser, ":", kPassword)});
  EXPECT_THAT(Send(), Ends(Outcome::kMisconfigured, "530 5.7.0"));
}

TEST_F(Smtp, AServerThatTakesNoPasswordOfOursIsMisconfigured) {
  StartServer();
  Script("reply EHLO 250-mail.test|250 AUTH OF-ITS-OWN");
  SmtpOptions options = Options();
  options.user = kUser;
  options.password = kPassword;
  EXPECT_THAT(Send(options), Ends(Outcome::kMisconfigured, ""));
}

TEST_F(Smtp, ThePasswordIsNeverRepeated) {
  StartServer({"--login", absl::StrCat(kUser, ":another")});
  SmtpOptions options = Options();
  options.user = kUser;
  options.password = kPassword;
  const std::string alone = absl::Base64Escape(kPassword);
  const std::string with_user = absl::Base64Escape(
      absl::StrCat(std::string(1, '\0'), kUser, std::string(1, '\0'), kPassword));
  Script(absl::StrCat("reply AUTH 535 not ", kPassword, " nor ", alone, " nor ", with_user));

  EXPECT_EQ(Send(options).words, "535 not [password] nor [password] nor [password]");
}

TEST_F(Smtp, WhatAServerSaysIsOneShortLine) {
  StartServer();
  Script(absl::StrCat("reply RCPT 550-\x1b[31mred\t|550 ", std::string(400, 'x')));

  const MailSender::Result result = Send();

  EXPECT_THAT(result, Ends(Outcome::kRefused, "550- [31mred 550 xxx"));
  EXPECT_LE(result.words.size(), kServerWordsBytesMax);
}

TEST_F(Smtp, AMailThatCouldAddAHeaderIsNotSent) {
  StartServer();
  Mail mail = SomeMail();
  mail.to = "ada@example.com>\r\nRCPT TO:<eve@example.com";
  EXPECT_THAT(Send(Options(), mail), Ends(Outcome::kRefused, "the recipient must"));
  mail = SomeMail();
  mail.subject = "Hello\r\nBcc: eve@example.com";
  EXPECT_THAT(Send(Options(), mail), Ends(Outcome::kRefused, "the subject must be one line"));
  EXPECT_EQ(Kept(1, "eml"), "");
}

TEST_F(Smtp, ManyThreadsSendThroughOneSender) {
  StartServer({"--tls", "starttls", "--certificate", certificate()});
  SmtpSender sender(TlsOptions(), &clock_);
  std::atomic<int> sent = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 3; ++n) {
        if (sender.Send(SomeMail()).outcome == Outcome::kSent) ++sent;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(sent, 12);
  EXPECT_THAT(Kept(12, "envelope"), HasSubstr("tls yes"));
}

}  // namespace
}  // namespace farebox::mail
