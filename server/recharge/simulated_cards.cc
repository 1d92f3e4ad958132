#include "server/recharge/simulated_cards.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace farebox::server {
namespace {

using Outcome = SimulatedCard::Outcome;

constexpr SimulatedCard kCards[] = {
    {"pm_card_visa", "visa", "4242"},
    {"pm_card_visa_debit", "visa", "5556"},
    {"pm_card_mastercard", "mastercard", "4444"},
    {"pm_card_mastercard_debit", "mastercard", "8210"},
    {"pm_card_mastercard_prepaid", "mastercard", "5100"},
    {"pm_card_amex", "amex", "0005"},
    {"pm_card_discover", "discover", "1117"},
    {"pm_card_diners", "diners", "0004"},
    {"pm_card_jcb", "jcb", "0505"},
    {"pm_card_unionpay", "unionpay", "0005"},

    {"pm_card_chargeDeclined", "visa", "0002", Outcome::kDeclined, "generic_decline"},
    {"pm_card_chargeCustomerFail", "visa", "0341", Outcome::kDeclined, "generic_decline"},
    {"pm_card_chargeDeclinedInsufficientFunds", "visa", "9995", Outcome::kDeclined,
     "insufficient_funds"},
    {"pm_card_chargeDeclinedLostCard", "visa", "9987", Outcome::kDeclined, "lost_card"},
    {"pm_card_chargeDeclinedStolenCard", "visa", "9979", Outcome::kDeclined, "stolen_card"},
    {"pm_card_chargeDeclinedExpiredCard", "visa", "0069", Outcome::kDeclined, "expired_card"},
    {"pm_card_chargeDeclinedIncorrectCvc", "visa", "0127", Outcome::kDeclined, "incorrect_cvc"},
    {"pm_card_chargeDeclinedProcessingError", "visa", "0119", Outcome::kDeclined,
     "processing_error"},
    {"pm_card_chargeDeclinedVelocityLimitExceeded", "visa", "6975", Outcome::kDeclined,
     "card_velocity_exceeded"},

    {"pm_card_authenticationRequired", "visa", "3184", Outcome::kActionRequired},
    {"pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", "visa", "3178",
     Outcome::kActionRequired, "insufficient_funds"},

    // Ours.
    {"pm_card_slow", "visa", "1001", Outcome::kSlow},
    {"pm_card_answerLost", "visa", "1002", Outcome::kAnswerLost},
};

}  // namespace

const SimulatedCard* FindSimulatedCard(absl::string_view token) {
  std::string without_brand;
  absl::string_view rest = token;
  if (absl::ConsumePrefix(&rest, "pm_card_visa_charge")) {
    without_brand = absl::StrCat("pm_card_charge", rest);
    token = without_brand;
  }
  for (const SimulatedCard& card : kCards) {
    if (card.token == token) return &card;
  }
  return nullptr;
}

absl::Span<const SimulatedCard> SimulatedCards() { return kCards; }

}  // namespace farebox::server
