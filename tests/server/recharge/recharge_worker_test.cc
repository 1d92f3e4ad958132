// The worker's threads, on a ledger in memory and the simulated provider.

#include "server/recharge/recharge_worker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "farebox/stored/v1/stored.pb.h"
#include "server/base/document_kinds.h"
#include "server/recharge/simulated_gateway.h"
#include "tests/server/recharge/recharger_fixture.h"
#include "tests/storage/commands.h"
#include "tests/support/await.h"
#include "tests/support/memory_journal.h"
#include "tests/support/temporary_directory.h"

namespace farebox::server {
namespace {

using testing::Await;

class RechargeWorkerTest : public ::testing::Test {
 protected:
  RechargeWorkerTest() {
    journal_ = std::make_unique<MemoryJournal>(&disk_);
    ledger_ = *Ledger::Open({}, journal_.get(), &clock_);
    documents_ = std::make_unique<DocumentStore>(ledger_.get(), journal_.get());
    recharger_ = std::make_unique<Recharger>(
        Recharger::Parts{.ledger = ledger_.get(),
                         .journal = journal_.get(),
                         .documents = documents_.get(),
                         .gateway = gateway_.get(),
                         .mails = &mails_,
                         .clock = &clock_,
                         .new_recharge_id = [this] { return absl::StrCat("auto-", ++ids_); },
                         .limits = &limits_,
                         .is_held =
                             [this] {
                               ++decisions_;
                               return is_held_.load();
                             }});
  }

  void Start() {
    worker_ = *RechargeWorker::Start(
        {.ledger = ledger_.get(),
         .documents = documents_.get(),
         .recharger = recharger_.get(),
         .clock = &clock_,
         .threads = 8,
         .on_error = [this](absl::string_view, const absl::Status&) { ++errors_; }});
  }

  void Open(const std::string& account) {
    stored::v1::AccountSettings settings;
    settings.set_currency_code("USD");
    ASSERT_TRUE(ledger_->Apply(ToOpen(account, {}, settings.SerializeAsString())).status.ok());
    ASSERT_TRUE(ledger_->Apply(ToCredit(account, Cents(20'00))).status.ok());
    RechargeRecords records(documents_.get());
    ProfileRecord record = *records.ReadProfile(*ledger_->FindAccount(account));
    v1::AutoRecharge& auto_recharge = *record.profile.mutable_auto_recharge();
    auto_recharge.set_enabled(true);
    auto_recharge.set_amount_micros(Cents(60'00).value());
    auto_recharge.set_threshold_micros(Cents(15'00).value());
    auto_recharge.set_daily_charges_max(5);
    auto_recharge.set_monthly_sum_max_micros(Cents(900'00).value());
    record.profile.add_cards()->set_token("pm_card_visa");
    ASSERT_TRUE(records.Put({.profile = &record}).ok());
    if (worker_ != nullptr) worker_->Watch(*ledger_->FindAccount(account), record);
  }

  // An automatic attempt that is to be delivered at `due`.
  void LeaveBehind(const std::string& account, absl::Time due) {
    RechargeRecords records(documents_.get());
    stored::v1::RechargeAttempt attempt;
    attempt.set_recharge_id("left-behind");
    attempt.set_account_id(account);
    attempt.set_kind(v1::RECHARGE_KIND_AUTOMATIC);
    attempt.set_state(v1::RECHARGE_STATE_INTENT);
    attempt.set_amount_micros(Cents(60'00).value());
    attempt.set_currency_code("USD");
    attempt.mutable_card()->set_token("pm_card_visa");
    attempt.set_create_micros(absl::ToUnixMicros(clock_.Now()));
    attempt.set_due_micros(absl::ToUnixMicros(due));
    AttemptRecord record = RechargeRecords::NewAttempt(*ledger_->FindAccount(account), attempt);
    ASSERT_TRUE(records.Put({.attempt = &record}).ok());
  }

  // Until the account's looks so far are over.
  void AwaitLooks(const std::string& account) {
    std::promise<void> done;
    ASSERT_TRUE(worker_->Run(account, [&] { done.set_value(); }));
    done.get_future().wait();
  }

  Micros Available(const std::string& account) {
    return ledger_->FindAccount(account)->state.available();
  }

  ManualClock clock_{absl::FromUnixSeconds(1'770'000'000)};
  const testing::TemporaryDirectory directory_;
  const RechargeLimitTable limits_;
  const TestMails mails_;
  MemoryDisk disk_;
  std::atomic<int> ids_ = 0;
  std::atomic<int> errors_ = 0;
  // How often it was to be charged, but for this.
  std::atomic<int> decisions_ = 0;
  std::atomic<bool> is_held_ = false;
  const std::unique_ptr<SimulatedGateway> gateway_ = PromptGateway(directory_, &clock_);
  std::unique_ptr<MemoryJournal> journal_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<DocumentStore> documents_;
  std::unique_ptr<Recharger> recharger_;
  std::unique_ptr<RechargeWorker> worker_;
};

TEST_F(RechargeWorkerTest, AFallBelowTheThresholdIsNoticed) {
  Start();
  Open("alice");
  ASSERT_TRUE(ledger_->Apply(ToDebit("alice", Cents(5'00))).status.ok());
  EXPECT_EQ(Available("alice"), Cents(15'00));

  ASSERT_TRUE(ledger_->Apply(ToDebit("alice", Micros(1))).status.ok());

  EXPECT_TRUE(Await([&] { return Available("alice") > Cents(70'00); }));
}

TEST_F(RechargeWorkerTest, AnAccountThatFallsTimeAndAgainIsLookedAtOnce) {
  is_held_ = true;
  Start();
  Open("alice");
  AwaitLooks("alice");
  std::promise<void> go_on;
  ASSERT_TRUE(worker_->Run("alice", [&] { go_on.get_future().wait(); }));

  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(ledger_->Apply(ToDebit("alice", Cents(6'00))).status.ok());
    ASSERT_TRUE(ledger_->Apply(ToCredit("alice", Cents(6'00))).status.ok());
  }
  ASSERT_TRUE(ledger_->Apply(ToDebit("alice", Cents(6'00))).status.ok());
  go_on.set_value();
  AwaitLooks("alice");

  EXPECT_EQ(decisions_, 1);
}

TEST_F(RechargeWorkerTest, AProfileThatWasReadBeforeItChangedIsNotWatched) {
  Start();
  Open("alice");
  const AccountFacts account = *ledger_->FindAccount("alice");
  RechargeRecords records(documents_.get());
  ProfileRecord record = *records.ReadProfile(account);
  ProfileRecord before = record;
  before.profile.mutable_auto_recharge()->set_enabled(false);
  ASSERT_TRUE(records.Put({.profile = &record}).ok());
  worker_->Watch(account, record);

  worker_->Watch(account, before);
  AwaitLooks("alice");
  ASSERT_TRUE(ledger_->Apply(ToDebit("alice", Cents(6'00))).status.ok());

  EXPECT_TRUE(Await([&] { return Available("alice") == Cents(74'00); }));
}

TEST_F(RechargeWorkerTest, WhatIsHeldCounts) {
  Start();
  Open("alice");

  ASSERT_TRUE(ledger_->Apply(ToHold("alice", Cents(6'00))).status.ok());

  EXPECT_TRUE(Await([&] { return Available("alice") == Cents(74'00); }));
}

TEST_F(RechargeWorkerTest, WhatFellWhileTheAccountWasSuspendedIsSeenWhenItIsResumed) {
  Start();
  Open("alice");
  const EntryId hold = ledger_->Apply(ToHold("alice", Cents(4'00))).entry.id;
  ASSERT_TRUE(ledger_->Apply(ToChange("alice", {.status = AccountStatus::kSuspended})).status.ok());
  ASSERT_TRUE(ledger_->Apply(ToSettle("alice", hold, Cents(6'00))).status.ok());
  AwaitLooks("alice");
  ASSERT_EQ(Available("alice"), Cents(14'00));

  ASSERT_TRUE(ledger_->Apply(ToChange("alice", {})).status.ok());

  EXPECT_TRUE(Await([&] { return Available("alice") == Cents(74'00); }));
}

TEST_F(RechargeWorkerTest, WhatFellWhileNobodyWatchedIsSeenAtTheStart) {
  Open("alice");
  ASSERT_TRUE(ledger_->Apply(ToDebit("alice", Cents(10'00))).status.ok());

  Start();

  EXPECT_TRUE(Await([&] { return Available("alice") == Cents(70'00); }));
}

TEST_F(RechargeWorkerTest, AnAttemptThatIsDueIsTakenUp) {
  Start();
  Open("alice");
  LeaveBehind("alice", clock_.Now() + absl::Minutes(1));

  clock_.Advance(absl::Minutes(2));

  EXPECT_TRUE(Await([&] { return Available("alice") == Cents(80'00); }));
}

TEST_F(RechargeWorkerTest, AnAttemptOfAClockThatRanAheadIsTakenUpWhenTheClockIsSetRight) {
  Start();
  Open("alice");
  LeaveBehind("alice", clock_.Now() + absl::Minutes(1));

  clock_.Advance(-absl::Hours(72));

  EXPECT_TRUE(Await([&] { return Available("alice") == Cents(80'00); }));
}

TEST_F(RechargeWorkerTest, AnAccountThatCannotBeWorkedOnRestsThoughItsAttemptIsDue) {
  Start();
  Open("alice");
  Open("bob");
  const Document unreadable = {.kind = kRechargeAttempts,
                               .key = "unreadable",
                               .account = ledger_->FindAccount("alice")->number,
                               .slot = "alice",
                               .due = clock_.Now() - absl::Minutes(1),
                               .content = "\xff"};
  ASSERT_TRUE(documents_->Put({unreadable}).ok());
  ASSERT_TRUE(Await([&] { return errors_ > 0; }));

  // Whoever takes this up has seen that the other one is due still.
  LeaveBehind("bob", clock_.Now() - absl::Seconds(1));
  ASSERT_TRUE(Await([&] { return Available("bob") == Cents(80'00); }));
  EXPECT_EQ(errors_, 1);

  clock_.Advance(absl::Minutes(1));
  EXPECT_TRUE(Await([&] { return errors_ == 2; }));
}

TEST_F(RechargeWorkerTest, ManyThatFallTogetherAreEachChargedOnce) {
  Start();
  constexpr int kAccounts = 200;
  for (int i = 0; i < kAccounts; ++i) Open(absl::StrCat("account-", i));

  for (int i = 0; i < kAccounts; ++i) {
    for (int j = 0; j < 3; ++j) {
      ledger_->Submit({ToDebit(absl::StrCat("account-", i), Cents(5'00))},
                      [](const std::vector<Outcome>&) {});
    }
  }

  const auto all_charged = [&] {
    for (int i = 0; i < kAccounts; ++i) {
      if (Available(absl::StrCat("account-", i)) != Cents(65'00)) return false;
    }
    return true;
  };
  EXPECT_TRUE(Await(all_charged));
  worker_->Drain();
  int charges = 0;
  ASSERT_TRUE(gateway_
                  ->ListCharges(
                      absl::InfinitePast(), absl::InfiniteFuture(), [] { return true; },
                      [&](absl::string_view, const CardCharge&) { ++charges; })
                  .ok());
  EXPECT_EQ(charges, kAccounts);
  EXPECT_EQ(errors_.load(), 0);
}

}  // namespace
}  // namespace farebox::server
