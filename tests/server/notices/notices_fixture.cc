#include "tests/server/notices/notices_fixture.h"

#include <limits>

#include "farebox/stored/v1/stored.pb.h"
#include "server/base/document_kinds.h"
#include "server/recharge/card_reminders.h"
#include "server/recharge/recharge_records.h"

namespace farebox::server {

void NoticesTest::Restart() {
  notices_.reset();
  documents_.reset();
  ledger_.reset();
  journal_ = std::make_unique<MemoryJournal>(&disk_);
  ledger_ = *Ledger::Open({}, journal_.get(), &clock_);
  documents_ = std::make_unique<DocumentStore>(ledger_.get(), journal_.get());
  notices_ = std::make_unique<Notices>(Notices::Parts{.ledger = ledger_.get(),
                                                      .documents = documents_.get(),
                                                      .stationery = &stationery_,
                                                      .clock = &clock_,
                                                      .is_held = [this] { return is_held_; }});
}

void NoticesTest::Open(const std::string& account, Micros balance, const std::string& email) {
  stored::v1::AccountSettings settings;
  settings.set_currency_code("USD");
  settings.set_time_zone("America/New_York");
  settings.set_email(email);
  const AccountTerms terms = {.low_balance_threshold = Cents(10'00)};
  ASSERT_TRUE(ledger_->Apply(ToOpen(account, terms, settings.SerializeAsString())).status.ok());
  if (balance.is_positive()) PayIn(account, balance);
}

void NoticesTest::Spend(const std::string& account, Micros amount) {
  ASSERT_TRUE(ledger_->Apply(ToDebit(account, amount)).status.ok());
}

void NoticesTest::PayIn(const std::string& account, Micros amount) {
  ASSERT_TRUE(ledger_->Apply(ToCredit(account, amount)).status.ok());
}

AccountFacts NoticesTest::Account(const std::string& account) {
  return ledger_->FindAccount(account).value();
}

void NoticesTest::PutCard(const std::string& account, const std::string& token, int month,
                          int year) {
  stored::v1::PaymentCard card;
  card.set_token(token);
  card.set_brand("visa");
  card.set_last_four("4242");
  card.set_expiry_month(month);
  card.set_expiry_year(year);
  RechargeRecords records(documents_.get());
  ProfileRecord record = records.ReadProfile(Account(account)).value();
  *record.profile.add_cards() = card;
  const absl::Status put =
      records.Put({.profile = &record,
                   .mails = {ReminderOf(Account(account), card, documents_.get()).value()}});
  ASSERT_TRUE(put.ok()) << put;
}

stored::v1::PaymentProfile NoticesTest::Profile(const std::string& account) {
  return RechargeRecords(documents_.get()).ReadProfile(Account(account)).value().profile;
}

void NoticesTest::ChangeProfile(const std::string& account,
                                const std::function<void(stored::v1::PaymentProfile*)>& change) {
  RechargeRecords records(documents_.get());
  ProfileRecord record = records.ReadProfile(Account(account)).value();
  change(&record.profile);
  ASSERT_TRUE(records.Put({.profile = &record}).ok());
}

std::vector<std::string> NoticesTest::Mails() {
  std::vector<std::string> keys;
  const auto list = documents_->List(kMails, 0, std::numeric_limits<int64_t>::max(), 1000);
  for (const Document& document : list.value()) keys.insert(keys.begin(), document.key);
  return keys;
}

stored::v1::StoredMail NoticesTest::Mail(const std::string& key) {
  stored::v1::StoredMail mail;
  EXPECT_TRUE(mail.ParseFromString(documents_->Find(kMails, key).value().value().content));
  return mail;
}

}  // namespace farebox::server
