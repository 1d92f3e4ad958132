#include "server/services/quote.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/base/account_settings.h"
#include "server/base/limits.h"
#include "server/rating/tariff.h"
#include "server/services/fields.h"
#include "server/services/pricing.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// Who is asking, as far as a price depends on it.
struct Payer {
  Match match;
  // Absent where a deck is asked for, not an account.
  std::optional<Micros> available;
};

absl::StatusOr<Payer> FindPayer(const QuoteSources& sources, const v1::QuoteRequest& request) {
  switch (request.deck_of_case()) {
    case v1::QuoteRequest::kAccountId: {
      FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
      FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account,
                               sources.ledger->FindAccount(request.account_id()));
      return Payer{.match = FindRate(*sources.decks, SettingsOf(*account.settings), request.usage(),
                                     sources.now),
                   .available = account.state.available()};
    }
    case v1::QuoteRequest::kDeck: {
      FAREBOX_RETURN_IF_ERROR(CheckDeckName(request.deck()));
      std::shared_ptr<const LoadedDeck> deck = sources.decks->Find(request.deck());
      if (deck == nullptr) return error::DeckNotFound(request.deck());
      return Payer{.match = FindRate(std::move(deck), request.usage(), sources.now)};
    }
    case v1::QuoteRequest::DECK_OF_NOT_SET:
      break;
  }
  return error::FieldInvalid("deck_of", "needs either account_id or deck");
}

absl::string_view Describe(rating::PriceStep::Kind kind) {
  switch (kind) {
    case rating::PriceStep::Kind::kAttemptFee:
      return "fee of a call that is not answered";
    case rating::PriceStep::Kind::kConnectFee:
      return "fee for connecting";
    case rating::PriceStep::Kind::kFirstBlock:
      return "seconds of the first block";
    case rating::PriceStep::Kind::kNextBlocks:
      return "seconds of the blocks after it";
    case rating::PriceStep::Kind::kUnits:
      return "units";
    case rating::PriceStep::Kind::kRounding:
      return "rounding up to a micro";
  }
  return "";
}

// In nanos times 60: a second of a rate in nanos a minute is a whole number of those.
std::string Exact(const rating::ExactAmount& amount) {
  std::ostringstream out;
  out << absl::int128(amount.whole.value()) * 60'000 + amount.sixty_thousandths;
  return out.str();
}

void FillSteps(const std::vector<rating::PriceStep>& steps, const rating::Tariff& tariff,
               v1::QuoteResponse* response) {
  for (const rating::PriceStep& step : steps) {
    const bool is_units = step.kind == rating::PriceStep::Kind::kUnits;
    v1::PriceStep* const out = response->add_steps();
    out->set_description(std::string(Describe(step.kind)));
    out->set_quantity(step.quantity);
    out->set_rate_nanos(is_units ? tariff.unit_fee.value() * 1000 : step.rate_nanos_per_minute);
    out->set_exact_nanos_times_60(Exact(step.amount));
  }
}

bool CanPay(std::optional<Micros> available, Micros price) {
  return price.is_zero() || (available.has_value() && price <= *available);
}

absl::Status FillCall(const rating::Tariff& tariff, int64_t seconds,
                      std::optional<Micros> available, v1::QuoteResponse* response) {
  if (available.has_value()) {
    const std::optional<rating::Grant> grant =
        rating::LongestAffordable(tariff, *available, limits::kRequestedSecondsMax);
    response->set_affordable_seconds(grant.has_value() ? grant->seconds : 0);
    response->set_affordable(grant.has_value());
  }
  if (seconds == 0) return absl::OkStatus();

  const std::optional<Micros> price = rating::PriceOfCallRoundedUp(tariff, seconds);
  const auto steps = rating::ExplainPriceOfCall(tariff, seconds);
  if (!price.has_value() || !steps.has_value()) return error::AmountOverflow("", "seconds");
  response->set_amount_micros(price->value());
  response->set_billed_seconds(rating::BilledSeconds(tariff, seconds).value_or(0));
  // As Authorize has it: a call that nobody answers costs the attempt.
  response->set_affordable(CanPay(available, std::max(*price, tariff.attempt_fee)));
  FillSteps(*steps, tariff, response);
  return absl::OkStatus();
}

absl::Status FillUnits(const rating::Tariff& tariff, int32_t units, std::optional<Micros> available,
                       v1::QuoteResponse* response) {
  const std::optional<Micros> price = rating::PriceOfUnits(tariff, units);
  const auto steps = rating::ExplainPriceOfUnits(tariff, units);
  if (!price.has_value() || !steps.has_value()) return error::AmountOverflow("", "usage");
  response->set_amount_micros(price->value());
  response->set_affordable(CanPay(available, *price));
  FillSteps(*steps, tariff, response);
  return absl::OkStatus();
}

}  // namespace

absl::Status FillQuote(const QuoteSources& sources, const v1::QuoteRequest& request,
                       v1::QuoteResponse* response) {
  FAREBOX_RETURN_IF_ERROR(CheckUsage(request.usage()));
  const bool is_call = request.usage().has_call();
  FAREBOX_RETURN_IF_ERROR(CheckSeconds(
      request.seconds(), {.min = 0, .max = is_call ? limits::kUsedSecondsMax : 0}, "seconds"));
  FAREBOX_ASSIGN_OR_RETURN(const Payer payer, FindPayer(sources, request));
  if (payer.match.refusal != Reason::kNone) {
    return error::Declined(request.account_id(), payer.match.refusal,
                           RefusedUseOf(request.usage()));
  }

  const rating::Tariff& tariff = payer.match.row->tariff;
  FillPrice(*payer.match.deck, *payer.match.row, response->mutable_price());
  if (is_call) return FillCall(tariff, request.seconds(), payer.available, response);
  const int32_t units = UnitsOf(request.usage());
  if (request.usage().has_text()) response->set_segments(units);
  return FillUnits(tariff, units, payer.available, response);
}

}  // namespace farebox::server
