#include "server/base/deck_registry.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/rating/deck_csv.h"
#include "storage/status_macros.h"

namespace farebox::server {

std::string LoadedDeck::RateId(const rating::RateRow& row) const {
  return absl::StrCat(version.name, "@", version.version, ":", row.line);
}

absl::Status DeckRegistry::Load(CatalogReader& catalog) {
  FAREBOX_ASSIGN_OR_RETURN(const std::vector<DeckVersion> versions, catalog.ListDecks());
  absl::flat_hash_map<std::string, DeckVersion> newest;
  for (const DeckVersion& version : versions) {
    DeckVersion& kept = newest[version.name];
    if (version.version > kept.version) kept = version;
  }
  for (const auto& [name, version] : newest) {
    // What was loaded from the catalog before is not read again.
    const std::shared_ptr<const LoadedDeck> loaded = Find(name);
    if (loaded != nullptr && loaded->version == version) continue;
    rating::DeckCsvParser parser;
    FAREBOX_RETURN_IF_ERROR(catalog.ReadDeck(version.id, [&](absl::string_view csv) {
      parser.Feed(csv);
      return true;
    }));
    rating::DeckCsvParser::Result result = std::move(parser).Finish();
    if (result.deck == nullptr) {
      const std::string problem =
          result.errors.empty() ? "it is incomplete" : rating::ToString(result.errors[0]);
      return absl::DataLossError(
          absl::StrCat("rate deck ", name, "@", version.version, ": ", problem));
    }
    Put({.version = version, .rates = std::move(result.deck)});
  }
  return absl::OkStatus();
}

void DeckRegistry::Put(LoadedDeck deck) {
  auto loaded = std::make_shared<const LoadedDeck>(std::move(deck));
  MutexLock lock(&mu_);
  std::shared_ptr<const LoadedDeck>& current = decks_[loaded->version.name];
  if (current == nullptr || current->version.version < loaded->version.version) {
    // What is replaced is freed outside the lock, unless somebody still uses it.
    current.swap(loaded);
  }
}

std::shared_ptr<const LoadedDeck> DeckRegistry::Find(absl::string_view name) const {
  MutexLock lock(&mu_);
  const auto found = decks_.find(name);
  return found == decks_.end() ? nullptr : found->second;
}

}  // namespace farebox::server
