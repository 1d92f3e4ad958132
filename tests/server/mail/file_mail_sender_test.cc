#include "server/mail/file_mail_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "tests/server/mail/smtp_fixture.h"
#include "tests/support/read_file.h"
#include "tests/support/temporary_directory.h"

namespace farebox::mail {
namespace {

using farebox::testing::ReadFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Outcome = MailSender::Outcome;

class FileSender : public ::testing::Test {
 protected:
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  const Author author_ = {.address = "billing@example.org", .name = "Zoë's Telecom"};
  const ManualClock clock_{
      absl::FromCivil(absl::CivilSecond(2027, 3, 1, 13, 5, 9), absl::UTCTimeZone())};
  const farebox::testing::TemporaryDirectory directory_;
  FileMailSender sender_{directory_.path(), author_, &clock_};
};

TEST_F(FileSender, AMailIsAFile) {
  const std::string path = absl::StrCat(directory_.path(), "/a6b46dd0d1ae5e86cbc8f37e75ceeb67.eml");

  EXPECT_THAT(sender_.Send(SomeMail()), Ends(Outcome::kSent, path));

  EXPECT_EQ(ReadFile(path),
            "Date: Mon, 01 Mar 2027 13:05:09 +0000\r\n"
            "From: =?UTF-8?B?Wm/DqydzIFRlbGVjb20=?=\r\n"
            " <billing@example.org>\r\n"
            "To: ada@example.com\r\n"
            "Subject: Low balance\r\n"
            "Message-ID: <a6b46dd0d1ae5e86cbc8f37e75ceeb67@example.org>\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: multipart/alternative; boundary=\"=_farebox\"\r\n"
            "\r\n"
            "--=_farebox\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: 8bit\r\n"
            "\r\n"
            "Hello,\r\n"
            "\r\n"
            "your balance is low.\r\n"
            "\r\n"
            "--=_farebox\r\n"
            "Content-Type: text/html; charset=utf-8\r\n"
            "Content-Transfer-Encoding: 8bit\r\n"
            "\r\n"
            "<p>Hello,</p>\r\n"
            "<p>your balance is low.</p>\r\n"
            "\r\n"
            "--=_farebox--\r\n");
}

TEST_F(FileSender, AMailThatIsSentTwiceIsOneFile) {
  EXPECT_THAT(sender_.Send(SomeMail()), Ends(Outcome::kSent, ""));
  EXPECT_THAT(sender_.Send(SomeMail()), Ends(Outcome::kSent, ""));

  EXPECT_THAT(Files(), ElementsAre("a6b46dd0d1ae5e86cbc8f37e75ceeb67.eml"));
}

TEST_F(FileSender, ATextThatHasTheBoundaryDoesNotEndItsPart) {
  Mail mail = SomeMail();
  mail.text = "--=_farebox\n";

  EXPECT_THAT(ReadFile(sender_.Send(mail).words), HasSubstr("boundary=\"=_farebox_\""));

  mail.html = "--=_farebox_--\n";
  EXPECT_THAT(ReadFile(sender_.Send(mail).words), HasSubstr("boundary=\"=_farebox__\""));
}

TEST_F(FileSender, AMailThatCannotBeSentIsNotWritten) {
  Mail mail = SomeMail();
  mail.message_id = "../../etc/passwd@example.com";
  EXPECT_THAT(sender_.Send(mail), Ends(Outcome::kRefused, "message id"));
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(FileSender, WhereThereIsNoRoomItIsTriedLater) {
  const std::string path = absl::StrCat(directory_.path(), "/a6b46dd0d1ae5e86cbc8f37e75ceeb67.eml");
  std::filesystem::create_symlink("/dev/full", path + ".part");

  EXPECT_THAT(sender_.Send(SomeMail()), Ends(Outcome::kTryLater, "No space left"));

  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(FileSender, WhereItCannotWriteItIsTriedLater) {
  FileMailSender sender(directory_.path() + "/nowhere", author_, &clock_);
  EXPECT_THAT(sender.Send(SomeMail()), Ends(Outcome::kTryLater, "No such file or directory"));
}

}  // namespace
}  // namespace farebox::mail
