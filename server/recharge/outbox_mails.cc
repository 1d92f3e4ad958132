#include "server/recharge/outbox_mails.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "farebox/stored/v1/mail.pb.h"
#include "server/account_settings.h"
#include "server/document_kinds.h"
#include "server/recharge/decline_codes.h"

namespace farebox::server {
namespace {

using stored::v1::PaymentProfile;
using stored::v1::RechargeAttempt;

absl::string_view NameOf(RechargeEvent event) {
  switch (event) {
    case RechargeEvent::kFailed:
      return "failed";
    case RechargeEvent::kActionRequired:
      return "action-required";
    case RechargeEvent::kSwitchedOff:
      return "switched-off";
    case RechargeEvent::kDailyCap:
      return "daily-cap";
    case RechargeEvent::kMonthlyCap:
      return "monthly-cap";
  }
  return "";
}

mail::Card CardOf(const RechargeAttempt& attempt) {
  return {.brand = attempt.card().brand(), .last_four = attempt.card().last_four()};
}

std::string ReasonOf(const RechargeAttempt& attempt) {
  if (attempt.decline_code().empty()) return attempt.message();
  return std::string(DescribeDecline(attempt.decline_code(), "").reason);
}

absl::Time NotBefore(const PaymentProfile& profile) {
  return absl::FromUnixMicros(profile.not_before_micros());
}

mail::RechargeFailed FailedOf(const PaymentProfile& profile, const RechargeAttempt& attempt,
                              absl::Time now) {
  mail::RechargeFailed failed = {.amount = Micros(attempt.amount_micros()),
                                 .card = CardOf(attempt),
                                 .reason = ReasonOf(attempt)};
  if (NotBefore(profile) > now) failed.next_attempt_time = NotBefore(profile);
  return failed;
}

}  // namespace

DocumentGroup OutboxMails::Write(RechargeEvent event, const AccountFacts& account,
                                 const PaymentProfile& profile, const RechargeAttempt* attempt,
                                 absl::Time now) const {
  const stored::v1::AccountSettings settings = SettingsOf(*account.settings);
  const std::string about = attempt == nullptr
                                ? absl::StrCat(account.account_id, "/", profile.cap_told())
                                : attempt->recharge_id();
  const std::string key = absl::StrCat("recharge/", about, "/", NameOf(event));
  const std::string& address = profile.auto_recharge().failure_email();
  if (address.empty()) return {};
  const mail::Letterhead head = {.to = address,
                                 .message_id = mail::MessageId(key, options_.sender_domain),
                                 .account_id = account.account_id,
                                 .currency_code = settings.currency_code(),
                                 .time_zone = settings.time_zone(),
                                 .sender_name = options_.sender_name,
                                 .account_url = options_.account_url};
  const v1::AutoRecharge& rules = profile.auto_recharge();
  mail::Mail mail;
  switch (event) {
    case RechargeEvent::kFailed:
      mail = mail::Write(head, FailedOf(profile, *attempt, now));
      break;
    case RechargeEvent::kActionRequired:
      mail = mail::Write(head, mail::ActionRequired{.amount = Micros(attempt->amount_micros()),
                                                    .card = CardOf(*attempt),
                                                    .confirm_url = attempt->action_url()});
      break;
    case RechargeEvent::kSwitchedOff:
      mail = mail::Write(head, mail::RechargeSwitchedOff{.reason = ReasonOf(*attempt)});
      break;
    case RechargeEvent::kDailyCap:
      mail = mail::Write(head, mail::DailyCapReached{.charges_max = rules.daily_charges_max(),
                                                     .resume_time = NotBefore(profile)});
      break;
    case RechargeEvent::kMonthlyCap:
      mail = mail::Write(head,
                         mail::MonthlyCapReached{.sum_max = Micros(rules.monthly_sum_max_micros()),
                                                 .resume_time = NotBefore(profile)});
      break;
  }
  stored::v1::StoredMail stored;
  stored.set_to(mail.to);
  stored.set_subject(mail.subject);
  stored.set_text(mail.text);
  stored.set_html(mail.html);
  stored.set_message_id(mail.message_id);
  return {{.kind = kMails,
           .key = key,
           .account = account.number,
           .due = now,
           .content = stored.SerializeAsString()}};
}

}  // namespace farebox::server
