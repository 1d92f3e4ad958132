#ifndef FAREBOX_TOOLS_DRIVERS_DECK_PRICES_H_
#define FAREBOX_TOOLS_DRIVERS_DECK_PRICES_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/support/price_oracle.h"

namespace farebox::drivers {

// A line of the deck.
struct DeckRate {
  std::string prefix;
  price_oracle::CallPrice call;  // Of calls.
  int64_t unit_fee_micros = 0;   // Of everything else.
  absl::Time effective_from = absl::InfinitePast();
  absl::Time effective_to = absl::InfiniteFuture();
};

// The prices of a rate deck as a reader of its CSV would look them up: by trying every prefix from
// the longest down. Shares no code with the server's, so that the two can disagree.
class DeckPrices {
 public:
  static absl::StatusOr<DeckPrices> Parse(absl::string_view csv);

  // The rate that `item`, as OUTBOUND_CALL, has for `destination`; null where it has none.
  const DeckRate* Find(absl::string_view item, absl::string_view destination, absl::Time at) const;

 private:
  const DeckRate* FindPrefix(absl::string_view item, absl::string_view prefix, absl::Time at) const;

  std::map<std::pair<std::string, std::string>, std::vector<DeckRate>> rates_;  // Item and prefix.
};

}  // namespace farebox::drivers

#endif  // FAREBOX_TOOLS_DRIVERS_DECK_PRICES_H_
