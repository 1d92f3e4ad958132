#include "storage/urgency.h"

#include <array>
#include <variant>

namespace farebox {

absl::string_view UrgencyName(Urgency urgency) {
  static constexpr std::array<absl::string_view, kUrgencies> kNames = {"begins", "goes_on", "reads",
                                                                       "ends"};
  return kNames[static_cast<size_t>(urgency)];
}

Urgency UrgencyOf(const Command& command) {
  if (std::holds_alternative<SettleHold>(command.action) ||
      std::holds_alternative<ReleaseHold>(command.action)) {
    return Urgency::kEnds;
  }
  if (const Debit* const debit = std::get_if<Debit>(&command.action)) {
    return debit->has_left ? Urgency::kEnds : Urgency::kBegins;
  }
  return std::holds_alternative<PlaceHold>(command.action) ? Urgency::kBegins : Urgency::kGoesOn;
}

}  // namespace farebox
