#include "server/services/rate_decks.h"

#include "absl/time/time.h"
#include "server/base/proto_time.h"
#include "server/services/pricing.h"

namespace farebox::server {

void FillRateDeck(const DeckVersion& version, bool is_current, v1::RateDeck* out) {
  out->set_deck(version.name);
  out->set_version(version.version);
  FillTime(version.import_time, out->mutable_import_time());
  out->set_rate_count(version.row_count);
  out->set_current(is_current);
}

void FillRate(const LoadedDeck& deck, const rating::RateRow& row, v1::Rate* out) {
  out->set_item(ToProto(row.item));
  FillPrice(deck, row, out->mutable_price());
  if (row.effective_from != absl::InfinitePast()) {
    FillTime(row.effective_from, out->mutable_effective_from());
  }
  if (row.effective_to != absl::InfiniteFuture()) {
    FillTime(row.effective_to, out->mutable_effective_to());
  }
}

}  // namespace farebox::server
