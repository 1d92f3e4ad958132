// The outbox and a real mail server that goes away, answers badly or not at all.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/mail/smtp_sender.h"
#include "server/outbox/mail_worker.h"
#include "server/outbox/mailer.h"
#include "storage/mutex.h"
#include "tests/server/mail/listening_program.h"
#include "tests/server/mail/smtp_fixture.h"
#include "tests/server/outbox/outbox_fixture.h"
#include "tests/support/read_file.h"
#include "tests/support/temporary_directory.h"

namespace farebox::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Tells when it is asked to send.
class ObservedSender : public mail::MailSender {
 public:
  explicit ObservedSender(mail::MailSender* sender) : sender_(*sender) {}

  Result Send(const mail::Mail& mail) override {
    {
      MutexLock lock(&mu_);
      has_begun_ = true;
      changed_.SignalAll();
    }
    return sender_.Send(mail);
  }

  void BreakOff() override { sender_.BreakOff(); }

  void AwaitTry() {
    MutexLock lock(&mu_);
    while (!has_begun_) changed_.Wait(&mu_);
  }

 private:
  mail::MailSender& sender_;

  Mutex mu_;
  CondVar changed_;  // Signalled when has_begun_ changes.
  bool has_begun_ ABSL_GUARDED_BY(mu_) = false;
};

class SmtpOutboxTest : public OutboxTest {
 protected:
  SmtpOutboxTest() {
    std::filesystem::create_directory(mails_);
    Script("");
    StartServer("0");
    port_ = server_->port();
    NewProcess();
  }

  // Is there again where it was before.
  void StartServer(const std::string& port) {
    server_ = std::make_unique<testing::ListeningProgram>(
        std::vector<std::string>{FAREBOX_PYTHON, FAREBOX_SMTP_SERVER, "--directory", mails_,
                                 "--script", script_, "--port", port});
  }

  // How connections that are made from now on fare: see smtp_server.py.
  void Script(absl::string_view lines) { std::ofstream(script_) << std::string(lines); }

  mail::SmtpOptions Options() const {
    return {.host = "127.0.0.1",
            .port = port_,
            .security = mail::SmtpSecurity::kNone,
            .author = {.address = "billing@example.org"}};
  }

  // With the real sender.
  void NewProcess() {
    Restart();
    smtp_ = std::make_unique<mail::SmtpSender>(Options(), &clock_);
    mailer_ = std::make_unique<Mailer>(
        Mailer::Parts{.documents = documents_.get(),
                      .sender = smtp_.get(),
                      .clock = &clock_,
                      .reached = [this](absl::string_view point) { reached_(point); }});
  }

  // The subjects of the mails that arrived, in that order.
  std::vector<std::string> Arrived() const {
    std::vector<std::string> subjects;
    for (int number = 1;; ++number) {
      const std::string path = absl::StrCat(mails_, "/", number, ".subject");
      if (!std::filesystem::exists(path)) return subjects;
      subjects.push_back(testing::ReadFile(path));
    }
  }

  // A minute at a time.
  void SendFor(absl::Duration duration) {
    for (const absl::Time end = clock_.Now() + duration; clock_.Now() < end;) {
      clock_.Advance(absl::Minutes(1));
      SendDue();
    }
  }

  const testing::TemporaryDirectory directory_;
  const std::string mails_ = directory_.path() + "/mails";
  const std::string script_ = directory_.path() + "/script";
  int port_ = 0;
  std::unique_ptr<testing::ListeningProgram> server_;
  std::unique_ptr<mail::SmtpSender> smtp_;
};

TEST_F(SmtpOutboxTest, MailsWaitForAServerThatIsDown) {
  server_.reset();
  for (const char* key : {"A", "B", "C"}) Post(key);
  SendDue();
  SendFor(absl::Minutes(10));
  NewProcess();
  SendFor(absl::Minutes(10));
  EXPECT_GT(Stored("A").delays(), 2);

  StartServer(absl::StrCat(port_));
  SendFor(absl::Hours(1));

  EXPECT_THAT(Arrived(), ::testing::UnorderedElementsAre("A", "B", "C"));
}

TEST_F(SmtpOutboxTest, AConnectionThatIsCutAtAnyStageDelaysTheMailAndRepeatsNothing) {
  std::vector<std::string> expected;
  for (const std::string stage : {"CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY"}) {
    SCOPED_TRACE(stage);
    Script(absl::StrCat("drop ", stage, "\ndrop HELO\n"));
    Post(stage);
    SendDue();
    EXPECT_EQ(Stored(stage).delays(), 1);
    EXPECT_EQ(Arrived(), expected);

    Script("");
    SendFor(absl::Minutes(5));

    expected.push_back(stage);
    EXPECT_EQ(Arrived(), expected);
  }
}

TEST_F(SmtpOutboxTest, AServerThatSaysLaterIsAskedLater) {
  for (const std::string stage : {"MAIL", "RCPT", "BODY"}) {
    Script(absl::StrCat("reply ", stage, " 451 4.7.1 come again\n"));
    Post(stage);
    SendDue();
    EXPECT_EQ(Stored(stage).delays(), 1);
    EXPECT_THAT(Stored(stage).last_answer(), HasSubstr("come again"));
    Script("");
    SendFor(absl::Minutes(5));
  }

  EXPECT_THAT(Arrived(), ElementsAre("MAIL", "RCPT", "BODY"));
}

TEST_F(SmtpOutboxTest, ARefusedRecipientIsGivenUpAndTheNextMailIsSent) {
  Script("reply RCPT 550 5.1.1 nobody here\n");
  Post("A");
  SendDue();
  Script("");
  Post("B");
  SendFor(absl::Hours(24));

  EXPECT_THAT(Arrived(), ElementsAre("B"));
  EXPECT_NE(Stored("A").given_up_micros(), 0);
  EXPECT_THAT(Stored("A").last_answer(), HasSubstr("nobody here"));
}

TEST_F(SmtpOutboxTest, ARefusedSenderLosesNoMail) {
  Script("reply MAIL 550 5.7.1 you may not send\n");
  for (const char* key : {"A", "B"}) Post(key);
  SendFor(absl::Hours(24));
  EXPECT_THAT(Arrived(), IsEmpty());

  Script("");
  SendFor(absl::Hours(1));

  EXPECT_THAT(Arrived(), ::testing::UnorderedElementsAre("A", "B"));
}

TEST_F(SmtpOutboxTest, AMailOfAProcessThatEndsBeforeItIsNotedArrivesAgainUnderTheSameId) {
  Post("A");
  reached_ = [&](absl::string_view point) {
    if (point == "sent") ledger_->Drain();
  };
  EXPECT_FALSE(mailer_->Step().ok());
  reached_ = [](absl::string_view) {};

  NewProcess();
  SendDue();
  NewProcess();
  SendFor(absl::Hours(24));

  EXPECT_THAT(Arrived(), ElementsAre("A", "A"));
  const std::string id = absl::StrCat("Message-ID: <", mail::MessageId("A", "example.org"), ">");
  EXPECT_THAT(testing::ReadFile(mails_ + "/1.eml"), HasSubstr(id));
  EXPECT_THAT(testing::ReadFile(mails_ + "/2.eml"), HasSubstr(id));
}

TEST_F(SmtpOutboxTest, AServerThatNeverAnswersIsLeftWhenTheServerEnds) {
  for (const std::string stage : {"CONNECT", "EHLO", "RCPT", "BODY"}) {
    SCOPED_TRACE(stage);
    Script(absl::StrCat("stall ", stage, "\n"));
    Post(stage);
    {
      ObservedSender observed(smtp_.get());
      Mailer mailer({.documents = documents_.get(), .sender = &observed, .clock = &clock_});
      MailWorker worker({.mailer = &mailer,
                         .on_error = [](const absl::Status& status) { ADD_FAILURE() << status; },
                         .drain_timeout = absl::Milliseconds(100)});
      observed.AwaitTry();

      worker.Drain();
    }

    // It was broken off; had its time run out, that would be a try.
    EXPECT_EQ(Stored(stage).tries(), 0);
    Script("");
    NewProcess();
    SendDue();
    EXPECT_EQ(Arrived().back(), stage);
  }
}

}  // namespace
}  // namespace farebox::server
