// The thread that sends mails.

#include "server/outbox/mail_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "absl/strings/str_cat.h"
#include "storage/mutex.h"
#include "tests/server/outbox/outbox_fixture.h"

namespace farebox::server {
namespace {

using ::testing::SizeIs;

// Never answers, until it is broken off.
class SilentSender : public mail::MailSender {
 public:
  Result Send(const mail::Mail&) override {
    MutexLock lock(&mu_);
    ++tries_;
    changed_.SignalAll();
    while (!is_broken_off_) changed_.Wait(&mu_);
    return {Outcome::kTryLater, "broken off"};
  }

  void BreakOff() override {
    MutexLock lock(&mu_);
    is_broken_off_ = true;
    changed_.SignalAll();
  }

  void AwaitTry() {
    MutexLock lock(&mu_);
    while (tries_ == 0) changed_.Wait(&mu_);
  }

  int tries() {
    MutexLock lock(&mu_);
    return tries_;
  }

 private:
  Mutex mu_;
  CondVar changed_;  // Signalled when one of the two below changes.
  int tries_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_broken_off_ ABSL_GUARDED_BY(mu_) = false;
};

// Tells when it has sent so many.
class CountingSender : public mail::MailSender {
 public:
  Result Send(const mail::Mail&) override {
    MutexLock lock(&mu_);
    ++count_;
    changed_.SignalAll();
    return {Outcome::kSent, "250"};
  }

  void Await(int count) {
    MutexLock lock(&mu_);
    while (count_ < count) changed_.Wait(&mu_);
  }

 private:
  Mutex mu_;
  CondVar changed_;  // Signalled when count_ changes.
  int count_ ABSL_GUARDED_BY(mu_) = 0;
};

class MailWorkerTest : public OutboxTest {
 protected:
  std::unique_ptr<Mailer> NewMailer(mail::MailSender* sender) {
    return std::make_unique<Mailer>(
        Mailer::Parts{.documents = documents_.get(), .sender = sender, .clock = &clock_});
  }
  MailWorker::Parts PartsOf(Mailer* mailer) {
    return {.mailer = mailer,
            .on_error = [this](const absl::Status&) { ++errors_; },
            .drain_timeout = absl::Milliseconds(1)};
  }

  std::atomic<int> errors_ = 0;
};

TEST_F(MailWorkerTest, WhatIsPutWhileItRunsIsSent) {
  CountingSender sender;
  const std::unique_ptr<Mailer> mailer = NewMailer(&sender);
  MailWorker worker(PartsOf(mailer.get()));

  for (int i = 0; i < 20; ++i) Post(absl::StrCat(i));
  sender.Await(20);
  Post("one more", absl::Hours(1));
  clock_.Advance(absl::Hours(1));
  sender.Await(21);

  worker.Drain();
  EXPECT_EQ(errors_, 0);
}

TEST_F(MailWorkerTest, AServerThatNeverAnswersHoldsUpNeitherTheDiskNorTheEnd) {
  SilentSender sender;
  const std::unique_ptr<Mailer> mailer = NewMailer(&sender);
  MailWorker worker(PartsOf(mailer.get()));
  Post("A");
  sender.AwaitTry();

  // While it waits, mails are put and money moves.
  for (int i = 0; i < 100; ++i) Post(absl::StrCat(i));
  worker.Drain();

  EXPECT_EQ(sender.tries(), 1);
  EXPECT_EQ(Stored("A").tries(), 0);
  Restart();
  SendDue();
  EXPECT_THAT(sender_.sent, SizeIs(101));
}

}  // namespace
}  // namespace farebox::server
