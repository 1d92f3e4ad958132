// Numbers are bought, renewed and released on a ledger that is "killed" between any two steps.

#include "server/numbers/number_rental.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "farebox/stored/v1/mail.pb.h"
#include "farebox/stored/v1/stored.pb.h"
#include "server/base/document_kinds.h"
#include "server/numbers/renewal_calendar.h"
#include "storage/errors.h"
#include "storage/request_ids.h"
#include "tests/storage/commands.h"
#include "tests/support/memory_journal.h"
#include "tests/support/status_matchers.h"

namespace farebox::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kNumber[] = "+12025550123";
constexpr absl::Duration kDay = absl::Hours(24);

// The process ends here.
struct Killed {};

class NumberRentalTest : public ::testing::Test {
 protected:
  NumberRentalTest() {
    Restart();
    Open("alice", Cents(10'00));
  }

  void Open(const std::string& account, Micros balance) {
    stored::v1::AccountSettings settings;
    settings.set_currency_code("USD");
    settings.set_time_zone("America/New_York");
    settings.set_email("owner@example.com");
    ASSERT_THAT(ledger_->Apply(ToOpen(account, {}, settings.SerializeAsString())).status, IsOk());
    if (balance.is_positive()) PayIn(account, balance);
  }

  void PayIn(const std::string& account, Micros amount) {
    ASSERT_THAT(ledger_->Apply(ToCredit(account, amount)).status, IsOk());
  }

  // What a new process finds.
  void Restart() {
    rental_.reset();
    documents_.reset();
    ledger_.reset();
    journal_ = std::make_unique<MemoryJournal>(&disk_);
    ledger_ = *Ledger::Open({}, journal_.get(), &clock_);
    documents_ = std::make_unique<DocumentStore>(ledger_.get(), journal_.get());
    rental_ = std::make_unique<NumberRental>(
        NumberRental::Parts{.ledger = ledger_.get(),
                            .documents = documents_.get(),
                            .stationery = &stationery_,
                            .clock = &clock_,
                            .make_debit = [this](const auto& request) { return Price(request); },
                            .grace = 14 * kDay,
                            .is_held = [] { return false; },
                            .reached = [this](absl::string_view point) { Reach(point); }});
  }

  // 1.50 the first month, 1.00 a further one.
  absl::StatusOr<Command> Price(const v1::DebitRequest& request) {
    const v1::PhoneNumber& number = request.usage().phone_number();
    const bool is_purchase = number.kind() == v1::PhoneNumber::KIND_PURCHASE;
    return Command{
        .account_id = request.account_id(),
        .request_id = request.request_id(),
        .fingerprint = ContentFingerprint(request.usage().SerializeAsString()),
        .action = Debit{.item = static_cast<uint8_t>(is_purchase ? v1::ITEM_PHONE_NUMBER_PURCHASE
                                                                 : v1::ITEM_PHONE_NUMBER_RENEWAL),
                        .charge = Charge{.refusal = refusal_,
                                         .amount = is_purchase ? Cents(1'50) : Cents(1'00),
                                         .detail = request.description()}}};
  }

  void Reach(absl::string_view point) {
    if (point != kill_at_) return;
    kill_at_.clear();
    // tidy: allow(throw): unwinds what a kill would leave behind
    throw Killed();
  }

  absl::Status Buy(const std::string& account = "alice", const std::string& request_id = "r1",
                   const std::string& number = kNumber) {
    return rental_->Buy(account, request_id, number).status();
  }

  // Works on what is due, as the worker does.
  void Work() {
    RentalRecords records(documents_.get());
    const auto due = records.ListDue(clock_.Now() + absl::Microseconds(1), 1000);
    for (const RentalRecord& record : due.value()) {
      ASSERT_THAT(rental_->Work(record.rental.rental_id()), IsOk());
    }
  }

  void RunDays(int days) {
    for (int day = 0; day < days; ++day) {
      clock_.Advance(kDay);
      Work();
    }
  }

  std::vector<stored::v1::Rental> Rentals() {
    std::vector<stored::v1::Rental> rentals;
    RentalRecords records(documents_.get());
    const auto list = records.List(0, std::numeric_limits<int64_t>::max(), 1000);
    for (const RentalRecord& record : list.value()) {
      rentals.push_back(record.rental);
    }
    return rentals;
  }
  stored::v1::Rental Newest() { return Rentals().at(0); }

  Micros Balance(const std::string& account = "alice") {
    return ledger_->FindAccount(account)->state.balance;
  }

  // The details of entries that charged a month, or refused it.
  std::vector<std::string> Months(EntryKind kind) {
    std::vector<std::string> months;
    for (const Entry& entry : disk_.entries()) {
      if (entry.item != v1::ITEM_PHONE_NUMBER_RENEWAL || entry.kind != kind) continue;
      if (entry.amount.is_zero() == (kind == EntryKind::kDebit)) continue;
      months.push_back(entry.detail);
    }
    return months;
  }

  // Keys without the rental's, oldest first.
  std::vector<std::string> Mails() {
    std::vector<std::string> mails;
    const auto list = documents_->List(kMails, 0, std::numeric_limits<int64_t>::max(), 1000);
    for (const Document& mail : list.value()) {
      mails.insert(mails.begin(), mail.key.substr(mail.key.find('/', sizeof("number/num-")) + 1));
    }
    return mails;
  }

  std::string NewestMail() {
    stored::v1::StoredMail mail;
    const auto list = documents_->List(kMails, 0, std::numeric_limits<int64_t>::max(), 1);
    EXPECT_TRUE(mail.ParseFromString(list.value().at(0).content));
    return mail.text();
  }

  ManualClock clock_{
      absl::FromCivil(absl::CivilSecond(2026, 1, 31, 17, 0, 0), absl::UTCTimeZone())};
  const Stationery stationery_{{.sender_name = "Test"}};
  MemoryDisk disk_;
  std::unique_ptr<MemoryJournal> journal_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<DocumentStore> documents_;
  std::unique_ptr<NumberRental> rental_;
  std::string kill_at_;
  Reason refusal_ = Reason::kNone;
};

// ---- Buying

TEST_F(NumberRentalTest, ANumberIsPaidAndBelongsToTheAccount) {
  ASSERT_THAT(Buy(), IsOk());

  EXPECT_EQ(Newest().state(), v1::NUMBER_STATE_ACTIVE);
  EXPECT_EQ(Balance(), Cents(8'50));
}

TEST_F(NumberRentalTest, TheSameRequestBuysOnce) {
  ASSERT_THAT(Buy(), IsOk());

  const auto again = rental_->Buy("alice", "r1", kNumber);

  ASSERT_THAT(again, IsOk());
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->entry.id, Newest().purchase_entry_id());
  EXPECT_EQ(Balance(), Cents(8'50));
  EXPECT_THAT(Buy("alice", "r1", "+12025550199"), FailsWith(Reason::kRequestIdReused));
}

TEST_F(NumberRentalTest, ANumberBelongsToOneAccount) {
  Open("bob", Cents(10'00));
  ASSERT_THAT(Buy(), IsOk());

  EXPECT_THAT(Buy("bob", "r1"), FailsWith(Reason::kNumberTaken));
  EXPECT_THAT(Buy("alice", "r2"), FailsWith(Reason::kNumberTaken));
  EXPECT_EQ(Balance("bob"), Cents(10'00));

  ASSERT_THAT(rental_->Release("alice", kNumber), IsOk());
  EXPECT_THAT(Buy("bob", "r2"), IsOk());
}

TEST_F(NumberRentalTest, WhoCannotPayGetsNothingAndTheNumberStaysFree) {
  Open("poor", Cents(1'49));
  Open("bob", Cents(10'00));

  EXPECT_THAT(Buy("poor", "r1"), FailsWith(Reason::kInsufficientBalance));
  EXPECT_THAT(Rentals(), IsEmpty());
  EXPECT_THAT(Buy("bob", "r1"), IsOk());
  // The same refusal again, whatever was paid in since.
  PayIn("poor", Cents(5'00));
  EXPECT_THAT(Buy("poor", "r1"), Not(IsOk()));
  EXPECT_EQ(Balance("poor"), Cents(6'49));
}

TEST_F(NumberRentalTest, APurchaseThatIsKilledAtAnyStepIsWholeAfterwards) {
  int request = 0;
  for (const char* const point : {"begun", "charged", "bought"}) {
    for (const bool is_asked_again : {true, false}) {
      SCOPED_TRACE(absl::StrCat(point, is_asked_again ? ", asked again" : ""));
      const std::string request_id = absl::StrCat("r", ++request);
      const std::string number = absl::StrCat("+1202555", 1000 + request);
      const Micros before = Balance();
      kill_at_ = point;
      EXPECT_THROW((void)Buy("alice", request_id, number), Killed);
      Restart();
      if (is_asked_again) {
        ASSERT_THAT(Buy("alice", request_id, number), IsOk());
      }
      Work();

      EXPECT_EQ(Newest().number(), number);
      EXPECT_EQ(Newest().state(), v1::NUMBER_STATE_ACTIVE);
      EXPECT_EQ(Balance().value(), before.value() - Cents(1'50).value());
    }
  }
}

// ---- Renewing

TEST_F(NumberRentalTest, EveryMonthIsChargedOnItsDay) {
  ASSERT_THAT(Buy(), IsOk());

  RunDays(27);  // 27 February.
  EXPECT_THAT(Months(EntryKind::kDebit), IsEmpty());
  RunDays(1);
  EXPECT_THAT(Months(EntryKind::kDebit), ElementsAre("month 1"));
  RunDays(30);  // 30 March.
  EXPECT_THAT(Months(EntryKind::kDebit), SizeIs(1));
  RunDays(1);
  EXPECT_THAT(Months(EntryKind::kDebit), ElementsAre("month 1", "month 2"));
  EXPECT_EQ(Newest().months_renewed(), 2);
  EXPECT_EQ(Balance(), Cents(6'50));
}

TEST_F(NumberRentalTest, EveryMissedMonthIsChargedInOrder) {
  ASSERT_THAT(Buy(), IsOk());
  clock_.Advance(kDay * 150);
  Restart();

  Work();
  Work();

  EXPECT_THAT(Months(EntryKind::kDebit),
              ElementsAre("month 1", "month 2", "month 3", "month 4", "month 5"));
}

TEST_F(NumberRentalTest, AMonthThatIsKilledAtAnyStepIsChargedOnce) {
  ASSERT_THAT(Buy(), IsOk());
  for (const char* const point : {"month charged", "month counted"}) {
    SCOPED_TRACE(point);
    const size_t before = Months(EntryKind::kDebit).size();
    clock_.Advance(kDay * 31);
    kill_at_ = point;
    EXPECT_THROW(Work(), Killed);
    Restart();
    Work();
    Work();

    EXPECT_EQ(Months(EntryKind::kDebit).size(), before + 1);
  }
}

TEST_F(NumberRentalTest, AClockThatIsSetBackChargesNothingTwice) {
  ASSERT_THAT(Buy(), IsOk());
  RunDays(70);
  ASSERT_EQ(Newest().months_renewed(), 2);

  clock_.Advance(-kDay * 200);
  RunDays(200);

  EXPECT_THAT(Months(EntryKind::kDebit), SizeIs(2));
}

// ---- Not paid

TEST_F(NumberRentalTest, WhatCannotPayIsTriedDailyAndReleasedAfterTheGrace) {
  Open("poor", Cents(1'50));
  ASSERT_THAT(Buy("poor"), IsOk());

  RunDays(28);
  EXPECT_EQ(Newest().state(), v1::NUMBER_STATE_PAST_DUE);
  EXPECT_THAT(Mails(), ElementsAre("1/0/past-due"));
  RunDays(13);
  EXPECT_EQ(Newest().state(), v1::NUMBER_STATE_PAST_DUE);
  EXPECT_THAT(Months(EntryKind::kDecline), SizeIs(14));
  RunDays(1);

  EXPECT_EQ(Newest().state(), v1::NUMBER_STATE_RELEASED);
  EXPECT_THAT(Mails(), ElementsAre("1/0/past-due", "released"));
  EXPECT_EQ(Balance("poor"), Micros());
  stored::v1::EntryDetail line;
  ASSERT_TRUE(line.ParseFromString(disk_.entries().back().detail));
  EXPECT_THAT(line.description(), HasSubstr("not paid"));
  RunDays(60);
  EXPECT_THAT(Months(EntryKind::kDebit), IsEmpty());
  EXPECT_THAT(Mails(), SizeIs(2));
}

TEST_F(NumberRentalTest, MoneyThatComesInPaysWhatIsPastDue) {
  Open("poor", Cents(1'50));
  ASSERT_THAT(Buy("poor"), IsOk());
  RunDays(30);
  ASSERT_EQ(Newest().state(), v1::NUMBER_STATE_PAST_DUE);
  EXPECT_EQ(*rental_->TryUnpaid("poor"), true);

  PayIn("poor", Cents(1'00));

  EXPECT_EQ(*rental_->TryUnpaid("poor"), false);
  EXPECT_EQ(Newest().state(), v1::NUMBER_STATE_ACTIVE);
  EXPECT_THAT(Months(EntryKind::kDebit), ElementsAre("month 1"));
  // The next month is again on the last day of its month.
  RunDays(28);
  EXPECT_THAT(Months(EntryKind::kDebit), SizeIs(1));
  RunDays(1);
  EXPECT_EQ(Newest().state(), v1::NUMBER_STATE_PAST_DUE);
  EXPECT_THAT(Mails(), ElementsAre("1/0/past-due", "2/0/past-due"));
}

TEST_F(NumberRentalTest, AMonthWithoutAPriceIsPastDueToo) {
  ASSERT_THAT(Buy(), IsOk());
  refusal_ = Reason::kNoRate;

  RunDays(29);

  EXPECT_EQ(Newest().state(), v1::NUMBER_STATE_PAST_DUE);
}

// Once, every one of these was told that the balance is too low, which no recharge mended.
TEST_F(NumberRentalTest, TheMailAboutAnUnpaidMonthSaysWhyItIsNotPaid) {
  const std::map<Reason, const char*> words_of = {{Reason::kNone, "balance is too"},
                                                  {Reason::kNoRate, "no price"},
                                                  {Reason::kAccountSuspended, "suspended."},
                                                  {Reason::kAccountClosed, "closed."}};
  for (const auto& [reason, words] : words_of) {
    const std::string account = absl::StrCat("poor-", ReasonName(reason));
    Open(account, Cents(1'50));
    refusal_ = Reason::kNone;
    ASSERT_THAT(Buy(account, "r", absl::StrCat("+1202555", 3000 + static_cast<int>(reason))),
                IsOk());
    refusal_ = reason;
    RunDays(31);

    EXPECT_THAT(NewestMail(), HasSubstr(words)) << ReasonName(reason);
  }
}

TEST_F(NumberRentalTest, AnUnpaidMonthThatIsKilledAtAnyStepIsToldOnceAndEndsOnce) {
  for (const char* const point : {"month charged", "past due", "line written", "released"}) {
    SCOPED_TRACE(point);
    const std::string account = absl::StrCat("poor-", absl::string_view(point, 2));
    Open(account, Cents(1'50));
    const size_t before = Mails().size();
    ASSERT_THAT(Buy(account, "r", absl::StrCat("+1202555", 2000 + before)), IsOk());
    kill_at_ = point;
    for (int day = 0; day < 60; ++day) {
      clock_.Advance(kDay);
      try {
        Work();
      } catch (const Killed&) {
        Restart();
        Work();
      }
    }
    EXPECT_TRUE(kill_at_.empty());
    EXPECT_EQ(Newest().state(), v1::NUMBER_STATE_RELEASED);
    EXPECT_EQ(Mails().size(), before + 2);
  }
}

// ---- Giving up

TEST_F(NumberRentalTest, ANumberThatIsGivenUpIsNotChargedAnyMore) {
  ASSERT_THAT(Buy(), IsOk());

  ASSERT_THAT(rental_->Release("alice", kNumber), IsOk());
  const auto again = rental_->Release("alice", kNumber);
  RunDays(60);

  EXPECT_EQ(again->state(), v1::NUMBER_STATE_RELEASED);
  EXPECT_THAT(Months(EntryKind::kDebit), IsEmpty());
  EXPECT_EQ(Balance(), Cents(8'50));
  EXPECT_THAT(Mails(), IsEmpty());
}

TEST_F(NumberRentalTest, OnlyItsOwnerGivesANumberUp) {
  Open("bob", Micros());
  ASSERT_THAT(Buy(), IsOk());

  EXPECT_THAT(rental_->Release("bob", kNumber), FailsWith(Reason::kNumberNotFound));
  EXPECT_THAT(rental_->Release("alice", "+12025550199"), FailsWith(Reason::kNumberNotFound));
  EXPECT_EQ(Newest().state(), v1::NUMBER_STATE_ACTIVE);
}

// ---- At random

// Purchases, days, restarts, kills, leaps of the clock and payments, against what must come of
// them: each rental's months in order, none twice, none before its time by clock or journal.
TEST_F(NumberRentalTest, WhateverHappensEachMonthIsChargedOnceInOrderAndNotBeforeItCame) {
  static const std::vector<std::string> kPoints = {"begun",         "charged",       "bought",
                                                   "month charged", "month counted", "past due",
                                                   "line written",  "released"};
  absl::TimeZone zone;
  ASSERT_TRUE(absl::LoadTimeZone("America/New_York", &zone));
  std::mt19937_64 random(20'260'131);
  const auto draw = [&](int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); };
  int requests = 0;
  absl::Time latest = clock_.Now();
  for (int step = 0; step < 3'000; ++step) {
    if (draw(8) == 0) kill_at_ = kPoints[static_cast<size_t>(draw(8))];
    try {
      switch (draw(10)) {
        case 0:
          (void)Buy("alice", absl::StrCat("r", ++requests), absl::StrCat("+1202555", draw(9)));
          break;
        case 1:
          if (draw(4) == 0) (void)rental_->Release("alice", absl::StrCat("+1202555", draw(9)));
          break;
        case 2:
          PayIn("alice", Cents(draw(1'000) + 1));
          ASSERT_THAT(rental_->TryUnpaid("alice"), IsOk());
          break;
        case 3:
          clock_.Advance(kDay * (draw(3) == 0 ? draw(100) - 60 : 1));
          break;
        case 4:
          Restart();
          break;
        default:
          clock_.Advance(absl::Hours(draw(72)));
          latest = std::max(latest, clock_.Now());
          Work();
      }
    } catch (const Killed&) {
      Restart();
    }
    latest = std::max(latest, clock_.Now());
  }
  kill_at_.clear();
  // What was charged and not counted when the last process ended is counted when it is due again.
  clock_.Advance(latest - clock_.Now() + kDay);
  Work();
  latest = std::max(clock_.Now(), disk_.entries().back().time);

  std::map<std::string, std::vector<std::string>> months;  // By rental.
  for (const Entry& entry : disk_.entries()) {
    const bool is_month = entry.item == v1::ITEM_PHONE_NUMBER_RENEWAL &&
                          entry.kind == EntryKind::kDebit && !entry.amount.is_zero();
    if (!is_month) continue;
    months[entry.request_id.substr(0, entry.request_id.find('/'))].push_back(entry.detail);
  }
  size_t charged = 0;
  for (const stored::v1::Rental& rental : Rentals()) {
    const std::vector<std::string>& of_rental = months[rental.rental_id()];
    // Between the charge and the count the process may have ended, and the number be given up.
    const bool may_lack_one = rental.state() == v1::NUMBER_STATE_RELEASED;
    const int32_t uncounted = static_cast<int32_t>(of_rental.size()) - rental.months_renewed();
    EXPECT_TRUE(uncounted == 0 || (uncounted == 1 && may_lack_one)) << rental.ShortDebugString();
    for (size_t i = 0; i < of_rental.size(); ++i) {
      EXPECT_EQ(of_rental[i], absl::StrCat("month ", i + 1));
    }
    charged += of_rental.size();
    EXPECT_LE(
        MonthStart(absl::FromUnixMicros(rental.purchase_micros()), rental.months_renewed(), zone),
        latest);
  }
  EXPECT_GT(charged, 50U);
}

}  // namespace
}  // namespace farebox::server
