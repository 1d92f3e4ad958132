#ifndef FAREBOX_SERVER_SERVICES_PRICING_H_
#define FAREBOX_SERVER_SERVICES_PRICING_H_

#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "farebox/stored/v1/stored.pb.h"
#include "farebox/v1/usage.pb.h"
#include "server/base/deck_registry.h"
#include "server/rating/item.h"
#include "server/rating/rate_deck.h"
#include "server/rating/tariff.h"
#include "storage/errors.h"

// From what is used to what it costs. Pure: knows decks and settings, not accounts' money.
namespace farebox::server {

v1::Item ToProto(rating::Item item);

// What a usage counts as. `usage` has passed CheckUsage().
v1::Item ItemOf(const v1::Usage& usage);

// What an error says of a usage that has no tariff or is blocked.
error::RefusedUse RefusedUseOf(const v1::Usage& usage);

// Segments, months or attempts; 0 for a call, which is priced by time.
int32_t UnitsOf(const v1::Usage& usage);

// The tariff for a usage, or why there is none.
struct Match {
  // DESTINATION_BLOCKED, NO_RATE, or kNone.
  Reason refusal = Reason::kNone;
  std::shared_ptr<const LoadedDeck> deck;
  // Lives as long as the deck; null where there is a refusal.
  const rating::RateRow* row = nullptr;
};
Match FindRate(const DeckRegistry& decks, const stored::v1::AccountSettings& settings,
               const v1::Usage& usage, absl::Time now);

// The same in a given deck, with nothing blocked. `deck` may be null.
Match FindRate(std::shared_ptr<const LoadedDeck> deck, const v1::Usage& usage, absl::Time now);

void FillPrice(const LoadedDeck& deck, const rating::RateRow& row, v1::Price* price);
rating::Tariff TariffOf(const v1::Price& price);

// What is kept of a usage: all but the text of a message, of which only its length is.
void FillKeptUsage(const v1::Usage& usage, int32_t units, v1::Usage* kept);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_PRICING_H_
