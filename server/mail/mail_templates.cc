#include "server/mail/mail_templates.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "server/mail/amounts.h"
#include "server/mail/letter.h"
#include "server/mail/limits.h"

namespace farebox::mail {
namespace {

constexpr absl::string_view kOnFile = "Your account";
constexpr absl::string_view kRefusedWhenEmpty =
    "Calls and messages are refused when the balance is used up.";

std::string FormatCard(const Card& card) {
  return absl::StrCat(card.brand, " ending in ", card.last_four);
}

// "1 March 2027, 14:05 (Europe/Berlin, UTC+01:00)": right for whoever reads it anywhere.
std::string FormatMoment(absl::Time time, absl::string_view zone_name) {
  absl::TimeZone zone = absl::UTCTimeZone();
  const bool is_known = !zone_name.empty() && absl::LoadTimeZone(zone_name, &zone);
  const std::string moment = absl::StrCat(absl::ToCivilDay(time, zone).day(),
                                          absl::FormatTime(" %B %Y, %H:%M", time, zone));
  if (!is_known || zone_name == "UTC") return absl::StrCat(moment, " UTC");
  return absl::StrCat(moment, " (", zone_name, ", UTC", absl::FormatTime("%Ez", time, zone), ")");
}

// A mail while it is written: it knows the account that it is about.
class Draft {
 public:
  Draft(const Letterhead& head, absl::string_view subject)
      : head_(head),
        subject_(OneLine(absl::StrCat(subject, " - account ", head.account_id), kSubjectBytesMax)),
        letter_(subject_) {}

  Draft& Say(absl::string_view text) {
    letter_.Say(text);
    return *this;
  }
  Draft& Fact(absl::string_view name, absl::string_view value) {
    letter_.Fact(name, value);
    return *this;
  }
  Draft& Fact(absl::string_view name, Micros amount) {
    return Fact(name, FormatAmountRoundedDown(amount, head_.currency_code));
  }
  Draft& Fact(absl::string_view name, const Card& card) { return Fact(name, FormatCard(card)); }
  Draft& Fact(absl::string_view name, absl::Time time) {
    return Fact(name, FormatMoment(time, head_.time_zone));
  }
  Draft& Link(absl::string_view label, absl::string_view url) {
    letter_.Link(label, url);
    return *this;
  }

  Mail Finish() {
    if (!head_.account_url.empty()) letter_.Link(kOnFile, head_.account_url);
    letter_.Say(absl::StrCat("This address gets the notices of the prepaid account ",
                             head_.account_id, "."));
    if (!head_.sender_name.empty()) letter_.Say(head_.sender_name);
    return {.to = head_.to,
            .subject = subject_,
            .text = letter_.Text(),
            .html = letter_.Html(),
            .message_id = head_.message_id};
  }

 private:
  const Letterhead& head_;
  const std::string subject_;
  Letter letter_;
};

std::string Amount(const Letterhead& head, Micros amount) {
  return FormatAmountRoundedDown(amount, head.currency_code);
}

absl::string_view WhyUnpaid(NumberPastDue::Cause cause) {
  switch (cause) {
    case NumberPastDue::Cause::kLowBalance:
      return "the balance is too low";
    case NumberPastDue::Cause::kNoRate:
      return "there is no price for it at present";
    case NumberPastDue::Cause::kAccountSuspended:
      return "the account is suspended";
    case NumberPastDue::Cause::kAccountClosed:
      return "the account is closed";
  }
  return "it was refused";
}

}  // namespace

Mail Write(const Letterhead& head, const RechargeFailed& what) {
  Draft draft(head, absl::StrCat("Recharge of ", Amount(head, what.amount), " failed"));
  draft.Say("Your card could not be charged, and the balance was not recharged.")
      .Fact("Account", head.account_id)
      .Fact("Amount", what.amount)
      .Fact("Card", what.card)
      .Fact("Reason", what.reason);
  if (what.next_attempt_time.has_value()) {
    draft.Fact("Next try", *what.next_attempt_time)
        .Say(
            "You need not do anything if the card will work then. To recharge sooner, put "
            "another card on file or choose to try again.");
  } else {
    draft.Fact("Next try", "at once, with your other card")
        .Say("Please replace this card: it is not tried again.");
  }
  return draft.Say(kRefusedWhenEmpty).Finish();
}

Mail Write(const Letterhead& head, const ActionRequired& what) {
  return Draft(head, absl::StrCat("Please confirm your payment of ", Amount(head, what.amount)))
      .Say("Your bank wants you to confirm a payment. Until then the balance is not recharged.")
      .Fact("Account", head.account_id)
      .Fact("Amount", what.amount)
      .Fact("Card", what.card)
      .Link("Confirm the payment", what.confirm_url)
      .Say(kRefusedWhenEmpty)
      .Finish();
}

Mail Write(const Letterhead& head, const RechargeSwitchedOff& what) {
  return Draft(head, "Auto-recharge is switched off")
      .Say("Your card is no longer charged by itself when the balance runs low.")
      .Fact("Account", head.account_id)
      .Fact("Reason", what.reason)
      .Say(
          "To switch it on, put a card on file that works, or choose to try again with the one "
          "that is there.")
      .Say(kRefusedWhenEmpty)
      .Finish();
}

Mail Write(const Letterhead& head, const DailyCapReached& what) {
  return Draft(head, "Auto-recharge paused: daily limit reached")
      .Say("The balance is low again, but your card has been charged as often today as you allow.")
      .Fact("Account", head.account_id)
      .Fact("Charges a day", absl::StrCat("at most ", what.charges_max))
      .Fact("Resumes", what.resume_time)
      .Say("To recharge sooner, pay by hand or raise the limit.")
      .Say(kRefusedWhenEmpty)
      .Finish();
}

Mail Write(const Letterhead& head, const MonthlyCapReached& what) {
  return Draft(head, "Auto-recharge paused: monthly limit reached")
      .Say(
          "The balance is low again, but one more charge would be above what you allow for a "
          "month.")
      .Fact("Account", head.account_id)
      .Fact("Charges a month", absl::StrCat("at most ", Amount(head, what.sum_max)))
      .Fact("Resumes", what.resume_time)
      .Say("To recharge sooner, pay by hand or raise the limit.")
      .Say(kRefusedWhenEmpty)
      .Finish();
}

Mail Write(const Letterhead& head, const LowBalance& what) {
  return Draft(head, absl::StrCat("Low balance: ", Amount(head, what.available), " left"))
      .Say("Your balance is low, and auto-recharge is not switched on.")
      .Fact("Account", head.account_id)
      .Fact("Left", what.available)
      .Fact("Notice below", what.threshold)
      .Say("To go on without a break, pay by hand or switch auto-recharge on.")
      .Say(kRefusedWhenEmpty)
      .Finish();
}

Mail Write(const Letterhead& head, const CardExpiring& what) {
  return Draft(head, absl::StrCat("Your card ", FormatCard(what.card), " expires soon"))
      .Say("A card on file expires soon and will then be refused.")
      .Fact("Account", head.account_id)
      .Fact("Card", what.card)
      .Fact("Expires", absl::StrFormat("end of %02d/%d", what.expiry_month, what.expiry_year))
      .Say("Please put a new card on file before then.")
      .Finish();
}

Mail Write(const Letterhead& head, const NumberPastDue& what) {
  Draft draft(head, absl::StrCat(what.number, " is past due"));
  draft
      .Say(absl::StrCat("A month of this number could not be paid, because ", WhyUnpaid(what.cause),
                        "."))
      .Fact("Account", head.account_id)
      .Fact("Number", what.number);
  if (what.amount.is_positive()) draft.Fact("Amount", what.amount);
  const bool is_money = what.cause == NumberPastDue::Cause::kLowBalance;
  return draft.Fact("Released on", what.release_time)
      .Say(absl::StrCat(
          "The payment is tried again every day. If it cannot be paid until then, the number is "
          "released and may go to somebody else. ",
          is_money ? "Please recharge the balance."
                   : "To keep it, please contact us: a recharge alone does not help."))
      .Finish();
}

Mail Write(const Letterhead& head, const NumberReleased& what) {
  return Draft(head, absl::StrCat(what.number, " was released"))
      .Say("This number could not be paid in time and no longer belongs to your account.")
      .Fact("Account", head.account_id)
      .Fact("Number", what.number)
      .Fact("Released on", what.release_time)
      .Say("It is charged no more. To get it back, buy it again while nobody else has.")
      .Finish();
}

Mail Write(const Letterhead& head, const Receipt& what) {
  return Draft(head, absl::StrCat("Receipt: ", Amount(head, what.amount), " added"))
      .Say("Your card was charged, and the balance recharged.")
      .Fact("Account", head.account_id)
      .Fact("Amount", what.amount)
      .Fact("Balance after", what.balance_after)
      .Fact("Card", what.card)
      .Fact("Time", what.time)
      .Fact("Reference", what.recharge_id)
      .Finish();
}

}  // namespace farebox::mail
