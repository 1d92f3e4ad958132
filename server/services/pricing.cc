#include "server/services/pricing.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "server/rating/limits.h"
#include "server/rating/text_segments.h"
#include "server/services/fields.h"
#include "storage/check.h"

namespace farebox::server {
namespace {

// Whether the account itself calls or texts somebody.
bool GoesOut(const v1::Usage& usage) {
  switch (usage.kind_case()) {
    case v1::Usage::kCall:
      return usage.call().direction() == v1::DIRECTION_OUTBOUND;
    case v1::Usage::kText:
      return usage.text().direction() == v1::DIRECTION_OUTBOUND;
    case v1::Usage::kRingThrough:
      return true;
    case v1::Usage::kPhoneNumber:
    case v1::Usage::KIND_NOT_SET:
      break;
  }
  return false;
}

// Where a usage goes, which is what decides its tariff.
absl::string_view DestinationOf(const v1::Usage& usage) {
  switch (usage.kind_case()) {
    case v1::Usage::kCall:
      return usage.call().to();
    case v1::Usage::kText:
      return usage.text().to();
    case v1::Usage::kPhoneNumber:
      return usage.phone_number().number();
    case v1::Usage::kRingThrough:
      return usage.ring_through().to();
    case v1::Usage::KIND_NOT_SET:
      break;
  }
  return {};
}

// What a usage counts as. It has passed CheckUsage().
rating::Item RatedItem(const v1::Usage& usage) {
  switch (usage.kind_case()) {
    case v1::Usage::kCall:
      return usage.call().direction() == v1::DIRECTION_OUTBOUND ? rating::Item::kOutboundCall
                                                                : rating::Item::kInboundCall;
    case v1::Usage::kText:
      return usage.text().direction() == v1::DIRECTION_OUTBOUND ? rating::Item::kOutgoingText
                                                                : rating::Item::kIncomingText;
    case v1::Usage::kPhoneNumber:
      return usage.phone_number().kind() == v1::PhoneNumber::KIND_PURCHASE
                 ? rating::Item::kPhoneNumberPurchase
                 : rating::Item::kPhoneNumberRenewal;
    case v1::Usage::kRingThrough:
    case v1::Usage::KIND_NOT_SET:
      break;
  }
  FAREBOX_CHECK(usage.has_ring_through());
  return rating::Item::kRingThroughAttempt;
}

// Whether the account must not call or text there.
bool IsBlocked(const stored::v1::AccountSettings& settings, const v1::Usage& usage) {
  if (settings.blocked_prefixes().empty() || !GoesOut(usage)) return false;
  absl::string_view digits = DestinationOf(usage);
  const bool has_plus = absl::ConsumePrefix(&digits, "+");
  if (!IsDigits(digits)) return false;
  // A short code is no number: only the whole of it can be blocked.
  const bool is_short_code = !has_plus && digits.size() <= rating::kShortCodeDigitsMax;
  return std::any_of(settings.blocked_prefixes().begin(), settings.blocked_prefixes().end(),
                     [&](const std::string& prefix) {
                       return is_short_code ? digits == prefix : absl::StartsWith(digits, prefix);
                     });
}

}  // namespace

v1::Item ToProto(rating::Item item) {
  switch (item) {
    case rating::Item::kOutboundCall:
      return v1::ITEM_OUTBOUND_CALL;
    case rating::Item::kInboundCall:
      return v1::ITEM_INBOUND_CALL;
    case rating::Item::kOutgoingText:
      return v1::ITEM_OUTGOING_TEXT;
    case rating::Item::kIncomingText:
      return v1::ITEM_INCOMING_TEXT;
    case rating::Item::kPhoneNumberPurchase:
      return v1::ITEM_PHONE_NUMBER_PURCHASE;
    case rating::Item::kPhoneNumberRenewal:
      return v1::ITEM_PHONE_NUMBER_RENEWAL;
    case rating::Item::kRingThroughAttempt:
      return v1::ITEM_RING_THROUGH_ATTEMPT;
  }
  return v1::ITEM_UNSPECIFIED;
}

v1::Item ItemOf(const v1::Usage& usage) { return ToProto(RatedItem(usage)); }

error::RefusedUse RefusedUseOf(const v1::Usage& usage) {
  return {.available = std::nullopt,
          .needed = std::nullopt,
          .item = v1::Item_Name(ItemOf(usage)),
          .destination = std::string(DestinationOf(usage))};
}

int32_t UnitsOf(const v1::Usage& usage) {
  if (usage.has_call()) return 0;
  if (!usage.has_text()) return 1;
  if (usage.text().has_segments()) return usage.text().segments();
  const auto counted = rating::CountSegments(usage.text().body());
  // Protobuf lets only UTF-8 through.
  FAREBOX_CHECK(counted.has_value());
  return static_cast<int32_t>(counted->segments);
}

Match FindRate(const DeckRegistry& decks, const stored::v1::AccountSettings& settings,
               const v1::Usage& usage, absl::Time now) {
  if (IsBlocked(settings, usage)) return {.refusal = Reason::kDestinationBlocked};
  return FindRate(decks.Find(settings.deck()), usage, now);
}

Match FindRate(std::shared_ptr<const LoadedDeck> deck, const v1::Usage& usage, absl::Time now) {
  const rating::RateRow* const row =
      deck == nullptr ? nullptr : deck->rates->Lookup(RatedItem(usage), DestinationOf(usage), now);
  if (row == nullptr) return {.refusal = Reason::kNoRate};
  return {.deck = std::move(deck), .row = row};
}

void FillPrice(const LoadedDeck& deck, const rating::RateRow& row, v1::Price* price) {
  const rating::Tariff& tariff = row.tariff;
  price->set_prefix(row.prefix.data(), row.prefix.size());
  price->set_tariff_id(deck.RateId(row));
  price->set_connect_fee_micros(tariff.connect_fee.value());
  price->set_attempt_fee_micros(tariff.attempt_fee.value());
  price->set_unit_fee_micros(tariff.unit_fee.value());
  price->set_description(row.description.data(), row.description.size());
  if (!rating::IsCall(row.item)) return;
  price->set_rate_nanos_per_minute(tariff.rate_nanos_per_minute);
  price->set_initial_increment_seconds(tariff.initial_increment_seconds);
  price->set_increment_seconds(tariff.increment_seconds);
  price->set_rate_after_seconds(tariff.rate_after_seconds);
  price->set_rate_after_nanos_per_minute(tariff.rate_after_nanos_per_minute);
}

rating::Tariff TariffOf(const v1::Price& price) {
  return {.connect_fee = Micros(price.connect_fee_micros()),
          .attempt_fee = Micros(price.attempt_fee_micros()),
          .rate_nanos_per_minute = price.rate_nanos_per_minute(),
          .initial_increment_seconds = std::max(1, price.initial_increment_seconds()),
          .increment_seconds = std::max(1, price.increment_seconds()),
          .rate_after_seconds = price.rate_after_seconds(),
          .rate_after_nanos_per_minute = price.rate_after_nanos_per_minute(),
          .unit_fee = Micros(price.unit_fee_micros())};
}

void FillKeptUsage(const v1::Usage& usage, int32_t units, v1::Usage* kept) {
  if (!usage.has_text()) {
    *kept = usage;
    return;
  }
  v1::Text* const text = kept->mutable_text();
  text->set_direction(usage.text().direction());
  text->set_from(usage.text().from());
  text->set_to(usage.text().to());
  text->set_segments(units);
}

}  // namespace farebox::server
