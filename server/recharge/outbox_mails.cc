#include "server/recharge/outbox_mails.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "server/recharge/decline_codes.h"
#include "server/recharge/mail_address.h"

namespace farebox::server {
namespace {

using stored::v1::PaymentProfile;
using stored::v1::RechargeAttempt;

mail::Card CardOf(const RechargeAttempt& attempt) {
  return {.brand = attempt.card().brand(), .last_four = attempt.card().last_four()};
}

std::string ReasonOf(const RechargeAttempt& attempt) {
  if (attempt.decline_code().empty()) return attempt.message();
  return std::string(DescribeDecline(attempt.decline_code(), "").reason);
}

mail::RechargeFailed FailedOf(const PaymentProfile& profile, const RechargeAttempt& attempt,
                              absl::Time now) {
  mail::RechargeFailed failed = {.amount = Micros(attempt.amount_micros()),
                                 .card = CardOf(attempt),
                                 .reason = ReasonOf(attempt)};
  // No pause: another card is next.
  const absl::Time not_before = absl::FromUnixMicros(profile.not_before_micros());
  if (not_before > now) failed.next_attempt_time = not_before;
  return failed;
}

}  // namespace

DocumentGroup OutboxMails::Write(RechargeEvent event, const AccountFacts& account,
                                 const PaymentProfile& profile, const RechargeAttempt& attempt,
                                 absl::Time now) const {
  const std::string address = FailureAddressOf(account, profile);
  const std::string key = absl::StrCat("recharge/", attempt.recharge_id());
  switch (event) {
    case RechargeEvent::kFailed:
      return stationery_.Write(absl::StrCat(key, "/failed"), account, address,
                               FailedOf(profile, attempt, now), now);
    case RechargeEvent::kActionRequired:
      return stationery_.Write(absl::StrCat(key, "/action-required"), account, address,
                               mail::ActionRequired{.amount = Micros(attempt.amount_micros()),
                                                    .card = CardOf(attempt),
                                                    .confirm_url = attempt.action_url()},
                               now);
    case RechargeEvent::kSwitchedOff:
      return stationery_.Write(absl::StrCat(key, "/switched-off"), account, address,
                               mail::RechargeSwitchedOff{.reason = ReasonOf(attempt)}, now);
  }
  return {};
}

DocumentGroup OutboxMails::WriteCap(RechargeCap cap, const AccountFacts& account,
                                    const PaymentProfile& profile, absl::Time resume_time,
                                    absl::Time now) const {
  const std::string address = FailureAddressOf(account, profile);
  const std::string key = absl::StrCat("recharge/", account.account_id);
  const v1::AutoRecharge& rules = profile.auto_recharge();
  if (cap == RechargeCap::kDaily) {
    return stationery_.Write(
        absl::StrCat(key, "/", profile.cap_told(), "/daily-cap"), account, address,
        mail::DailyCapReached{.charges_max = rules.daily_charges_max(), .resume_time = resume_time},
        now);
  }
  return stationery_.Write(
      absl::StrCat(key, "/", profile.month_cap_told(), "/monthly-cap"), account, address,
      mail::MonthlyCapReached{.sum_max = Micros(rules.monthly_sum_max_micros()),
                              .resume_time = resume_time},
      now);
}

DocumentGroup OutboxMails::WriteCardDeleted(const AccountFacts& account,
                                            const PaymentProfile& profile, int64_t change,
                                            absl::Time now) const {
  return stationery_.Write(
      absl::StrCat("recharge/", account.account_id, "/", change, "/card-deleted"), account,
      FailureAddressOf(account, profile),
      mail::RechargeSwitchedOff{.reason = "the last card on file was deleted"}, now);
}

DocumentGroup OutboxMails::WriteReceipt(const AccountFacts& account, const PaymentProfile& profile,
                                        const RechargeAttempt& attempt, Micros balance_after,
                                        absl::Time now) const {
  if (!stationery_.options().receipts) return {};
  return stationery_.Write(absl::StrCat("recharge/", attempt.recharge_id(), "/receipt"), account,
                           OwnerAddressOf(account, profile),
                           mail::Receipt{.amount = Micros(attempt.amount_micros()),
                                         .balance_after = balance_after,
                                         .card = CardOf(attempt),
                                         .recharge_id = attempt.recharge_id(),
                                         .time = now},
                           now);
}

}  // namespace farebox::server
