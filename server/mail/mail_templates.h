#ifndef FAREBOX_SERVER_MAIL_MAIL_TEMPLATES_H_
#define FAREBOX_SERVER_MAIL_MAIL_TEMPLATES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "server/mail/mail.h"
#include "storage/micros.h"

// What customers are told by mail, one struct and one Write() for each kind.
//
// Any bytes may stand in the parameters: they are shown as text, and the mail passes CheckMail
// where `to` and `message_id` do. Pure functions: the same parameters make the same mail.
namespace farebox::mail {

// What every mail of an account needs.
struct Letterhead {
  std::string to;
  std::string message_id;
  std::string account_id;
  // ISO 4217. Amounts are shown in its decimals.
  std::string currency_code;
  // IANA. Times are shown in it; in UTC where it is empty or not known.
  std::string time_zone;
  // Who writes: the operator, as customers know it. May be empty.
  std::string sender_name;
  // Where the customer sees to cards and settings. May be empty.
  std::string account_url;
};

// A card as far as it may be known.
struct Card {
  std::string brand;
  std::string last_four;
};

// An automatic charge was refused.
struct RechargeFailed {
  Micros amount;
  Card card;
  // In plain words, e.g. "the card has not enough money".
  std::string reason;
  // Absent: the bank has refused this card for good, and the other one is charged at once.
  std::optional<absl::Time> next_attempt_time;
};
Mail Write(const Letterhead& head, const RechargeFailed& what);

// The bank wants the customer to confirm a payment.
struct ActionRequired {
  Micros amount;
  Card card;
  std::string confirm_url;
};
Mail Write(const Letterhead& head, const ActionRequired& what);

// Auto-recharge stopped, until the customer switches it on.
struct RechargeSwitchedOff {
  std::string reason;  // In plain words.
};
Mail Write(const Letterhead& head, const RechargeSwitchedOff& what);

// A charge was not made because there were as many as allowed on this day.
struct DailyCapReached {
  int64_t charges_max = 0;
  absl::Time resume_time;
};
Mail Write(const Letterhead& head, const DailyCapReached& what);

// A charge was not made because this month's would have come to more than allowed.
struct MonthlyCapReached {
  Micros sum_max;
  absl::Time resume_time;
};
Mail Write(const Letterhead& head, const MonthlyCapReached& what);

// The balance is low, and nothing recharges it by itself.
struct LowBalance {
  Micros available;
  Micros threshold;
};
Mail Write(const Letterhead& head, const LowBalance& what);

// A card on file will soon be refused.
struct CardExpiring {
  Card card;
  int expiry_month = 0;  // 1 to 12.
  int expiry_year = 0;   // E.g. 2028.
};
Mail Write(const Letterhead& head, const CardExpiring& what);

// A number's month could not be paid.
struct NumberPastDue {
  enum class Cause { kLowBalance, kNoRate, kAccountSuspended, kAccountClosed };

  std::string number;  // E.164 with its +.
  Micros amount;       // Zero, and not shown, where there is no rate.
  Cause cause = Cause::kLowBalance;
  absl::Time release_time;
};
Mail Write(const Letterhead& head, const NumberPastDue& what);

// A number was taken back because it was not paid.
struct NumberReleased {
  std::string number;
  absl::Time release_time;
};
Mail Write(const Letterhead& head, const NumberReleased& what);

// A card was charged and the account credited.
struct Receipt {
  Micros amount;
  Micros balance_after;
  Card card;
  // Names the charge, for whoever asks about it.
  std::string recharge_id;
  absl::Time time;
};
Mail Write(const Letterhead& head, const Receipt& what);

}  // namespace farebox::mail

#endif  // FAREBOX_SERVER_MAIL_MAIL_TEMPLATES_H_
