#ifndef FAREBOX_SERVER_SERVICES_RATE_DECKS_H_
#define FAREBOX_SERVER_SERVICES_RATE_DECKS_H_

#include "farebox/v1/rate.pb.h"
#include "server/base/deck_registry.h"
#include "server/rating/rate_deck.h"
#include "storage/catalog.h"

// Rate decks as the API shows them.
namespace farebox::server {

void FillRateDeck(const DeckVersion& version, bool is_current, v1::RateDeck* out);
void FillRate(const LoadedDeck& deck, const rating::RateRow& row, v1::Rate* out);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_RATE_DECKS_H_
