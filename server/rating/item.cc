#include "server/rating/item.h"

#include "storage/check.h"

namespace farebox::rating {
namespace {

constexpr std::array<absl::string_view, kItems.size()> kNames = {
    "OUTBOUND_CALL",         "INBOUND_CALL",         "OUTGOING_TEXT",        "INCOMING_TEXT",
    "PHONE_NUMBER_PURCHASE", "PHONE_NUMBER_RENEWAL", "RING_THROUGH_ATTEMPT",
};

}  // namespace

bool IsCall(Item item) { return item == Item::kOutboundCall || item == Item::kInboundCall; }

absl::string_view ItemName(Item item) {
  const auto index = static_cast<size_t>(item);
  FAREBOX_CHECK(index < kNames.size());
  return kNames[index];
}

std::optional<Item> ItemFromName(absl::string_view name) {
  for (const Item item : kItems) {
    if (ItemName(item) == name) return item;
  }
  return std::nullopt;
}

}  // namespace farebox::rating
