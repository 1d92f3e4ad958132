#ifndef FAREBOX_SERVER_RATING_ITEM_H_
#define FAREBOX_SERVER_RATING_ITEM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace farebox::rating {

// What can have a price. The order is that of rate decks.
enum class Item : uint8_t {
  kOutboundCall,
  kInboundCall,
  kOutgoingText,
  kIncomingText,
  kPhoneNumberPurchase,
  kPhoneNumberRenewal,
  kRingThroughAttempt,
};

inline constexpr std::array kItems = {
    Item::kOutboundCall,       Item::kInboundCall,         Item::kOutgoingText,
    Item::kIncomingText,       Item::kPhoneNumberPurchase, Item::kPhoneNumberRenewal,
    Item::kRingThroughAttempt,
};

// Calls are priced by time, every other item by the unit.
bool IsCall(Item item);

// The name in deck CSVs, e.g. "OUTBOUND_CALL".
absl::string_view ItemName(Item item);

// The item with exactly this name, or nothing.
std::optional<Item> ItemFromName(absl::string_view name);

}  // namespace farebox::rating

#endif  // FAREBOX_SERVER_RATING_ITEM_H_
