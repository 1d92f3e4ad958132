// Charges by the simulated provider, on a ledger in memory that is "killed" between any two steps.

#include "server/recharge/recharger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "farebox/stored/v1/stored.pb.h"
#include "server/recharge/recharge_states.h"
#include "server/recharge/simulated_gateway.h"
#include "storage/errors.h"
#include "tests/server/recharge/temporary_folder.h"
#include "tests/storage/commands.h"
#include "tests/support/memory_journal.h"

namespace farebox::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr DocumentKind kTestMails = 200;

// The process ends here.
struct Killed {};

// Mails whose content is what they are about.
class TestMails : public RechargeMails {
 public:
  DocumentGroup Write(RechargeEvent event, const AccountFacts& account,
                      const stored::v1::PaymentProfile& /*profile*/,
                      const stored::v1::RechargeAttempt* attempt,
                      absl::Time /*now*/) const override {
    static constexpr const char* kNames[] = {"failed", "action", "off"};
    return Mail(kNames[static_cast<size_t>(event)], attempt->recharge_id(), account);
  }

  DocumentGroup WriteCap(RechargeEvent cap, const AccountFacts& account,
                         const stored::v1::PaymentProfile& /*profile*/, absl::Time resume_time,
                         absl::Time now) const override {
    const std::string name = cap == RechargeEvent::kDailyCap ? "daily" : "monthly";
    resume_times.push_back(absl::FormatTime("%m-%d %H:%M", resume_time, absl::UTCTimeZone()));
    return Mail(name, absl::FormatTime(now), account);
  }

  DocumentGroup WriteReceipt(const AccountFacts& account,
                             const stored::v1::PaymentProfile& /*profile*/,
                             const stored::v1::RechargeAttempt& attempt, Micros balance_after,
                             absl::Time /*now*/) const override {
    if (!receipts) return {};
    return Mail(absl::StrCat("receipt ", balance_after.value()), attempt.recharge_id(), account);
  }

  bool receipts = false;
  // Of caps.
  mutable std::vector<std::string> resume_times;

 private:
  static DocumentGroup Mail(const std::string& name, const std::string& about,
                            const AccountFacts& account) {
    return {{.kind = kTestMails,
             .key = absl::StrCat(name, "/", about),
             .account = account.number,
             .content = name}};
  }
};

// Lets one answer through changed; the provider has done what it was asked for.
class AlteringGateway : public PaymentGateway {
 public:
  explicit AlteringGateway(PaymentGateway* provider) : provider_(*provider) {}

  void AlterNext(std::function<void(Charge*)> alter) { alter_ = std::move(alter); }
  void RefuseRefunds(absl::Status status) { refunds_ = std::move(status); }

  Charge TakeCharge(const ChargeRequest& request) override {
    Charge charge = provider_.TakeCharge(request);
    if (alter_ != nullptr) std::exchange(alter_, nullptr)(&charge);
    return charge;
  }
  Charge FindCharge(const ChargeReference& reference) override {
    return provider_.FindCharge(reference);
  }
  Charge CancelCharge(const ChargeReference& reference) override {
    return provider_.CancelCharge(reference);
  }
  absl::Status Refund(const RefundRequest& request) override {
    if (!refunds_.ok()) return refunds_;
    return provider_.Refund(request);
  }
  absl::StatusOr<CardSetup> StartCardSetup(absl::string_view account_id, absl::string_view customer,
                                           absl::string_view return_url) override {
    return provider_.StartCardSetup(account_id, customer, return_url);
  }
  absl::StatusOr<ProviderCard> CompleteCardSetup(absl::string_view account_id,
                                                 absl::string_view setup_id) override {
    return provider_.CompleteCardSetup(account_id, setup_id);
  }
  absl::Status DetachCard(const ProviderCard& card) override { return provider_.DetachCard(card); }
  absl::Status ListCharges(absl::Time from, absl::Time to, VisitCharge visit) override {
    return provider_.ListCharges(from, to, visit);
  }
  absl::StatusOr<PaymentEvent> ReadEvent(absl::string_view body, absl::string_view signature,
                                         absl::Time now) override {
    return provider_.ReadEvent(body, signature, now);
  }

 private:
  PaymentGateway& provider_;
  std::function<void(Charge*)> alter_;
  absl::Status refunds_;
};

class RechargerTest : public ::testing::Test {
 protected:
  RechargerTest() {
    SimulatedGateway::Options options;
    options.file = folder_ / "provider.db";
    options.clock = &clock_;
    options.wait = [](absl::Duration) {};
    gateway_ = *SimulatedGateway::Create(options);
    altering_ = std::make_unique<AlteringGateway>(gateway_.get());
    Restart();
    stored::v1::AccountSettings settings;
    settings.set_currency_code("USD");
    settings.set_time_zone("America/New_York");
    EXPECT_TRUE(ledger_->Apply(ToOpen("alice", {}, settings.SerializeAsString())).status.ok());
    EXPECT_TRUE(ledger_->Apply(ToCredit("alice", Cents(10'00))).status.ok());
  }

  void TearDown() override { ExpectChargedIsCredited(); }

  // What a new process finds.
  void Restart() {
    documents_.reset();
    ledger_.reset();
    journal_ = std::make_unique<MemoryJournal>(&disk_);
    ledger_ = *Ledger::Open({}, journal_.get(), &clock_);
    documents_ = std::make_unique<DocumentStore>(ledger_.get(), journal_.get());
    recharger_ = std::make_unique<Recharger>(
        Recharger::Parts{.ledger = ledger_.get(),
                         .documents = documents_.get(),
                         .gateway = altering_.get(),
                         .mails = &mails_,
                         .clock = &clock_,
                         .new_recharge_id = [this] { return absl::StrCat("auto-", ++ids_); },
                         .limits = &limits_,
                         .reached = [this](absl::string_view point) { Reach(point); }});
  }

  void Reach(absl::string_view point) {
    reached_.emplace_back(point);
    if (point == kill_at_) {
      kill_at_.clear();
      throw Killed();
    }
  }

  // Charges 60.00 when less than 15.00 is there.
  void Enable(const std::vector<std::string>& tokens) {
    RechargeRecords records(documents_.get());
    ProfileRecord record = *records.ReadProfile(*ledger_->FindAccount("alice"));
    v1::AutoRecharge& settings = *record.profile.mutable_auto_recharge();
    settings.set_enabled(true);
    settings.set_mode(v1::RECHARGE_MODE_FIXED);
    settings.set_amount_micros(60'000'000);
    settings.set_threshold_micros(15'000'000);
    settings.set_daily_charges_max(3);
    settings.set_monthly_sum_max_micros(600'000'000);
    record.profile.clear_cards();
    for (const std::string& token : tokens) record.profile.add_cards()->set_token(token);
    ForgetDeclines(&record.profile);
    ASSERT_TRUE(records.Put({.profile = &record}).ok());
  }

  void Work() { ASSERT_TRUE(recharger_->Work("alice").ok()); }

  void Spend(Micros amount) { ASSERT_TRUE(ledger_->Apply(ToDebit("alice", amount)).status.ok()); }

  Micros Available() { return ledger_->FindAccount("alice")->state.available(); }

  std::vector<stored::v1::RechargeAttempt> Attempts() {
    RechargeRecords records(documents_.get());
    std::vector<stored::v1::RechargeAttempt> attempts;
    const auto list = records.ListAttempts(1, std::numeric_limits<int64_t>::max(), 1000);
    for (const AttemptRecord& record : list.value()) attempts.push_back(record.attempt);
    return attempts;
  }

  // Oldest last.
  std::vector<std::string> States() {
    std::vector<std::string> states;
    for (const stored::v1::RechargeAttempt& attempt : Attempts()) {
      states.push_back(v1::RechargeState_Name(attempt.state()).substr(sizeof("RECHARGE_STATE")));
    }
    return states;
  }

  std::vector<std::string> Mails() {
    std::vector<std::string> mails;
    const auto list = documents_->List(kTestMails, 1, std::numeric_limits<int64_t>::max(), 1000);
    for (const Document& mail : list.value()) mails.push_back(mail.content);
    return mails;
  }

  std::map<std::string, Micros> ChargesAtTheProvider() {
    std::map<std::string, Micros> charges;
    const auto visit = [&](absl::string_view attempt, const Charge& charge) {
      charges[std::string(attempt)] = charge.amount;
    };
    EXPECT_TRUE(gateway_->ListCharges(absl::InfinitePast(), absl::InfiniteFuture(), visit).ok());
    return charges;
  }

  // One credit for each charge, of the same amount.
  void ExpectChargedIsCredited() {
    std::map<std::string, Micros> credits;
    for (const Entry& entry : disk_.entries()) {
      const bool is_recharge =
          entry.kind == EntryKind::kCredit &&
          (entry.item == v1::ITEM_FUNDS_AUTO_RECHARGE || entry.item == v1::ITEM_FUNDS_MANUAL) &&
          !entry.request_id.starts_with("test-");
      if (is_recharge && ids_of_attempts().contains(entry.request_id)) {
        EXPECT_TRUE(credits.emplace(entry.request_id, entry.amount).second);
      }
    }
    std::map<std::string, Micros> charges = ChargesAtTheProvider();
    for (const stored::v1::RechargeAttempt& attempt : Attempts()) {
      if (attempt.paid_back() || expected_uncredited_) charges.erase(attempt.recharge_id());
    }
    EXPECT_EQ(credits, charges);
  }

  std::set<std::string> ids_of_attempts() {
    std::set<std::string> ids;
    for (const stored::v1::RechargeAttempt& attempt : Attempts()) ids.insert(attempt.recharge_id());
    return ids;
  }

  ManualClock clock_{
      absl::FromCivil(absl::CivilSecond(2026, 3, 10, 12, 0, 0), absl::UTCTimeZone())};
  const TemporaryFolder folder_;
  const RechargeLimitTable limits_;
  TestMails mails_;
  MemoryDisk disk_;
  std::unique_ptr<SimulatedGateway> gateway_;
  std::unique_ptr<AlteringGateway> altering_;
  std::unique_ptr<MemoryJournal> journal_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<DocumentStore> documents_;
  std::unique_ptr<Recharger> recharger_;
  int ids_ = 0;
  // There is a charge that must not be credited.
  bool expected_uncredited_ = false;
  std::string kill_at_;
  std::vector<std::string> reached_;
};

TEST_F(RechargerTest, ALowBalanceIsChargedAndCredited) {
  Enable({"pm_card_visa"});

  Work();

  EXPECT_EQ(Available(), Cents(70'00));
  EXPECT_THAT(States(), ElementsAre("CREDITED"));
  EXPECT_THAT(Mails(), IsEmpty());
  Work();
  EXPECT_THAT(States(), SizeIs(1));
}

TEST_F(RechargerTest, AProcessThatIsKilledBetweenAnyStepsChargesAndCreditsOnce) {
  for (const char* const card : {"pm_card_visa", "pm_card_answerLost"}) {
    for (const char* const point : {"INTENT", "SENT", "answered", "RECHARGE_STATE_SUCCEEDED",
                                    "RECHARGE_STATE_UNKNOWN", "credited", "CREDITED"}) {
      SCOPED_TRACE(absl::StrCat(card, " ", point));
      clock_.Advance(absl::Hours(24 * 31));  // No cap.
      Enable({card});
      const size_t before = Attempts().size();
      Spend(Micros(Available().value() - 10'000'000));
      kill_at_ = point;
      try {
        Work();
      } catch (const Killed&) {
      }
      kill_at_.clear();
      Restart();
      for (int i = 0; i < 3; ++i) {
        clock_.Advance(absl::Minutes(1));
        Work();
      }

      EXPECT_EQ(Attempts().size(), before + 1);
      EXPECT_EQ(Attempts()[0].state(), v1::RECHARGE_STATE_CREDITED);
      EXPECT_EQ(Available(), Cents(70'00));
      ExpectChargedIsCredited();
    }
  }
}

TEST_F(RechargerTest, SoftDeclinesBackOffAndTheFourthStops) {
  Enable({"pm_card_chargeDeclinedInsufficientFunds"});

  for (int minutes = 0; minutes < 60 * 24 * 10; minutes += 10) {
    Work();
    clock_.Advance(absl::Minutes(10));
  }

  EXPECT_THAT(States(), ElementsAre("DECLINED", "DECLINED", "DECLINED", "DECLINED"));
  EXPECT_THAT(Mails(), ElementsAre("off", "failed", "failed", "failed"));
  const std::vector<stored::v1::RechargeAttempt> attempts = Attempts();
  std::vector<int64_t> hours;
  for (size_t i = attempts.size() - 1; i > 0; --i) {
    const int64_t pause = attempts[i - 1].create_micros() - attempts[i].create_micros();
    hours.push_back(pause / absl::ToInt64Microseconds(absl::Hours(1)));
  }
  EXPECT_THAT(hours, ElementsAre(1, 6, 24));
}

TEST_F(RechargerTest, AHardDeclineTriesTheNextCardAtOnce) {
  Enable({"pm_card_chargeDeclinedLostCard", "pm_card_visa"});

  Work();

  EXPECT_THAT(States(), ElementsAre("CREDITED", "DECLINED"));
  EXPECT_THAT(Mails(), ElementsAre("failed"));
  EXPECT_EQ(Available(), Cents(70'00));
}

TEST_F(RechargerTest, AHardDeclineOfTheLastCardStops) {
  Enable({"pm_card_chargeDeclinedLostCard"});

  Work();
  clock_.Advance(absl::Hours(24 * 30));
  Work();

  EXPECT_THAT(States(), ElementsAre("DECLINED"));
  EXPECT_THAT(Mails(), ElementsAre("off"));
}

TEST_F(RechargerTest, ABankThatWantsTheCustomerIsWaitedFor) {
  Enable({"pm_card_authenticationRequired"});

  Work();
  EXPECT_THAT(States(), ElementsAre("ACTION_REQUIRED"));
  EXPECT_THAT(Mails(), ElementsAre("action"));
  clock_.Advance(absl::Minutes(6));
  Work();
  EXPECT_THAT(Mails(), SizeIs(1));

  ASSERT_TRUE(gateway_->AnswerBank(Attempts()[0].payment_id(), /*confirms=*/true).ok());
  clock_.Advance(absl::Minutes(6));
  Work();

  EXPECT_THAT(States(), ElementsAre("CREDITED"));
}

TEST_F(RechargerTest, ABankThatIsNotAnsweredIsGivenUpAfterADay) {
  Enable({"pm_card_authenticationRequired"});
  Work();

  clock_.Advance(absl::Hours(24));
  Work();

  EXPECT_EQ(Attempts().back().state(), v1::RECHARGE_STATE_DECLINED);
  EXPECT_EQ(Available(), Cents(10'00));
}

TEST_F(RechargerTest, TheCapsOfADayAndAMonthHoldAndAreToldOnce) {
  Enable({"pm_card_visa"});
  std::map<std::string, int> charges_of_day;
  for (int hour = 0; hour < 24 * 20; ++hour) {
    Spend(Micros(Available().value() - 10'000'000));
    const size_t before = Attempts().size();
    Work();
    const absl::CivilDay day = absl::ToCivilDay(
        clock_.Now(), *[] {
          static absl::TimeZone zone;
          absl::LoadTimeZone("America/New_York", &zone);
          return &zone;
        }());
    charges_of_day[absl::FormatCivilTime(day)] += static_cast<int>(Attempts().size() - before);
    clock_.Advance(absl::Hours(1));
  }

  Micros sum;
  for (const auto& [day, count] : charges_of_day) EXPECT_LE(count, 3) << day;
  for (const stored::v1::RechargeAttempt& attempt : Attempts()) {
    sum = Micros(sum.value() + attempt.amount_micros());
  }
  EXPECT_EQ(sum, Cents(600'00));
  // Three days with three charges, and the tenth charge on the fourth day.
  EXPECT_THAT(Mails(), ElementsAre("monthly", "daily", "daily", "daily"));
}

TEST_F(RechargerTest, ACapIsToldWithTheTimeWhenItEnds) {
  Enable({"pm_card_visa"});
  for (int i = 0; i < 4; ++i) {
    Spend(Micros(Available().value() - 10'000'000));
    Work();
  }
  clock_.Advance(absl::Hours(24));
  for (int day = 0; day < 3; ++day) {
    for (int i = 0; i < 3; ++i) {
      Work();
      Spend(Micros(Available().value() - 10'000'000));
    }
    clock_.Advance(absl::Hours(24));
  }
  Work();

  // Midnight in New York: of the next day, and of the next month.
  EXPECT_THAT(mails_.resume_times, ElementsAre("03-11 04:00", "04-01 04:00"));
}

TEST_F(RechargerTest, ADayThatComesBackWithATimeZoneIsNotToldAgain) {
  RechargeSubject subject = {.available = Cents(0), .time_zone = absl::FixedTimeZone(14 * 3600)};
  stored::v1::PaymentProfile profile;
  const auto tell = [&](RechargeObstacle cap) {
    return TellCap(cap, subject, clock_.Now(), &profile);
  };

  EXPECT_TRUE(tell(RechargeObstacle::kDailyCap));
  EXPECT_TRUE(tell(RechargeObstacle::kMonthlyCap));
  EXPECT_FALSE(tell(RechargeObstacle::kDailyCap));
  EXPECT_FALSE(tell(RechargeObstacle::kMonthlyCap));
  subject.time_zone = absl::UTCTimeZone();
  EXPECT_FALSE(tell(RechargeObstacle::kDailyCap));
  subject.time_zone = absl::FixedTimeZone(14 * 3600);
  EXPECT_FALSE(tell(RechargeObstacle::kDailyCap));
}

TEST_F(RechargerTest, ACreditedChargeHasOneReceiptWithTheBalanceAfterIt) {
  for (const char* const point : {"", "credited", "CREDITED"}) {
    SCOPED_TRACE(point);
    mails_.receipts = true;
    clock_.Advance(absl::Hours(24 * 31));  // No cap.
    Enable({"pm_card_visa"});
    const size_t before = Mails().size();
    Spend(Micros(Available().value() - 10'000'000));
    kill_at_ = point;
    try {
      Work();
    } catch (const Killed&) {
    }
    Restart();
    Work();

    EXPECT_EQ(Mails().size(), before + 1);
    EXPECT_EQ(Mails()[0], "receipt 70000000");
  }
}

TEST_F(RechargerTest, PayChargesOnceForEachRequest) {
  Enable({"pm_card_visa"});

  const auto first = recharger_->Pay("alice", "request-1", Cents(25'00));
  const auto again = recharger_->Pay("alice", "request-1", Cents(25'00));
  const auto other = recharger_->Pay("alice", "request-1", Cents(26'00));

  EXPECT_EQ(first->attempt.state(), v1::RECHARGE_STATE_CREDITED);
  EXPECT_EQ(again->attempt.entry_id(), first->attempt.entry_id());
  EXPECT_FALSE(first->replayed);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(GetReason(other.status()), Reason::kRequestIdReused);
  EXPECT_EQ(Available(), Cents(35'00));
}

TEST_F(RechargerTest, APaymentThatIsDeclinedChangesNothing) {
  Enable({"pm_card_chargeDeclined"});

  const auto declined = recharger_->Pay("alice", "request-1", Cents(25'00));

  EXPECT_EQ(declined->attempt.state(), v1::RECHARGE_STATE_DECLINED);
  EXPECT_EQ(declined->attempt.decline_code(), "generic_decline");
  EXPECT_EQ(Available(), Cents(10'00));
  EXPECT_THAT(Mails(), IsEmpty());
}

TEST_F(RechargerTest, APaymentNeedsACardAndNoOtherAttempt) {
  EXPECT_EQ(GetReason(recharger_->Pay("alice", "r1", Cents(1'00)).status()), Reason::kNoCard);

  Enable({"pm_card_authenticationRequired"});
  Work();
  EXPECT_EQ(GetReason(recharger_->Pay("alice", "r2", Cents(1'00)).status()),
            Reason::kRechargeInProgress);
}

// ---- What the provider says that is not so

TEST_F(RechargerTest, AChargeOfAnotherAmountIsNeitherCreditedNorMadeAgain) {
  expected_uncredited_ = true;
  for (const auto& alter : std::vector<std::function<void(Charge*)>>{
           [](Charge* charge) { charge->amount = Micros(charge->amount.value() - 1); },
           [](Charge* charge) { charge->amount = Micros(charge->amount.value() * 100); },
           [](Charge* charge) { charge->currency_code = "JPY"; }}) {
    clock_.Advance(absl::Hours(24 * 31));
    Spend(Micros(Available().value() - 10'000'000));
    Enable({"pm_card_visa"});
    altering_->AlterNext(alter);
    const size_t before = Attempts().size();
    Work();

    EXPECT_EQ(Attempts().size(), before + 1);
    EXPECT_EQ(Attempts()[0].state(), v1::RECHARGE_STATE_UNKNOWN);
    EXPECT_THAT(Attempts()[0].message(), HasSubstr("not what was asked for"));
    EXPECT_EQ(Available(), Cents(10'00));
    // The next look finds the truth.
    clock_.Advance(absl::Hours(1));
    Work();
    EXPECT_EQ(Attempts()[0].state(), v1::RECHARGE_STATE_CREDITED);
  }
  expected_uncredited_ = false;
}

TEST_F(RechargerTest, AnAnswerThatSaysNothingIsAskedForAgainUnderTheSameName) {
  Enable({"pm_card_visa"});
  altering_->AlterNext([](Charge* charge) { *charge = {.message = "<html>504</html>"}; });
  Work();
  EXPECT_THAT(States(), ElementsAre("UNKNOWN"));

  clock_.Advance(absl::Minutes(1));
  Work();

  EXPECT_THAT(States(), ElementsAre("CREDITED"));
  EXPECT_THAT(ChargesAtTheProvider(), SizeIs(1));
}

TEST_F(RechargerTest, ARefusalThatTurnsOutToBeAChargeIsCredited) {
  Enable({"pm_card_visa"});
  altering_->AlterNext([](Charge* charge) {
    charge->state = ChargeState::kDeclined;
    charge->decline_code = "do_not_honor";
  });
  Work();
  ASSERT_THAT(States(), ElementsAre("DECLINED"));
  const RechargeAttemptName name = {.account_id = "alice",
                                    .recharge_id = Attempts()[0].recharge_id()};

  for (const char* const point : {"credited", ""}) {
    kill_at_ = point;
    try {
      EXPECT_TRUE(recharger_->Ask(name).ok());
    } catch (const Killed&) {
      Restart();
    }
  }
  EXPECT_TRUE(recharger_->Ask(name).ok());

  EXPECT_THAT(States(), ElementsAre("CREDITED"));
  EXPECT_EQ(Available(), Cents(70'00));
}

TEST_F(RechargerTest, AskingAboutWhatIsOverOrWasNeverSentChangesNothing) {
  Enable({"pm_card_visa"});
  kill_at_ = "INTENT";
  EXPECT_THROW(Work(), Killed);
  const RechargeAttemptName name = {.account_id = "alice",
                                    .recharge_id = Attempts()[0].recharge_id()};
  EXPECT_TRUE(recharger_->Ask(name).ok());
  EXPECT_THAT(States(), ElementsAre("INTENT"));
  EXPECT_TRUE(recharger_->Ask({.account_id = "alice", .recharge_id = "nothing"}).ok());

  Work();
  EXPECT_TRUE(recharger_->Ask(name).ok());
  EXPECT_THAT(States(), ElementsAre("CREDITED"));
}

TEST_F(RechargerTest, MoneyOfAnAccountThatWasClosedMeanwhileGoesBackToTheCard) {
  Enable({"pm_card_visa"});
  kill_at_ = "RECHARGE_STATE_SUCCEEDED";
  EXPECT_THROW(Work(), Killed);
  Restart();
  Spend(Available());
  ASSERT_TRUE(ledger_->Apply(ToChange("alice", {.status = AccountStatus::kClosed})).status.ok());

  altering_->RefuseRefunds(absl::UnavailableError("down"));
  Work();
  EXPECT_THAT(States(), ElementsAre("SUCCEEDED"));
  EXPECT_THAT(Attempts()[0].message(), HasSubstr("could not be sent back"));
  altering_->RefuseRefunds(absl::OkStatus());
  kill_at_ = "paid back";
  clock_.Advance(absl::Hours(1));
  EXPECT_THROW(Work(), Killed);
  Restart();
  Work();

  EXPECT_THAT(States(), ElementsAre("ABANDONED"));
  EXPECT_TRUE(Attempts()[0].paid_back());
  EXPECT_EQ(Available(), Micros());
}

}  // namespace
}  // namespace farebox::server
