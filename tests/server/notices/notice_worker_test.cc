// The thread behind the notices. It is drained before anything is expected of it: what the ledger
// has told it by then has been seen, or is found by the next one.

#include "server/notices/notice_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/server/notices/notices_fixture.h"
#include "tests/support/await.h"

namespace farebox::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class NoticeWorkerTest : public NoticesTest {
 protected:
  void Start() {
    worker_ = std::make_unique<NoticeWorker>(NoticeWorker::Parts{
        .ledger = ledger_.get(),
        .documents = documents_.get(),
        .notices = notices_.get(),
        .on_error = [](const absl::Status& status) { ADD_FAILURE() << status; }});
  }

  void TearDown() override { worker_.reset(); }

  // Waits for the outbox.
  void AwaitMails(size_t count) {
    testing::Await([&] { return Mails().size() >= count; });
  }

  std::unique_ptr<NoticeWorker> worker_;
};

TEST_F(NoticeWorkerTest, EachFallIsToldOnce) {
  Open("alice", Cents(20'00));
  Start();

  for (size_t fall = 1; fall <= 3; ++fall) {
    Spend("alice", Cents(12'00));
    AwaitMails(fall);
    for (int i = 0; i < 5; ++i) Spend("alice", Cents(1));
    PayIn("alice", Cents(12'05));
  }

  worker_->Drain();
  EXPECT_THAT(Mails(), SizeIs(3));
}

TEST_F(NoticeWorkerTest, HoldsThatComeAndGoAreOneFall) {
  Open("alice", Cents(11'00));
  Open("bob", Cents(11'00));
  Start();
  for (int call = 0; call < 20; ++call) {
    const Outcome hold = ledger_->Apply(ToHold("alice", Cents(5'00)));
    ASSERT_TRUE(hold.status.ok());
    AwaitMails(1);
    ASSERT_TRUE(ledger_->Apply(ToRelease("alice", hold.entry.id)).status.ok());
  }
  // Seen after all of these.
  Spend("bob", Cents(5'00));
  AwaitMails(2);

  EXPECT_THAT(Mails(), ElementsAre("account/alice/low-balance/1", "account/bob/low-balance/1"));
}

TEST_F(NoticeWorkerTest, WhatFellWhileNobodyWatchedIsToldAtTheNextStart) {
  Open("alice", Cents(20'00));
  Open("bob", Cents(20'00));
  Spend("alice", Cents(15'00));

  Start();
  AwaitMails(1);
  worker_.reset();
  Restart();
  Spend("bob", Cents(15'00));
  Start();
  AwaitMails(2);

  worker_->Drain();
  EXPECT_THAT(Mails(), ElementsAre("account/alice/low-balance/1", "account/bob/low-balance/1"));
}

TEST_F(NoticeWorkerTest, MoneyThatCameInWhileNobodyWatchedEndsAFall) {
  Open("alice", Cents(9'00));
  Open("bob", Cents(20'00));
  Start();
  AwaitMails(1);
  worker_.reset();
  Restart();
  PayIn("alice", Cents(50'00));

  Start();
  Spend("bob", Cents(15'00));
  AwaitMails(2);  // All accounts have been looked at.
  Spend("alice", Cents(55'00));
  AwaitMails(3);

  EXPECT_EQ(Mails().back(), "account/alice/low-balance/2");
}

TEST_F(NoticeWorkerTest, ManyThatFallTogetherAreEachToldOnce) {
  constexpr int kAccounts = 300;
  for (int i = 0; i < kAccounts; ++i) Open(absl::StrCat("account-", i), Cents(20'00));
  Start();

  for (int i = 0; i < kAccounts; ++i) {
    for (int j = 0; j < 3; ++j) {
      ledger_->Submit({ToDebit(absl::StrCat("account-", i), Cents(6'00))},
                      [](const std::vector<Outcome>&) {});
    }
  }
  AwaitMails(kAccounts);

  worker_->Drain();
  EXPECT_THAT(Mails(), SizeIs(kAccounts));
}

TEST_F(NoticeWorkerTest, AReminderThatIsDueIsSeenTo) {
  Open("alice", Cents(20'00));
  PutCard("alice", "pm_1", 5, 2026);
  Start();
  EXPECT_THAT(Mails(), IsEmpty());

  clock_.Advance(absl::Hours(24 * 60));
  AwaitMails(1);

  EXPECT_THAT(Mails(), ElementsAre("card/alice/pm_1/expiring"));
}

}  // namespace
}  // namespace farebox::server
