// The outbox, with a mail server that does what a test says and a process that may end anywhere.

#include "server/outbox/mailer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/document_kinds.h"
#include "server/base/limits.h"
#include "tests/server/outbox/outbox_fixture.h"

namespace farebox::server {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Outcome = mail::MailSender::Outcome;

class MailerTest : public OutboxTest {
 protected:
  // Minutes from now until the mail is tried next.
  int64_t PauseOf(const std::string& key) { return absl::ToInt64Minutes(Due(key) - clock_.Now()); }

  void PostMany(int count) {
    for (int i = 0; i < count; ++i) Post(absl::StrCat("mail ", i), absl::Microseconds(i - 1000));
  }
};

// ---- Once

TEST_F(MailerTest, MailsAreSentInTheOrderInWhichTheyAreDue) {
  Post("third", absl::Minutes(3));
  Post("first");
  Post("second", absl::Minutes(2));

  SendDue();
  EXPECT_THAT(sender_.tried, ElementsAre("first"));
  clock_.Advance(absl::Minutes(3));
  SendDue();

  EXPECT_THAT(sender_.tried, ElementsAre("first", "second", "third"));
  EXPECT_THAT(deliveries_, ElementsAre("sent first", "sent second", "sent third"));
}

TEST_F(MailerTest, AMailIsSentAsItWasWritten) {
  Post("A");

  SendDue();

  EXPECT_THAT(sender_.sent,
              ElementsAre(mail::Mail{.to = "ada@example.com",
                                     .subject = "A",
                                     .text = "Hello\n",
                                     .html = "<p>Hello</p>\n",
                                     .message_id = mail::MessageId("A", "example.org")}));
  EXPECT_EQ(Stored("A").tries(), 1);
  EXPECT_EQ(Stored("A").sent_micros(), absl::ToUnixMicros(clock_.Now()));
  EXPECT_EQ(Stored("A").last_answer(), "answer 1");
}

TEST_F(MailerTest, AMailThatWasSentIsNotSentAgain) {
  Post("A");
  SendDue();

  for (int day = 0; day < 100; ++day) {
    clock_.Advance(absl::Hours(24));
    if (day % 10 == 0) Restart();
    SendDue();
  }

  EXPECT_THAT(sender_.tried, SizeIs(1));
}

TEST_F(MailerTest, AProcessThatEndsAnywhereLosesNoMailAndRepeatsOneOnlyWhereItWasNotNoted) {
  for (const auto& [point, times] :
       std::vector<std::pair<std::string, size_t>>{{"read", 1}, {"sent", 2}, {"noted", 1}}) {
    SCOPED_TRACE(point);
    Post(point);
    reached_ = [&, point = point](absl::string_view now) {
      if (now != point) return;
      // Dead: nothing that is done from here on reaches the server or the disk.
      if (now == "read") sender_.next = {Outcome::kTryLater};
      ledger_->Drain();
    };
    mailer_->Step().IgnoreError();
    reached_ = [](absl::string_view) {};

    Restart();
    SendDue();

    size_t count = 0;
    for (const mail::Mail& mail : sender_.sent) {
      if (mail.subject != point) continue;
      ++count;
      EXPECT_EQ(mail.message_id, mail::MessageId(point, "example.org"));
    }
    EXPECT_EQ(count, times);
    EXPECT_NE(Stored(point).sent_micros(), 0);
  }
}

TEST_F(MailerTest, AFullDiskDelaysTheNoteAndRepeatsNothing) {
  Post("A");
  Post("B");
  sender_.meanwhile = [&] { SetDiskFull(true); };

  EXPECT_FALSE(mailer_->Step().ok());
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(mailer_->Step().ok());
  EXPECT_THAT(sender_.tried, ElementsAre("A"));
  sender_.meanwhile = [] {};
  SetDiskFull(false);
  SendDue();

  EXPECT_THAT(sender_.tried, ElementsAre("A", "B"));
  EXPECT_NE(Stored("A").sent_micros(), 0);
}

TEST_F(MailerTest, AMailThatSomebodyElseWritesMeanwhileIsNotedAllTheSame) {
  Post("A");
  sender_.meanwhile = [&] {
    ASSERT_TRUE(documents_->Put({documents_->Find(kMails, "A").value().value()}).ok());
  };

  SendDue();

  EXPECT_THAT(sender_.tried, ElementsAre("A"));
  EXPECT_NE(Stored("A").sent_micros(), 0);
}

TEST_F(MailerTest, AMailThatIsBrokenOffIsTriedAtOnceByTheNextProcess) {
  Post("A");
  sender_.next = {Outcome::kTryLater};
  sender_.meanwhile = [&] { mailer_->BreakOff(); };

  SendDue();
  EXPECT_EQ(sender_.breaks, 1);
  EXPECT_EQ(Stored("A").tries(), 0);
  SendDue();
  EXPECT_THAT(sender_.tried, SizeIs(1));
  Restart();
  sender_.meanwhile = [] {};
  SendDue();

  EXPECT_THAT(sender_.sent, SizeIs(1));
}

TEST_F(MailerTest, AMailThatWasTakenWhileItWasBrokenOffIsNoted) {
  Post("A");
  sender_.meanwhile = [&] { mailer_->BreakOff(); };

  SendDue();

  EXPECT_NE(Stored("A").sent_micros(), 0);
}

// ---- Later

TEST_F(MailerTest, ADelayedMailIsTriedLaterAndLater) {
  sender_.otherwise = Outcome::kTryLater;
  Post("A");
  std::vector<int64_t> pauses;

  for (int i = 0; i < 9; ++i) {
    SendDue();
    pauses.push_back(PauseOf("A"));
    clock_.Set(Due("A"));
  }

  EXPECT_THAT(pauses, ElementsAre(1, 2, 4, 8, 16, 32, 60, 60, 60));
  EXPECT_THAT(deliveries_, Each("later A"));
}

TEST_F(MailerTest, AMailIsGivenUpAfterFiveDaysOfTrying) {
  sender_.otherwise = Outcome::kTryLater;
  const absl::Time start = clock_.Now();
  Post("A");

  while (Stored("A").given_up_micros() == 0) {
    clock_.Set(Due("A"));
    SendDue();
    ASSERT_LT(clock_.Now() - start, absl::Hours(24 * 30));
  }

  EXPECT_GE(clock_.Now() - start, absl::Hours(24 * 5));
  EXPECT_LE(clock_.Now() - start, absl::Hours(24 * 5 + 1));
  EXPECT_EQ(deliveries_.back(), "given up A");
}

TEST_F(MailerTest, ADelayedMailHoldsUpNoOther) {
  PostMany(20);
  for (int i = 0; i < 3; ++i) sender_.next.push_back(Outcome::kTryLater);

  SendDue();

  EXPECT_THAT(sender_.tried, SizeIs(20));
  EXPECT_THAT(sender_.sent, SizeIs(17));
}

TEST_F(MailerTest, AServerThatIsDownIsAskedOnceAMinuteAndThenGetsAll) {
  PostMany(100);
  sender_.otherwise = Outcome::kTryLater;

  SendDue();
  EXPECT_THAT(sender_.tried, SizeIs(limits::kMailDelaysInARowMax));
  for (int i = 1; i <= 60; ++i) {
    clock_.Advance(absl::Minutes(1));
    SendDue();
    EXPECT_THAT(sender_.tried, SizeIs(limits::kMailDelaysInARowMax + i));
  }
  sender_.otherwise = Outcome::kSent;
  clock_.Advance(absl::Hours(1));
  SendDue();

  EXPECT_THAT(sender_.sent, SizeIs(100));
}

TEST_F(MailerTest, AClockThatIsSetBackDoesNotMakeARestLast) {
  PostMany(10);
  sender_.otherwise = Outcome::kTryLater;
  SendDue();
  sender_.otherwise = Outcome::kSent;

  clock_.Advance(absl::Hours(-24));
  Post("new");
  SendDue();
  clock_.Advance(absl::Minutes(2));
  SendDue();

  EXPECT_THAT(sender_.sent, SizeIs(11));
}

TEST_F(MailerTest, MailsOfAClockThatRanAheadAreSentByTheNextProcessOnceTheClockIsRight) {
  sender_.next = {Outcome::kSent, Outcome::kTryLater};
  clock_.Advance(absl::Hours(24));
  Post("sent");
  Post("delayed");
  SendDue();
  Post("new");
  const absl::Time strip = Due("sent");

  clock_.Advance(absl::Hours(-24));
  Restart();
  SendDue();

  EXPECT_THAT(sender_.tried, ElementsAre("sent", "delayed", "delayed", "new"));
  EXPECT_EQ(Due("sent"), strip);
}

TEST_F(MailerTest, AMailThatIsToWaitWaitsWhereTheClockIsSetBackALittle) {
  sender_.otherwise = Outcome::kTryLater;
  Post("A");
  SendDue();
  const absl::Time due = Due("A");

  clock_.Advance(absl::Minutes(-2));
  SendDue();

  EXPECT_EQ(Due("A"), due);
}

// ---- Never

TEST_F(MailerTest, ARefusedMailIsGivenUpAndSaysWhy) {
  sender_.next = {Outcome::kRefused};
  Post("A");
  Post("B");

  SendDue();
  clock_.Advance(absl::Hours(24));
  SendDue();

  EXPECT_THAT(deliveries_, ElementsAre("given up A", "sent B"));
  EXPECT_EQ(Stored("A").given_up_micros(), Stored("B").sent_micros());
  EXPECT_EQ(Stored("A").sent_micros(), 0);
  EXPECT_EQ(Stored("A").last_answer(), "answer 1");
}

TEST_F(MailerTest, WhatAServerSaysCannotSpoilTheMail) {
  Post("A");
  sender_.words = absl::StrCat("451 \xff\x1b[31m\r\n", std::string(10'000, 'x'));
  sender_.next = {Outcome::kTryLater};

  SendDue();
  EXPECT_LE(Stored("A").last_answer().size(), 256);
  EXPECT_EQ(Stored("A").last_answer().find_first_of("\x1b\r\n"), std::string::npos);
  clock_.Advance(absl::Minutes(1));
  SendDue();

  EXPECT_THAT(sender_.sent, SizeIs(1));
}

TEST_F(MailerTest, WrongSettingsLoseNoMailAndAreTriedNowAndThen) {
  PostMany(20);
  sender_.otherwise = Outcome::kMisconfigured;

  for (int minute = 0; minute < 60; ++minute) {
    SendDue();
    clock_.Advance(absl::Minutes(1));
  }
  EXPECT_THAT(sender_.tried, SizeIs(6));
  sender_.otherwise = Outcome::kSent;
  clock_.Advance(limits::kMailSettingsRest);
  SendDue();

  EXPECT_THAT(sender_.sent, SizeIs(20));
}

TEST_F(MailerTest, SettingsThatAreMendedByARestartAreTriedAtOnce) {
  PostMany(20);
  sender_.otherwise = Outcome::kMisconfigured;
  SendDue();
  sender_.otherwise = Outcome::kSent;

  Restart();
  SendDue();

  EXPECT_THAT(sender_.sent, SizeIs(19));
}

TEST_F(MailerTest, AMailThatIsTooOldIsGivenUpUnsent) {
  Post("A");
  clock_.Advance(limits::kMailAgeMax + absl::Seconds(1));
  Post("B");

  SendDue();

  EXPECT_THAT(sender_.tried, ElementsAre("B"));
  EXPECT_THAT(deliveries_, ElementsAre("given up A", "sent B"));
}

TEST_F(MailerTest, AMailThatCannotBeReadHoldsUpNoOther) {
  ASSERT_TRUE(documents_
                  ->Put({{.kind = kMails,
                          .key = "broken",
                          .due = clock_.Now() - absl::Hours(1),
                          .content = "\xff"}})
                  .ok());
  Post("A");

  EXPECT_EQ(mailer_->Step().status().code(), absl::StatusCode::kDataLoss);
  SendDue();

  EXPECT_THAT(sender_.tried, ElementsAre("A"));
}

// ---- What is kept

TEST_F(MailerTest, WhatAMailSaidIsForgottenAfterAMonthButNotThatItWas) {
  Post("A");
  Post("B");
  sender_.next = {Outcome::kSent, Outcome::kRefused};
  SendDue();
  clock_.Advance(limits::kMailContentKept - absl::Seconds(1));
  SendDue();
  EXPECT_EQ(Stored("A").text(), "Hello\n");

  clock_.Advance(absl::Seconds(1));
  SendDue();

  for (const char* key : {"A", "B"}) {
    const stored::v1::StoredMail mail = Stored(key);
    EXPECT_THAT((std::vector<std::string>{mail.to(), mail.subject(), mail.text(), mail.html()}),
                Each(IsEmpty()));
    EXPECT_EQ(mail.message_id(), mail::MessageId(key, "example.org"));
    EXPECT_EQ(mail.tries(), 1);
    EXPECT_EQ(Due(key), absl::InfiniteFuture());
    EXPECT_TRUE(absl::IsAborted(documents_->Put({{.kind = kMails, .key = key}})));
  }
  EXPECT_THAT(sender_.tried, SizeIs(2));
}

}  // namespace
}  // namespace farebox::server
