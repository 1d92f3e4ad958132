#include "server/services/rate_service.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "server/base/account_settings.h"
#include "server/services/accounts.h"
#include "server/services/export_rates.h"
#include "server/services/fields.h"
#include "server/services/page_token.h"
#include "server/services/pricing.h"
#include "server/services/rate_decks.h"
#include "server/services/reader_call.h"
#include "server/services/unary_call.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

absl::StatusOr<std::shared_ptr<const LoadedDeck>> FindDeck(const Ledger& ledger,
                                                           const DeckRegistry& decks,
                                                           const v1::ListRatesRequest& request) {
  std::string name = request.deck();
  if (request.has_account_id()) {
    FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
    FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account, ledger.FindAccount(request.account_id()));
    name = SettingsOf(*account.settings).deck();
  } else if (request.has_deck()) {
    FAREBOX_RETURN_IF_ERROR(CheckDeckName(name));
  } else {
    return error::FieldInvalid("deck_of", "needs either account_id or deck");
  }
  std::shared_ptr<const LoadedDeck> deck = decks.Find(name);
  if (deck == nullptr) return error::DeckNotFound(name);
  return deck;
}

// Nothing for all of them.
absl::StatusOr<std::optional<rating::Item>> ReadItem(v1::Item item) {
  if (item == v1::ITEM_UNSPECIFIED) return std::nullopt;
  for (const rating::Item priced : rating::kItems) {
    if (ToProto(priced) == item) return priced;
  }
  return error::FieldInvalid("item", "must be one that decks have rates for", absl::StrCat(item));
}

absl::Status FillRates(const Ledger& ledger, const DeckRegistry& decks,
                       const v1::ListRatesRequest& request, v1::ListRatesResponse* response) {
  if (!request.prefix().empty() &&
      (!IsDigits(request.prefix()) || request.prefix().size() > limits::kNumberDigitsMax)) {
    return error::FieldInvalid("prefix",
                               absl::StrCat("must be digits, at most ", limits::kNumberDigitsMax),
                               request.prefix());
  }
  FAREBOX_ASSIGN_OR_RETURN(const std::optional<rating::Item> item, ReadItem(request.item()));
  FAREBOX_ASSIGN_OR_RETURN(const size_t page_size, ReadPageSize(request.page_size(), kPageSizes));
  FAREBOX_ASSIGN_OR_RETURN(const auto deck, FindDeck(ledger, decks, request));
  // A page of another version would have other rates at the same places.
  const std::string query =
      absl::StrCat("rates ", deck->version.id, " ", request.prefix(), " ", request.item());
  FAREBOX_ASSIGN_OR_RETURN(const int64_t first, ReadPageToken(request.page_token(), query, 0));

  const std::vector<const rating::RateRow*> rows = deck->rates->Page(
      {.item = item, .prefix = request.prefix()}, static_cast<uint32_t>(first), page_size + 1);
  for (size_t i = 0; i < rows.size() && i < page_size; ++i) {
    FillRate(*deck, *rows[i], response->add_rates());
  }
  if (rows.size() > page_size) {
    response->set_next_page_token(MakePageToken(query, rows[page_size]->ordinal));
  }
  return absl::OkStatus();
}

// A page of all versions, newest first.
absl::Status FillRateDecks(CatalogReader& catalog, const Page& page,
                           v1::ListRateDecksResponse* response) {
  FAREBOX_ASSIGN_OR_RETURN(std::vector<DeckVersion> versions, catalog.ListDecks());
  absl::flat_hash_map<std::string, int64_t> newest;
  for (const DeckVersion& version : versions) {
    int64_t& known = newest[version.name];
    known = std::max(known, version.version);
  }
  std::sort(versions.begin(), versions.end(),
            [](const DeckVersion& a, const DeckVersion& b) { return a.id > b.id; });
  std::erase_if(versions, [&](const DeckVersion& version) { return version.id >= page.before; });
  CutPage(page, &DeckVersion::id, &versions, response);
  for (const DeckVersion& version : versions) {
    FillRateDeck(version, version.version == newest[version.name], response->add_rate_decks());
  }
  return absl::OkStatus();
}

}  // namespace

RateService::RateService(const Parts& parts)
    : parts_(parts),
      importer_({.ledger = parts.ledger,
                 .decks = parts.decks,
                 .readers = parts.readers,
                 .clock = parts.environment.clock}),
      import_rates_(parts.environment, "farebox.v1.RateService/ImportRates"),
      list_rate_decks_(parts.environment, "farebox.v1.RateService/ListRateDecks"),
      list_rates_(parts.environment, "farebox.v1.RateService/ListRates"),
      export_rates_(parts.environment, "farebox.v1.RateService/ExportRates") {}

grpc::ServerReadReactor<grpc::ByteBuffer>* RateService::ImportRates(Context* context,
                                                                    Bytes* response) {
  return ServeImport(import_rates_, *context, &importer_, response);
}

grpc::ServerUnaryReactor* RateService::ListRateDecks(Context* context, const Bytes* request,
                                                     Bytes* response) {
  using Call = UnaryCall<v1::ListRateDecksRequest, v1::ListRateDecksResponse>;
  return Call::Serve(list_rate_decks_, *context, *request, response, [this](Call* call) {
    absl::StatusOr<Page> page = ReadPage(call->request(), "decks");
    if (!page.ok()) return call->Finish(page.status());
    AnswerOnReader(parts_.readers, call, [call, page = *std::move(page)](JournalReader& reader) {
      return FillRateDecks(reader.catalog(), page, call->response());
    });
  });
}

grpc::ServerUnaryReactor* RateService::ListRates(Context* context, const Bytes* request,
                                                 Bytes* response) {
  using Call = UnaryCall<v1::ListRatesRequest, v1::ListRatesResponse>;
  return Call::Serve(list_rates_, *context, *request, response, [this](Call* call) {
    call->Finish(FillRates(*parts_.ledger, *parts_.decks, call->request(), call->response()));
  });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* RateService::ExportRates(Context* context,
                                                                     const Bytes* request) {
  return ServeExport(export_rates_, *context, *request, *parts_.decks);
}

}  // namespace farebox::server
