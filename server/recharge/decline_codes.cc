#include "server/recharge/decline_codes.h"

#include "server/recharge/payment_gateway.h"

namespace farebox::server {
namespace {

constexpr DeclineKind kSoft = DeclineKind::kSoft;
constexpr DeclineKind kHard = DeclineKind::kHard;

constexpr absl::string_view kRefused = "The bank refused the charge without giving a reason.";
constexpr absl::string_view kCallBank =
    "Please ask the bank that issued the card, or register another card.";
constexpr absl::string_view kOtherCard = "Please register another card.";
constexpr absl::string_view kWrongCard = "The card's details are not right.";
constexpr absl::string_view kEnterAgain =
    "Please register the card again with the details printed on it, or another one.";
constexpr absl::string_view kNoSuchUse = "The card does not allow this kind of payment.";
constexpr absl::string_view kTryLater =
    "There is nothing to do for now: we will try again. If it keeps failing, please register "
    "another card.";
constexpr absl::string_view kTestCard = "This is a test card, which cannot pay.";

constexpr Decline kDeclines[] = {
    // The money is not there just now.
    {"insufficient_funds", kSoft, "There is not enough money on the card.",
     "Please put money on it, or register another card. We will try again."},
    {"card_velocity_exceeded", kSoft, "The card has reached its limit.",
     "Please ask the bank that issued the card to raise it, or register another card."},
    {"withdrawal_count_limit_exceeded", kSoft, "The card has reached its limit.",
     "Please ask the bank that issued the card to raise it, or register another card."},

    // Nobody's fault, or nobody knows whose.
    {"generic_decline", kSoft, kRefused, kCallBank},
    {"card_declined", kSoft, kRefused, kCallBank},
    {"do_not_honor", kSoft, kRefused, kCallBank},
    {"call_issuer", kSoft, kRefused, kCallBank},
    {"no_action_taken", kSoft, kRefused, kCallBank},
    {"not_permitted", kSoft, kRefused, kCallBank},
    {"restricted_card", kSoft, kRefused, kCallBank},
    {"security_violation", kSoft, kRefused, kCallBank},
    {"approve_with_id", kSoft, "The bank could not approve the charge.", kTryLater},
    {"issuer_not_available", kSoft, "The bank could not be reached.", kTryLater},
    {"processing_error", kSoft, "Something went wrong on the way to the bank.", kTryLater},
    {"reenter_transaction", kSoft, "Something went wrong on the way to the bank.", kTryLater},
    {"try_again_later", kSoft, "The bank could not decide just now.", kTryLater},
    {"duplicate_transaction", kSoft, "The bank took the charge for one that it had just seen.",
     kTryLater},
    {"invalid_amount", kSoft, "The amount is more than the card allows at once.",
     "Please choose a smaller amount, or ask the bank that issued the card."},

    // The customer has to be there.
    {"authentication_required", kSoft, "The bank wants you to confirm the payment.",
     "Please open the link in this mail and follow the bank's instructions."},
    {"payment_intent_authentication_failure", kSoft, "The payment was not confirmed at the bank.",
     "Please try again and follow the bank's instructions, or register another card."},
    {kCancelledCode, kSoft, "The payment was given up.", "There is nothing to do."},

    // Not to be told more about: lost, stolen, or taken for fraud.
    {"lost_card", kHard, kRefused, kCallBank},
    {"stolen_card", kHard, kRefused, kCallBank},
    {"pickup_card", kHard, kRefused, kCallBank},
    {"fraudulent", kHard, kRefused, kCallBank},
    {"merchant_blacklist", kHard, kRefused, kCallBank},
    {"highest_risk_level", kHard, kRefused, kCallBank},

    // The bank, or the card's owner, wants no more of these.
    {"do_not_try_again", kHard, kRefused, kCallBank},
    {"transaction_not_allowed", kHard, kNoSuchUse, kCallBank},
    {"service_not_allowed", kHard, kNoSuchUse, kCallBank},
    {"card_not_supported", kHard, kNoSuchUse, kOtherCard},
    {"currency_not_supported", kHard, "The card cannot pay in this currency.", kOtherCard},
    {"revocation_of_all_authorizations", kHard, "The bank was told to stop these charges.",
     kCallBank},
    {"revocation_of_authorization", kHard, "The bank was told to stop these charges.", kCallBank},
    {"stop_payment_order", kHard, "The bank was told to stop these charges.", kCallBank},

    // The card as it is on file cannot pay.
    {"expired_card", kHard, "The card has expired.",
     "Please register the new one that the bank has sent, or another card."},
    {"invalid_account", kHard, "The card, or the account behind it, is not valid any more.",
     kCallBank},
    {"new_account_information_available", kHard,
     "The card, or the account behind it, is not valid any more.",
     "Please register the new card that the bank has sent, or another one."},
    {"incorrect_number", kHard, kWrongCard, kEnterAgain},
    {"invalid_number", kHard, kWrongCard, kEnterAgain},
    {"incorrect_cvc", kHard, kWrongCard, kEnterAgain},
    {"invalid_cvc", kHard, kWrongCard, kEnterAgain},
    {"incorrect_zip", kHard, kWrongCard, kEnterAgain},
    {"incorrect_address", kHard, kWrongCard, kEnterAgain},
    {"invalid_expiry_month", kHard, kWrongCard, kEnterAgain},
    {"invalid_expiry_year", kHard, kWrongCard, kEnterAgain},
    {"incorrect_pin", kHard, "The card can only pay with its PIN.", kOtherCard},
    {"invalid_pin", kHard, "The card can only pay with its PIN.", kOtherCard},
    {"pin_try_exceeded", kHard, "The card can only pay with its PIN.", kOtherCard},
    {"offline_pin_required", kHard, "The card can only pay with its PIN.", kOtherCard},
    {"online_or_offline_pin_required", kHard, "The card can only pay with its PIN.", kOtherCard},
    {"testmode_decline", kHard, kTestCard, kOtherCard},
    {"test_mode_live_card", kHard, "A real card cannot pay while payments are only tested.",
     kOtherCard},
    {"live_mode_test_card", kHard, kTestCard, kOtherCard},
};

}  // namespace

Decline DescribeDecline(absl::string_view decline_code, absl::string_view advice_code) {
  Decline decline = {.code = decline_code, .reason = kRefused, .advice = kCallBank};
  for (const Decline& known : kDeclines) {
    if (known.code == decline_code) decline = known;
  }
  // The caller's, which may be of no known code.
  decline.code = decline_code;
  if (advice_code == "do_not_try_again" || advice_code == "confirm_card_data") {
    decline.kind = kHard;
  }
  return decline;
}

absl::Span<const Decline> KnownDeclines() { return kDeclines; }

}  // namespace farebox::server
