#ifndef FAREBOX_SERVER_BASE_DECK_REGISTRY_H_
#define FAREBOX_SERVER_BASE_DECK_REGISTRY_H_

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/rating/rate_deck.h"
#include "storage/catalog.h"
#include "storage/mutex.h"

namespace farebox::server {

// A version of a rate deck, ready to be asked. Immutable.
struct LoadedDeck {
  DeckVersion version;
  std::shared_ptr<const rating::RateDeck> rates;

  // Names a rate for good: deck@version:line.
  std::string RateId(const rating::RateRow& row) const;
};

// The rate decks in force, by name: for each the newest version. Who has asked for a deck keeps
// that version as long as it needs it, whatever is imported meanwhile. Thread-safe.
class DeckRegistry {
 public:
  // Loads the newest version of every deck of the catalog.
  absl::Status Load(CatalogReader& catalog);

  // Puts the deck in force, unless there is a newer version of it already.
  void Put(LoadedDeck deck);

  // Null where there is no such deck.
  std::shared_ptr<const LoadedDeck> Find(absl::string_view name) const;

 private:
  mutable Mutex mu_;
  absl::flat_hash_map<std::string, std::shared_ptr<const LoadedDeck>> decks_ ABSL_GUARDED_BY(mu_);
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_DECK_REGISTRY_H_
