#ifndef FAREBOX_SERVER_SERVICES_QUOTE_H_
#define FAREBOX_SERVER_SERVICES_QUOTE_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "farebox/v1/billing.pb.h"
#include "server/base/deck_registry.h"
#include "storage/ledger.h"

namespace farebox::server {

struct QuoteSources {
  const Ledger* ledger;
  const DeckRegistry* decks;
  absl::Time now;
};

// The price of a usage, every step of it, and what an account could pay for. Moves nothing.
absl::Status FillQuote(const QuoteSources& sources, const v1::QuoteRequest& request,
                       v1::QuoteResponse* response);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_QUOTE_H_
