// The worker's threads, on a ledger in memory: months are charged when they are due, and unpaid
// ones when money comes in.

#include "server/numbers/number_worker.h"
#include "server/base/document_kinds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "farebox/stored/v1/mail.pb.h"
#include "farebox/stored/v1/stored.pb.h"
#include "storage/clock.h"
#include "tests/storage/commands.h"
#include "tests/support/await.h"
#include "tests/support/memory_journal.h"
#include "tests/support/status_matchers.h"

namespace farebox::server {
namespace {

using ::testing::ElementsAre;

constexpr absl::Duration kDay = absl::Hours(24);

// The process ends here.
struct Killed {};

class NumberWorkerTest : public ::testing::Test {
 protected:
  NumberWorkerTest() {
    journal_ = std::make_unique<MemoryJournal>(&disk_);
    ledger_ = *Ledger::Open({}, journal_.get(), &clock_);
    documents_ = std::make_unique<DocumentStore>(ledger_.get(), journal_.get());
    rental_ = std::make_unique<NumberRental>(NumberRental::Parts{
        .ledger = ledger_.get(),
        .documents = documents_.get(),
        .stationery = &stationery_,
        .clock = &clock_,
        .make_debit = [this](const v1::DebitRequest& request) -> absl::StatusOr<Command> {
          if (has_no_price_.exchange(false)) return absl::UnavailableError("no price now");
          return Command{.account_id = request.account_id(),
                         .request_id = request.request_id(),
                         .action = Debit{.item = 1, .charge = Charge{.amount = Cents(1'00)}}};
        },
        .grace = 14 * kDay,
        .is_held = [this] { return is_held_; },
        .reached = [this](absl::string_view point) { reached_(point); }});
    stored::v1::AccountSettings settings;
    settings.set_currency_code("USD");
    settings.set_time_zone("UTC");
    settings.set_email("owner@example.com");
    EXPECT_THAT(ledger_->Apply(ToOpen("alice", {}, settings.SerializeAsString())).status, IsOk());
    EXPECT_THAT(ledger_->Apply(ToCredit("alice", Cents(1'00))).status, IsOk());
    rental_id_ = rental_->Buy("alice", "r1", "+12025550123").value().rental.rental_id();
  }

  void Start(absl::Time last_entry_time) {
    worker_ = *NumberWorker::Start({.ledger = ledger_.get(),
                                    .documents = documents_.get(),
                                    .rental = rental_.get(),
                                    .clock = &clock_,
                                    .threads = 2,
                                    .last_entry_time = last_entry_time,
                                    .on_error = [](absl::string_view, const absl::Status& status) {
                                      EXPECT_TRUE(absl::IsUnavailable(status)) << status;
                                    }});
  }

  // Without the worker.
  void Work() { ASSERT_TRUE(rental_->Work(rental_id_).ok()); }

  // The days that the mails about the number say it is released on, oldest first.
  std::vector<std::string> DaysOfRelease() {
    std::vector<std::string> days;
    const auto list = documents_->List(kMails, 0, std::numeric_limits<int64_t>::max(), 1000);
    for (const Document& document : list.value()) {
      stored::v1::StoredMail mail;
      EXPECT_TRUE(mail.ParseFromString(document.content));
      const std::string name = "Released on:";
      const size_t begin = mail.text().find_first_not_of(' ', mail.text().find(name) + name.size());
      days.insert(days.begin(), mail.text().substr(begin, mail.text().find(',', begin) - begin));
    }
    return days;
  }

  stored::v1::Rental Rental() {
    RentalRecords records(documents_.get());
    return records.Find(rental_id_).value().value().rental;
  }

  void AwaitState(v1::NumberState state) {
    AwaitThat([state](const stored::v1::Rental& rental) { return rental.state() == state; });
  }

  void AwaitThat(const std::function<bool(const stored::v1::Rental&)>& is_so) {
    EXPECT_TRUE(testing::Await([&] { return is_so(Rental()); })) << Rental().ShortDebugString();
  }

  ManualClock clock_{absl::FromUnixSeconds(1'767'225'600)};
  const Stationery stationery_{{}};
  MemoryDisk disk_;
  std::unique_ptr<MemoryJournal> journal_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<DocumentStore> documents_;
  std::function<void(absl::string_view)> reached_ = [](absl::string_view) {};
  // Once.
  std::atomic<bool> has_no_price_ = false;
  std::unique_ptr<NumberRental> rental_;
  std::unique_ptr<NumberWorker> worker_;
  std::string rental_id_;
  bool is_held_ = false;
};

TEST_F(NumberWorkerTest, AMonthIsChargedWhenItIsDueAndPaidWhenMoneyComesIn) {
  clock_.Advance(kDay * 32);
  Start(clock_.Now());
  AwaitState(v1::NUMBER_STATE_PAST_DUE);

  ASSERT_THAT(ledger_->Apply(ToCredit("alice", Cents(5'00))).status, IsOk());

  AwaitState(v1::NUMBER_STATE_ACTIVE);
  EXPECT_EQ(Rental().months_renewed(), 1);
}

TEST_F(NumberWorkerTest, MoneyThatComesInAtTheMomentANumberGoesPastDuePaysIt) {
  clock_.Advance(kDay * 32);
  std::atomic<bool> has_paid = false;
  reached_ = [&](absl::string_view point) {
    if (point != "past due") return;
    EXPECT_THAT(ledger_->Apply(ToCredit("alice", Cents(5'00))).status, IsOk());
    has_paid = true;
  };
  Start(clock_.Now());

  testing::Await([&] { return has_paid.load(); });
  AwaitState(v1::NUMBER_STATE_ACTIVE);
}

TEST_F(NumberWorkerTest, WhatWasPastDueAtTheStartIsPaidWhenMoneyComesIn) {
  clock_.Advance(kDay * 32);
  Start(clock_.Now());
  AwaitState(v1::NUMBER_STATE_PAST_DUE);
  worker_ = nullptr;
  Start(clock_.Now());

  ASSERT_THAT(ledger_->Apply(ToCredit("alice", Cents(5'00))).status, IsOk());

  AwaitState(v1::NUMBER_STATE_ACTIVE);
}

TEST_F(NumberWorkerTest, WhatAClockThatRanAheadHasPutOffIsTriedWhenTheClockIsRight) {
  // On the 5th of February.
  const absl::Time right = clock_.Now() + 35 * kDay;
  clock_.Set(right + 30 * kDay);
  Start(clock_.Now());
  AwaitState(v1::NUMBER_STATE_PAST_DUE);
  worker_ = nullptr;
  ASSERT_TRUE(ledger_->Apply(ToCredit("alice", Cents(5'00))).status.ok());

  clock_.Set(right);
  // The newest entry is of the time ahead.
  Start(right + 30 * kDay);
  clock_.Advance(absl::Hours(2));

  AwaitState(v1::NUMBER_STATE_ACTIVE);
}

// Once, it was paid and nobody's until the clock had come to the time that it was begun at.
TEST_F(NumberWorkerTest, APurchaseThatAClockThatRanAheadHasPutOffIsWholeWhenTheClockIsRight) {
  const absl::Time right = clock_.Now() + kDay;
  clock_.Set(right + 30 * kDay);
  ASSERT_THAT(ledger_->Apply(ToCredit("alice", Cents(1'00))).status, IsOk());
  reached_ = [](absl::string_view point) {
    // tidy: allow(throw): unwinds what a kill would leave behind
    if (point == "charged") throw Killed();
  };
  EXPECT_THROW((void)rental_->Buy("alice", "r2", "+12025550124"), Killed);
  reached_ = [](absl::string_view) {};
  RentalRecords records(documents_.get());
  rental_id_ = records.FindByNumber("+12025550124").value().value().rental.rental_id();
  // What fails is tried again.
  has_no_price_ = true;

  clock_.Set(right);
  // The newest entry is of the time ahead.
  Start(right + 30 * kDay);
  clock_.Advance(absl::Hours(2));

  AwaitThat([this](const stored::v1::Rental& rental) {
    clock_.Advance(absl::Milliseconds(10));
    return rental.state() == v1::NUMBER_STATE_ACTIVE;
  });
  EXPECT_FALSE(has_no_price_.load());
  EXPECT_EQ(ledger_->FindAccount("alice")->state.balance, Micros());
}

TEST_F(NumberWorkerTest, WhatAClockThatRanAheadHasPutOffIsNotTriedBeforeItsMonthBegins) {
  const absl::Time right = clock_.Now() + 20 * kDay;
  // On the 1st of February.
  const absl::Time begin = rental_->NextRenewal(Rental());
  clock_.Set(right + 30 * kDay);
  Start(clock_.Now());
  AwaitState(v1::NUMBER_STATE_PAST_DUE);
  worker_ = nullptr;

  clock_.Set(right);
  // The newest entry is of the time ahead.
  Start(right + 30 * kDay);
  clock_.Advance(absl::Hours(2));
  AwaitThat(
      [](const stored::v1::Rental& rental) { return rental.state() == v1::NUMBER_STATE_ACTIVE; });
  ASSERT_THAT(ledger_->Apply(ToCredit("alice", Cents(5'00))).status, IsOk());
  worker_ = nullptr;

  EXPECT_EQ(Rental().months_renewed(), 0);
  EXPECT_EQ(Rental().refusals(), 1);
  EXPECT_EQ(ledger_->FindAccount("alice")->state.balance, Cents(5'00));
  clock_.Set(begin + absl::Seconds(1));
  Work();
  Start(clock_.Now());
  AwaitState(v1::NUMBER_STATE_ACTIVE);
  EXPECT_EQ(Rental().months_renewed(), 1);
}

TEST_F(NumberWorkerTest, AMonthThatWentPastDueAheadOfItsTimeIsChargedWhenItBegins) {
  clock_.Advance(60 * kDay);
  Work();
  ASSERT_EQ(Rental().refusals(), 1);
  clock_.Advance(-50 * kDay);
  ASSERT_THAT(ledger_->Apply(ToCredit("alice", Cents(1'00))).status, IsOk());

  // Whether it is looked at, or tried as money came in.
  for (int day = 10; day < 31; ++day) {
    EXPECT_EQ(rental_->TryUnpaid("alice").value(), false);
    Work();
    EXPECT_EQ(Rental().state(), v1::NUMBER_STATE_ACTIVE) << day;
    EXPECT_EQ(Rental().months_renewed(), 0);
    EXPECT_EQ(Rental().refusals(), 1);
    clock_.Advance(kDay);
  }
  Work();
  EXPECT_EQ(Rental().state(), v1::NUMBER_STATE_ACTIVE);
  EXPECT_EQ(Rental().months_renewed(), 1);
}

TEST_F(NumberWorkerTest, WhatWentPastDueAheadOfItsTimeIsReleasedTwoWeeksAfterItsMonthHasBegun) {
  clock_.Advance(60 * kDay);
  Work();
  ASSERT_EQ(Rental().state(), v1::NUMBER_STATE_PAST_DUE);
  clock_.Advance(-50 * kDay);

  // On the 1st of February.
  for (int day = 10; day < 31 + 14; ++day) {
    Work();
    const bool has_begun = day >= 31;
    EXPECT_EQ(Rental().state(), has_begun ? v1::NUMBER_STATE_PAST_DUE : v1::NUMBER_STATE_ACTIVE)
        << day;
    clock_.Advance(kDay);
  }
  Work();
  EXPECT_EQ(Rental().state(), v1::NUMBER_STATE_RELEASED);
  // The first mail has the day that the clock would have come to which ran ahead.
  EXPECT_THAT(DaysOfRelease(),
              ElementsAre("16 March 2026", "15 February 2026", "15 February 2026"));
}

// Once, it was released a month before the day that its mail had named.
TEST_F(NumberWorkerTest, WhatWentPastDueLaterThanNowIsToldAgainWithTheDayOfItsRelease) {
  clock_.Advance(60 * kDay);
  Work();
  ASSERT_THAT(DaysOfRelease(), ElementsAre("16 March 2026"));

  // On the 5th of February: its month has begun.
  clock_.Advance(-25 * kDay);
  for (int day = 0; day < 14; ++day) {
    Work();
    EXPECT_EQ(Rental().state(), v1::NUMBER_STATE_PAST_DUE) << day;
    clock_.Advance(kDay);
  }
  Work();

  EXPECT_EQ(Rental().state(), v1::NUMBER_STATE_RELEASED);
  EXPECT_THAT(DaysOfRelease(),
              ElementsAre("16 March 2026", "19 February 2026", "19 February 2026"));
}

TEST_F(NumberWorkerTest, NothingIsReleasedOnALedgerThatMayHaveForgottenWhatWasPaid) {
  clock_.Advance(31 * kDay);
  Work();
  is_held_ = true;
  clock_.Advance(30 * kDay);
  for (int i = 0; i < 3; ++i) {
    Work();
    EXPECT_EQ(Rental().state(), v1::NUMBER_STATE_PAST_DUE);
    clock_.Advance(absl::Hours(1));
  }

  is_held_ = false;
  Work();
  EXPECT_EQ(Rental().state(), v1::NUMBER_STATE_RELEASED);
}

// One a look, they would take a minute.
TEST_F(NumberWorkerTest, AllNumbersOfAnAccountAreChargedInOneLook) {
  constexpr int kNumbers = 60;
  EXPECT_THAT(ledger_->Apply(ToCredit("alice", Cents(2 * kNumbers * 1'00 + 1'00))).status, IsOk());
  for (int i = 0; i < kNumbers; ++i) {
    ASSERT_THAT(rental_->Buy("alice", absl::StrCat("b", i), absl::StrCat("+120255502", 10 + i)),
                IsOk());
  }
  clock_.Advance(32 * kDay);
  Start(clock_.Now());

  const SystemClock system;
  const absl::Time start = system.Now();
  testing::Await([&] { return !ledger_->FindAccount("alice")->state.balance.is_positive(); });
  EXPECT_LT(system.Now() - start, absl::Seconds(30));
}

TEST_F(NumberWorkerTest, AClockThatHasLeaptChargesNothingAtFirst) {
  const absl::Time before = clock_.Now();
  clock_.Advance(kDay * 400);
  // Looks at a clock that is a year ahead of the journal.
  Start(before);
  // Time enough for three looks: a test that something does not happen can only wait.
  Pause(absl::Seconds(3));

  EXPECT_EQ(Rental().state(), v1::NUMBER_STATE_ACTIVE);
  EXPECT_EQ(Rental().months_renewed(), 0);
}

}  // namespace
}  // namespace farebox::server
