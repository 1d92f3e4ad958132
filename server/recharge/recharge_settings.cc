#include "server/recharge/recharge_settings.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/mail/amounts.h"
#include "server/mail/mail.h"
#include "server/recharge/limits.h"
#include "server/recharge/provider_amount.h"
#include "storage/errors.h"
#include "storage/limits.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

constexpr int64_t kMicrosOfUnit = 1'000'000;

constexpr char kAmountField[] = "auto_recharge.amount_micros";
constexpr char kThresholdField[] = "auto_recharge.threshold_micros";

absl::Status CheckMode(const v1::AutoRecharge& settings) {
  const bool is_known =
      settings.mode() == v1::RECHARGE_MODE_FIXED || settings.mode() == v1::RECHARGE_MODE_TARGET;
  if (is_known) return absl::OkStatus();
  return error::FieldInvalid("auto_recharge.mode", "must be FIXED or TARGET",
                             absl::StrCat(settings.mode()));
}

absl::Status CheckCurrency(absl::string_view field, absl::string_view currency_code) {
  if (ChargeStep(currency_code).has_value()) return absl::OkStatus();
  return error::AmountInvalid(field, absl::StrCat("no card can be charged in ", currency_code));
}

absl::Status CheckChargeable(absl::string_view field, Micros amount,
                             absl::string_view currency_code) {
  FAREBOX_RETURN_IF_ERROR(CheckCurrency(field, currency_code));
  if (!ToProviderUnits(amount, currency_code).has_value()) {
    const Micros step = ChargeStep(currency_code).value_or(Micros(1));
    return error::AmountInvalid(
        field,
        absl::StrCat("must be a multiple of ", mail::FormatAmountRoundedDown(step, currency_code)),
        amount);
  }
  const Micros least = LeastCharge(currency_code).value_or(Micros(1));
  if (amount >= least) return absl::OkStatus();
  return error::AmountInvalid(
      field,
      absl::StrCat("must be at least ", mail::FormatAmountRoundedDown(least, currency_code),
                   ", the least that the payment provider takes"),
      amount);
}

absl::Status CheckAmount(const v1::AutoRecharge& settings, const RechargeLimits& limits,
                         absl::string_view currency_code) {
  const Micros amount(settings.amount_micros());
  if (amount <= limits.amount_above) {
    return error::AmountInvalid(
        kAmountField,
        absl::StrCat("must be more than ",
                     mail::FormatAmountRoundedDown(limits.amount_above, currency_code)),
        amount);
  }
  if (amount > limits.charge_max) {
    return error::AmountInvalid(
        kAmountField,
        absl::StrCat("must be at most ",
                     mail::FormatAmountRoundedDown(limits.charge_max, currency_code)),
        amount);
  }
  // A target is a balance: only what is missing is charged.
  if (settings.mode() == v1::RECHARGE_MODE_TARGET) {
    return CheckCurrency(kAmountField, currency_code);
  }
  return CheckChargeable(kAmountField, amount, currency_code);
}

absl::Status CheckThreshold(const v1::AutoRecharge& settings, const RechargeLimits& limits,
                            absl::string_view currency_code) {
  const Micros threshold(settings.threshold_micros());
  if (threshold < limits.threshold_min) {
    return error::AmountInvalid(
        kThresholdField,
        absl::StrCat("must be at least ",
                     mail::FormatAmountRoundedDown(limits.threshold_min, currency_code)),
        threshold);
  }
  if (threshold > limits::kAmountMax) {
    return error::AmountInvalid(kThresholdField, "must be at most 1,000,000,000,000,000 micros",
                                threshold);
  }
  const bool is_target = settings.mode() == v1::RECHARGE_MODE_TARGET;
  if (is_target && settings.amount_micros() <= settings.threshold_micros()) {
    return error::AmountInvalid(kAmountField, "must be more than the threshold, as a target",
                                Micros(settings.amount_micros()));
  }
  return absl::OkStatus();
}

absl::Status CheckEmail(const v1::AutoRecharge& settings) {
  const absl::Status valid = mail::CheckAddress(settings.failure_email());
  if (valid.ok()) return valid;
  return error::FieldInvalid("auto_recharge.failure_email", valid.message());
}

absl::Status CheckCaps(const v1::AutoRecharge& settings) {
  if (settings.daily_charges_max() < 1 || settings.daily_charges_max() > limits::kDailyChargesMax) {
    return error::FieldInvalid("auto_recharge.daily_charges_max",
                               absl::StrCat("must be 1 to ", limits::kDailyChargesMax),
                               absl::StrCat(settings.daily_charges_max()));
  }
  const Micros sum_max(settings.monthly_sum_max_micros());
  if (sum_max < Micros(settings.amount_micros()) || sum_max > limits::kAmountMax) {
    return error::AmountInvalid("auto_recharge.monthly_sum_max_micros",
                                "must be at least the amount of one charge", sum_max);
  }
  return absl::OkStatus();
}

// Whether the amounts are left out, or those that are there.
bool KeepsAmounts(const v1::AutoRecharge& asked, const v1::AutoRecharge& stored) {
  const auto keeps = [](int64_t value, int64_t kept) { return value == 0 || value == kept; };
  return keeps(asked.mode(), stored.mode()) &&
         keeps(asked.amount_micros(), stored.amount_micros()) &&
         keeps(asked.threshold_micros(), stored.threshold_micros());
}

void KeepWhatIsLeftOut(const v1::AutoRecharge& stored, v1::AutoRecharge* settings) {
  settings->set_mode(stored.mode());
  settings->set_amount_micros(stored.amount_micros());
  settings->set_threshold_micros(stored.threshold_micros());
  if (settings->failure_email().empty()) settings->set_failure_email(stored.failure_email());
  if (settings->daily_charges_max() == 0) {
    settings->set_daily_charges_max(stored.daily_charges_max());
  }
  if (settings->monthly_sum_max_micros() == 0) {
    settings->set_monthly_sum_max_micros(stored.monthly_sum_max_micros());
  }
}

}  // namespace

const RechargeLimits& RechargeLimitTable::Of(absl::string_view currency_code) const {
  const auto found = by_currency.find(std::string(currency_code));
  return found == by_currency.end() ? others : found->second;
}

absl::Status AddRechargeLimits(absl::string_view text, RechargeLimitTable* table) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, absl::ByAnyChar("=:"));
  std::array<int64_t, 3> units{};
  bool is_valid = parts.size() == units.size() + 1 && parts[0].size() == 3 &&
                  std::all_of(parts[0].begin(), parts[0].end(), &absl::ascii_isupper);
  for (size_t i = 0; is_valid && i < units.size(); ++i) {
    is_valid = absl::SimpleAtoi(parts[i + 1], &units.at(i)) && units.at(i) >= 0 &&
               units.at(i) <= limits::kAmountMax.value() / kMicrosOfUnit;
  }
  if (!is_valid || units[2] <= units[0]) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text,
                     "\" is not CURRENCY=ABOVE:THRESHOLD:MOST in whole units, as in "
                     "JPY=5000:1000:90000"));
  }
  table->by_currency[std::string(parts[0])] = {.amount_above = Micros(units[0] * kMicrosOfUnit),
                                               .threshold_min = Micros(units[1] * kMicrosOfUnit),
                                               .charge_max = Micros(units[2] * kMicrosOfUnit)};
  return absl::OkStatus();
}

void CompleteAutoRecharge(v1::AutoRecharge* settings) {
  if (settings->mode() == v1::RECHARGE_MODE_UNSPECIFIED) {
    settings->set_mode(v1::RECHARGE_MODE_FIXED);
  }
  if (settings->daily_charges_max() == 0)
    settings->set_daily_charges_max(limits::kDailyChargesDefault);
  const bool has_amount =
      settings->amount_micros() > 0 &&
      settings->amount_micros() <= limits::kAmountMax.value() / limits::kMonthlyAmountsDefault;
  if (settings->monthly_sum_max_micros() == 0 && has_amount) {
    settings->set_monthly_sum_max_micros(limits::kMonthlyAmountsDefault *
                                         settings->amount_micros());
  }
  settings->clear_stopped_because();
  settings->clear_declines_in_a_row();
  settings->clear_next_attempt_time();
}

absl::Status CheckAutoRecharge(const v1::AutoRecharge& settings, const RechargeLimits& limits,
                               absl::string_view currency_code) {
  FAREBOX_RETURN_IF_ERROR(CheckMode(settings));
  FAREBOX_RETURN_IF_ERROR(CheckAmount(settings, limits, currency_code));
  FAREBOX_RETURN_IF_ERROR(CheckThreshold(settings, limits, currency_code));
  FAREBOX_RETURN_IF_ERROR(CheckEmail(settings));
  return CheckCaps(settings);
}

absl::StatusOr<v1::AutoRecharge> NewAutoRecharge(const v1::AutoRecharge& asked,
                                                 const v1::AutoRecharge& stored,
                                                 const RechargeLimits& limits,
                                                 absl::string_view currency_code) {
  v1::AutoRecharge settings = asked;
  const bool keeps_amounts = !asked.enabled() && KeepsAmounts(asked, stored);
  if (keeps_amounts) KeepWhatIsLeftOut(stored, &settings);
  CompleteAutoRecharge(&settings);
  if (!keeps_amounts) {
    FAREBOX_RETURN_IF_ERROR(CheckAutoRecharge(settings, limits, currency_code));
    return settings;
  }
  const bool keeps_email = settings.failure_email() == stored.failure_email();
  if (!keeps_email) FAREBOX_RETURN_IF_ERROR(CheckEmail(settings));
  FAREBOX_RETURN_IF_ERROR(CheckCaps(settings));
  return settings;
}

absl::Status CheckPayment(absl::string_view account_id, Micros amount, const RechargeLimits& limits,
                          absl::string_view currency_code) {
  FAREBOX_RETURN_IF_ERROR(CheckChargeable("amount_micros", amount, currency_code));
  if (amount <= limits.charge_max) return absl::OkStatus();
  const std::string most = mail::FormatAmountRoundedDown(limits.charge_max, currency_code);
  return error::RechargeLimit(account_id, absl::StrCat("at most ", most, " is charged at once"));
}

}  // namespace farebox::server
