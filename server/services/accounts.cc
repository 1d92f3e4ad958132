#include "server/services/accounts.h"

#include <array>

#include "absl/status/statusor.h"
#include "server/base/account_settings.h"
#include "server/base/proto_time.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

using stored::v1::AccountSettings;

// How a field of the API gets into the terms or the settings.
struct FieldCopy {
  absl::string_view name;
  void (*copy)(const v1::Account&, AccountTerms*, AccountSettings*);
};
constexpr std::array kCopies = {
    FieldCopy{"time_zone",
              [](const v1::Account& account, AccountTerms*, AccountSettings* settings) {
                settings->set_time_zone(account.time_zone().empty() ? "UTC" : account.time_zone());
              }},
    FieldCopy{"deck", [](const v1::Account& account, AccountTerms*,
                         AccountSettings* settings) { settings->set_deck(account.deck()); }},
    FieldCopy{"credit_limit_micros",
              [](const v1::Account& account, AccountTerms* terms, AccountSettings*) {
                terms->credit_limit = Micros(account.credit_limit_micros());
              }},
    FieldCopy{"low_balance_threshold_micros",
              [](const v1::Account& account, AccountTerms* terms, AccountSettings*) {
                terms->low_balance_threshold = Micros(account.low_balance_threshold_micros());
              }},
    FieldCopy{"open_holds_max",
              [](const v1::Account& account, AccountTerms* terms, AccountSettings*) {
                terms->open_holds_max = account.open_holds_max() == 0 ? limits::kOpenHoldsMax
                                                                      : account.open_holds_max();
              }},
    FieldCopy{"email", [](const v1::Account& account, AccountTerms*,
                          AccountSettings* settings) { settings->set_email(account.email()); }},
    FieldCopy{"metadata",
              [](const v1::Account& account, AccountTerms*, AccountSettings* settings) {
                *settings->mutable_metadata() = account.metadata();
              }},
    FieldCopy{"blocked_prefixes",
              [](const v1::Account& account, AccountTerms*, AccountSettings* settings) {
                *settings->mutable_blocked_prefixes() = account.blocked_prefixes();
              }},
    FieldCopy{"failure_handling",
              [](const v1::Account& account, AccountTerms*, AccountSettings* settings) {
                settings->set_failure_handling(account.failure_handling());
              }},
};

void FillAccount(const AccountRecord& record, v1::Account* out) {
  const AccountSettings settings = SettingsOf(record.settings);
  out->set_account_id(record.account_id);
  out->set_currency_code(settings.currency_code());
  out->set_time_zone(settings.time_zone());
  out->set_deck(settings.deck());
  out->set_credit_limit_micros(record.terms.credit_limit.value());
  out->set_low_balance_threshold_micros(record.terms.low_balance_threshold.value());
  out->set_open_holds_max(record.terms.open_holds_max);
  out->set_email(settings.email());
  *out->mutable_metadata() = settings.metadata();
  *out->mutable_blocked_prefixes() = settings.blocked_prefixes();
  out->set_failure_handling(settings.failure_handling());
  out->set_state(ToProto(record.terms.status));
  FillTime(record.open_time, out->mutable_create_time());
}

}  // namespace

v1::AccountState ToProto(AccountStatus status) {
  switch (status) {
    case AccountStatus::kOpen:
      return v1::ACCOUNT_STATE_OPEN;
    case AccountStatus::kSuspended:
      return v1::ACCOUNT_STATE_SUSPENDED;
    case AccountStatus::kClosed:
      return v1::ACCOUNT_STATE_CLOSED;
  }
  return v1::ACCOUNT_STATE_UNSPECIFIED;
}

OpenAccount OpeningOf(const v1::Account& account) {
  OpenAccount open;
  AccountSettings settings;
  settings.set_currency_code(account.currency_code());
  for (const FieldCopy& field : kCopies) field.copy(account, &open.terms, &settings);
  open.settings = settings.SerializeAsString();
  return open;
}

void TakeField(const v1::Account& account, absl::string_view field, AccountRecord* record) {
  AccountSettings settings = SettingsOf(record->settings);
  for (const FieldCopy& copy : kCopies) {
    if (copy.name == field) copy.copy(account, &record->terms, &settings);
  }
  record->settings = settings.SerializeAsString();
}

void FillAccount(const AccountFacts& account, v1::Account* out) {
  FillAccount(AccountRecord{.account_id = account.account_id,
                            .terms = account.state.terms,
                            .open_time = account.open_time,
                            .settings = *account.settings},
              out);
}

absl::Status FillAccount(const Entry& entry, v1::Account* out) {
  FAREBOX_ASSIGN_OR_RETURN(const AccountRecord record, DecodeAccountRecord(entry.detail));
  FillAccount(record, out);
  return absl::OkStatus();
}

}  // namespace farebox::server
