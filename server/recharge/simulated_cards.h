#ifndef FAREBOX_SERVER_RECHARGE_SIMULATED_CARDS_H_
#define FAREBOX_SERVER_RECHARGE_SIMULATED_CARDS_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace farebox::server {

// A card that the simulated provider knows by its token. The tokens are those that Stripe documents
// for testing and mean the same there, but for the two that play a bad network.
struct SimulatedCard {
  enum class Outcome {
    kApproved,
    // With `decline_code`.
    kDeclined,
    // The bank wants the customer. After the confirmation it is declined with `decline_code`;
    // approved where there is none.
    kActionRequired,
    // Approved at once, told late.
    kSlow,
    // Approved; the answer to the first delivery is lost.
    kAnswerLost,
  };
  absl::string_view token;
  absl::string_view brand;
  absl::string_view last_four;
  Outcome outcome = Outcome::kApproved;
  absl::string_view decline_code;
};

// Null where there is none. Stripe has some tokens with and without the brand: of
// "pm_card_visa_chargeDeclined" the brand is left out.
const SimulatedCard* FindSimulatedCard(absl::string_view token);

absl::Span<const SimulatedCard> SimulatedCards();

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_SIMULATED_CARDS_H_
