#ifndef FAREBOX_TESTS_SERVER_RECHARGE_RECHARGER_FIXTURE_H_
#define FAREBOX_TESTS_SERVER_RECHARGE_RECHARGER_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <atomic>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>
#include "absl/strings/str_cat.h"
#include "farebox/stored/v1/stored.pb.h"
#include "server/recharge/recharge_states.h"
#include "server/recharge/recharger.h"
#include "server/recharge/simulated_gateway.h"
#include "storage/errors.h"
#include "tests/storage/commands.h"
#include "tests/support/memory_journal.h"
#include "tests/support/temporary_directory.h"

namespace farebox::server {

inline constexpr DocumentKind kTestMails = 200;

// On a disk that fills up, and is emptied.
class FillingJournal : public MemoryJournal {
 public:
  using MemoryJournal::MemoryJournal;

  void SetFull(bool is_full) { is_full_ = is_full; }

  absl::Status CheckSpace(SpaceFor /*purpose*/) override {
    return is_full_ ? error::StorageFull("as the test wants it") : absl::OkStatus();
  }

 private:
  std::atomic<bool> is_full_ = false;
};

// The process ends here.
struct Killed {};

// Mails whose content is what they are about.
class TestMails : public RechargeMails {
 public:
  DocumentGroup Write(RechargeEvent event, const AccountFacts& account,
                      const stored::v1::PaymentProfile& /*profile*/,
                      const stored::v1::RechargeAttempt& attempt,
                      absl::Time /*now*/) const override {
    static constexpr const char* kNames[] = {"failed", "action", "off"};
    return Mail(kNames[static_cast<size_t>(event)], attempt.recharge_id(), account);
  }

  DocumentGroup WriteCap(RechargeCap cap, const AccountFacts& account,
                         const stored::v1::PaymentProfile& /*profile*/, absl::Time resume_time,
                         absl::Time now) const override {
    const std::string name = cap == RechargeCap::kDaily ? "daily" : "monthly";
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

// Lets answers through changed; the provider has done what it was asked for.
class AlteringGateway : public PaymentGateway {
 public:
  explicit AlteringGateway(PaymentGateway* provider) : provider_(*provider) {}

  void AlterNext(std::function<void(CardCharge*)> alter) { alter_ = std::move(alter); }
  void AlterAll(std::function<void(CardCharge*)> alter) { alter_all_ = std::move(alter); }
  // The next delivery gets lost on its way.
  void LoseNext() { loses_next_ = true; }
  void RefuseRefunds(absl::Status status) { refunds_ = std::move(status); }

  // How often it was asked to take money.
  int deliveries() const { return deliveries_; }
  // What it was asked, oldest first: "take", "find", "cancel".
  const std::vector<std::string>& calls() const { return calls_; }
  const ChargeReference& last_reference() const { return last_reference_; }

  CardCharge TakeCharge(const ChargeRequest& request) override {
    ++deliveries_;
    calls_.emplace_back("take");
    if (std::exchange(loses_next_, false)) return {.message = "lost"};
    return Altered(provider_.TakeCharge(request));
  }
  CardCharge FindCharge(const ChargeReference& reference) override {
    calls_.emplace_back("find");
    last_reference_ = reference;
    return Altered(provider_.FindCharge(reference));
  }
  CardCharge AskCustomer(const ChargeRequest& request, CardCharge found) override {
    return provider_.AskCustomer(request, std::move(found));
  }
  absl::StatusOr<std::string> FindAttemptOf(absl::string_view payment_id) override {
    return provider_.FindAttemptOf(payment_id);
  }
  CardCharge CancelCharge(const ChargeReference& reference) override {
    calls_.emplace_back("cancel");
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
  absl::Status ListCharges(absl::Time from, absl::Time to, ShouldContinue should_continue,
                           VisitCharge visit) override {
    return provider_.ListCharges(from, to, should_continue, visit);
  }
  absl::StatusOr<PaymentEvent> ReadEvent(absl::string_view body, absl::string_view signature,
                                         absl::Time now) override {
    return provider_.ReadEvent(body, signature, now);
  }

 private:
  CardCharge Altered(CardCharge charge) {
    if (alter_ != nullptr) std::exchange(alter_, nullptr)(&charge);
    if (alter_all_ != nullptr) alter_all_(&charge);
    return charge;
  }

  PaymentGateway& provider_;
  int deliveries_ = 0;
  bool loses_next_ = false;
  std::vector<std::string> calls_;
  ChargeReference last_reference_;
  std::function<void(CardCharge*)> alter_all_;
  std::function<void(CardCharge*)> alter_;
  absl::Status refunds_;
};

// A provider whose answers take no time.
inline std::unique_ptr<SimulatedGateway> PromptGateway(const testing::TemporaryDirectory& directory,
                                                       Clock* clock) {
  SimulatedGateway::Options options;
  options.file = directory / "provider.db";
  options.clock = clock;
  options.wait = [](absl::Duration) {};
  return *SimulatedGateway::Create(options);
}

class RechargerTest : public ::testing::Test {
 protected:
  RechargerTest() {
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
    journal_ = std::make_unique<FillingJournal>(&disk_);
    ledger_ = *Ledger::Open({}, journal_.get(), &clock_);
    documents_ = std::make_unique<DocumentStore>(ledger_.get(), journal_.get());
    recharger_ = std::make_unique<Recharger>(
        Recharger::Parts{.ledger = ledger_.get(),
                         .journal = journal_.get(),
                         .documents = documents_.get(),
                         .gateway = altering_.get(),
                         .mails = &mails_,
                         .clock = &clock_,
                         .new_recharge_id =
                             [this] {
                               if (when_deciding_) std::exchange(when_deciding_, nullptr)();
                               return absl::StrCat("auto-", ++ids_);
                             },
                         .limits = &limits_,
                         .is_held = [this] { return is_held_; },
                         .forgotten_since = [this] { return forgotten_since_; },
                         .is_ending = [this] { return is_ending_; },
                         .reached = [this](absl::string_view point) { Reach(point); }});
  }

  void Reach(absl::string_view point) {
    reached_.emplace_back(point);
    if (point == fill_at_) journal_->SetFull(true);
    if (point == end_at_) is_ending_ = true;
    if (point == kill_at_) {
      kill_at_.clear();
      // tidy: allow(throw): unwinds what a kill would leave behind
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

  // Charges what is missing up to the target.
  void AimFor(Micros target) {
    RechargeRecords records(documents_.get());
    ProfileRecord record = *records.ReadProfile(*ledger_->FindAccount("alice"));
    record.profile.mutable_auto_recharge()->set_mode(v1::RECHARGE_MODE_TARGET);
    record.profile.mutable_auto_recharge()->set_amount_micros(target.value());
    ASSERT_TRUE(records.Put({.profile = &record}).ok());
  }

  void Work() { ASSERT_TRUE(recharger_->Work("alice").ok()); }

  void Spend(Micros amount) { ASSERT_TRUE(ledger_->Apply(ToDebit("alice", amount)).status.ok()); }

  Micros Available() { return ledger_->FindAccount("alice")->state.available(); }

  stored::v1::PaymentProfile Profile() {
    return RechargeRecords(documents_.get())
        .ReadProfile(*ledger_->FindAccount("alice"))
        .value()
        .profile;
  }

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
    const auto visit = [&](absl::string_view attempt, const CardCharge& charge) {
      charges[std::string(attempt)] = charge.amount;
    };
    EXPECT_TRUE(gateway_
                    ->ListCharges(
                        absl::InfinitePast(), absl::InfiniteFuture(), [] { return true; }, visit)
                    .ok());
    return charges;
  }

  // One credit for each charge, of the same amount, and no other.
  void ExpectChargedIsCredited() {
    std::map<std::string, Micros> credits;
    for (const Entry& entry : disk_.entries()) {
      const bool is_recharge =
          entry.kind == EntryKind::kCredit &&
          (entry.item == v1::ITEM_FUNDS_AUTO_RECHARGE || entry.item == v1::ITEM_FUNDS_MANUAL);
      if (is_recharge) {
        EXPECT_TRUE(credits.emplace(entry.request_id, entry.amount).second);
      }
    }
    std::map<std::string, Micros> charges = ChargesAtTheProvider();
    for (const stored::v1::RechargeAttempt& attempt : Attempts()) {
      if (attempt.paid_back() || expected_uncredited_) charges.erase(attempt.recharge_id());
    }
    EXPECT_EQ(credits, charges);
  }

  ManualClock clock_{
      absl::FromCivil(absl::CivilSecond(2026, 3, 10, 12, 0, 0), absl::UTCTimeZone())};
  const testing::TemporaryDirectory directory_;
  const RechargeLimitTable limits_;
  TestMails mails_;
  MemoryDisk disk_;
  const std::unique_ptr<SimulatedGateway> gateway_ = PromptGateway(directory_, &clock_);
  std::unique_ptr<AlteringGateway> altering_;
  std::unique_ptr<FillingJournal> journal_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<DocumentStore> documents_;
  std::unique_ptr<Recharger> recharger_;
  int ids_ = 0;
  // There is a charge that must not be credited.
  bool expected_uncredited_ = false;
  // The ledger was just restored.
  bool is_held_ = false;
  absl::Time forgotten_since_ = absl::InfinitePast();
  // Once, between the look at the account's profile and what is written of it.
  std::function<void()> when_deciding_;
  std::string kill_at_;
  // The process is to end from here on.
  std::string end_at_;
  bool is_ending_ = false;
  // The disk is full from here on.
  std::string fill_at_;
  std::vector<std::string> reached_;
};

}  // namespace farebox::server

#endif  // FAREBOX_TESTS_SERVER_RECHARGE_RECHARGER_FIXTURE_H_
