#include "server/services/account_fields.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/limits.h"
#include "server/mail/mail.h"
#include "server/rating/utf8.h"
#include "server/services/card_number.h"
#include "server/services/currency_codes.h"
#include "server/services/fields.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

absl::Status CheckCurrency(const v1::Account& account) {
  const absl::string_view code = account.currency_code();
  if (IsCurrencyCode(code)) return absl::OkStatus();
  return error::FieldInvalid(
      "account.currency_code",
      "must be the ISO 4217 code of a currency in use, in capital letters, e.g. USD", code);
}

absl::Status CheckTimeZone(const v1::Account& account) {
  const absl::string_view name = account.time_zone();
  if (name.empty()) return absl::OkStatus();
  const bool is_name =
      name.size() <= limits::kTimeZoneBytesMax && std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '/' || c == '_' ||
               c == '+' || c == '-';
      });
  absl::TimeZone zone;
  if (is_name && name[0] != '/' && absl::LoadTimeZone(name, &zone)) return absl::OkStatus();
  return error::FieldInvalid("account.time_zone",
                             "must be the IANA name of a time zone, e.g. America/New_York", name);
}

absl::Status CheckDeck(const v1::Account& account) {
  if (account.deck().empty()) return absl::OkStatus();
  if (CheckDeckName(account.deck()).ok()) return absl::OkStatus();
  return error::FieldInvalid("account.deck", "must be the name of a rate deck", account.deck());
}

absl::Status CheckCreditLimit(const v1::Account& account) {
  const Micros limit(account.credit_limit_micros());
  if (!limit.is_negative() && limit <= limits::kAmountMax) return absl::OkStatus();
  return error::AmountInvalid("account.credit_limit_micros",
                              "must be 0 to 1,000,000,000,000,000 micros", limit);
}

absl::Status CheckLowBalanceThreshold(const v1::Account& account) {
  const Micros threshold(account.low_balance_threshold_micros());
  if (!threshold.is_negative() && threshold <= limits::kAmountMax) return absl::OkStatus();
  return error::AmountInvalid("account.low_balance_threshold_micros",
                              "must be 0 to 1,000,000,000,000,000 micros", threshold);
}

absl::Status CheckOpenHoldsMax(const v1::Account& account) {
  if (account.open_holds_max() >= 0 && account.open_holds_max() <= limits::kOpenHoldsMax) {
    return absl::OkStatus();
  }
  return error::FieldInvalid("account.open_holds_max",
                             absl::StrCat("must be 1 to ", limits::kOpenHoldsMax),
                             absl::StrCat(account.open_holds_max()));
}

absl::Status CheckEmail(const v1::Account& account) {
  if (account.email().empty()) return absl::OkStatus();
  const absl::Status valid = mail::CheckAddress(account.email());
  if (valid.ok()) return valid;
  return error::FieldInvalid("account.email", valid.message());
}

absl::Status CheckMetadata(const v1::Account& account) {
  if (account.metadata_size() > limits::kMetadataLabelsMax) {
    return error::FieldInvalid(
        "account.metadata", absl::StrCat("has more than ", limits::kMetadataLabelsMax, " labels"));
  }
  for (const auto& [key, value] : account.metadata()) {
    if (key.empty() || key.size() > limits::kMetadataLabelBytesMax ||
        value.size() > limits::kMetadataLabelBytesMax || !rating::IsPrintableUtf8(key) ||
        !rating::IsPrintableUtf8(value)) {
      return error::FieldInvalid(
          "account.metadata",
          absl::StrCat("keys must be 1 to ", limits::kMetadataLabelBytesMax,
                       " bytes and values at most as many, without control characters"));
    }
    if (HasCardNumber(key) || HasCardNumber(value)) {
      return error::FieldInvalid("account.metadata", "must not have a card's number in it");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckBlockedPrefixes(const v1::Account& account) {
  if (account.blocked_prefixes_size() > limits::kBlockedPrefixesMax) {
    return error::FieldInvalid(
        "account.blocked_prefixes",
        absl::StrCat("has more than ", limits::kBlockedPrefixesMax, " prefixes"));
  }
  for (const std::string& prefix : account.blocked_prefixes()) {
    if (!IsDigits(prefix) || prefix.size() > limits::kNumberDigitsMax) {
      return error::FieldInvalid(
          "account.blocked_prefixes",
          absl::StrCat("must be 1 to ", limits::kNumberDigitsMax, " digits each"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFailureHandling(const v1::Account& account) {
  if (v1::FailureHandling_IsValid(account.failure_handling())) return absl::OkStatus();
  return error::FieldInvalid("account.failure_handling", "is not one of the values known",
                             absl::StrCat(account.failure_handling()));
}

// What a caller may set, and may change later.
struct FieldRule {
  absl::string_view name;
  absl::Status (*check)(const v1::Account&);
};
constexpr std::array kRules = {
    FieldRule{"time_zone", CheckTimeZone},
    FieldRule{"deck", CheckDeck},
    FieldRule{"credit_limit_micros", CheckCreditLimit},
    FieldRule{"low_balance_threshold_micros", CheckLowBalanceThreshold},
    FieldRule{"open_holds_max", CheckOpenHoldsMax},
    FieldRule{"email", CheckEmail},
    FieldRule{"metadata", CheckMetadata},
    FieldRule{"blocked_prefixes", CheckBlockedPrefixes},
    FieldRule{"failure_handling", CheckFailureHandling},
};

}  // namespace

absl::Status CheckAccountField(const v1::Account& account, absl::string_view field) {
  for (const FieldRule& rule : kRules) {
    if (rule.name == field) return rule.check(account);
  }
  return error::FieldInvalid("update_mask", "names a field that cannot be changed", field);
}

absl::Status CheckNewAccount(const v1::Account& account) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(account.account_id(), "account.account_id"));
  FAREBOX_RETURN_IF_ERROR(CheckCurrency(account));
  for (const FieldRule& rule : kRules) FAREBOX_RETURN_IF_ERROR(rule.check(account));
  return absl::OkStatus();
}

}  // namespace farebox::server
