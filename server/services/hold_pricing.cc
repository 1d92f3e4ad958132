#include "server/services/hold_pricing.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "farebox/stored/v1/stored.pb.h"
#include "server/base/limits.h"
#include "server/services/pricing.h"

namespace farebox::server {
namespace {

absl::Duration Lifetime(int64_t ttl_seconds, int64_t paid_seconds) {
  if (ttl_seconds > 0) return absl::Seconds(ttl_seconds);
  return std::min(absl::Seconds(paid_seconds) + limits::kHoldSlack, limits::kHoldLifetimeMax);
}

// Whether an account with `budget` could not pay for one second more than is granted.
bool IsLast(const rating::Tariff& tariff, Micros budget, int64_t granted_seconds) {
  const std::optional<Micros> longer = rating::PriceOfCallRoundedUp(tariff, granted_seconds + 1);
  return !longer.has_value() || (longer->is_positive() && *longer > budget);
}

HoldOffer OfferCall(const HoldRequest& request, Micros available) {
  const std::optional<rating::Grant> grant =
      rating::LongestAffordable(request.tariff, available, request.requested_seconds);
  if (!grant.has_value()) {
    return {.refusal = Reason::kInsufficientBalance, .detail = request.detail};
  }
  stored::v1::EntryDetail granted;
  granted.set_granted_seconds(grant->seconds);
  return {.amount = grant->amount,
          .final = IsLast(request.tariff, available, grant->seconds),
          .lifetime = Lifetime(request.ttl_seconds, grant->seconds),
          // Serialized messages that are joined are the message of all their fields.
          .detail = request.detail + granted.SerializeAsString()};
}

HoldOffer OfferUnits(const HoldRequest& request, Micros available) {
  const std::optional<Micros> price = rating::PriceOfUnits(request.tariff, request.units);
  if (!price.has_value() || (price->is_positive() && *price > available)) {
    return {.refusal = Reason::kInsufficientBalance, .detail = request.detail};
  }
  return {.amount = *price,
          .final = price->is_positive() && available.value() - price->value() < price->value(),
          .lifetime = Lifetime(request.ttl_seconds, 0),
          .detail = request.detail};
}

// The price of what was used, or nothing where it does not fit.
std::optional<Micros> PriceOf(const stored::v1::EntryDetail& detail, const HoldUse& use) {
  const rating::Tariff tariff = TariffOf(detail.price());
  if (!detail.usage().has_call()) return rating::PriceOfUnits(tariff, detail.units());
  const bool was_answered = use.used_seconds > 0;
  if (!was_answered && !use.final) return Micros();
  return rating::PriceOfCallRoundedUp(tariff, use.used_seconds);
}

// What cannot be priced: an amount that the ledger refuses, so that nothing is charged.
Charge Unpriced() { return {.amount = Micros::Max()}; }

// The detail of a hold's charge or end: what of the hold's own is still of interest.
std::string DetailOfCharge(stored::v1::EntryDetail detail) {
  detail.clear_granted_seconds();
  detail.clear_held_micros();
  detail.clear_failure_handling();
  return detail.SerializeAsString();
}

}  // namespace

HoldOffer OfferHold(const HoldRequest& request, Micros available) {
  if (request.refusal != Reason::kNone) {
    return {.refusal = request.refusal, .detail = request.detail};
  }
  return request.units == 0 ? OfferCall(request, available) : OfferUnits(request, available);
}

absl::StatusOr<HoldOffer> OfferExtension(const HoldExtension& extension, Micros budget,
                                         const Hold& hold) {
  stored::v1::EntryDetail detail;
  if (!detail.ParseFromString(hold.detail) || !detail.usage().has_call()) {
    // Only calls go on.
    return error::FieldInvalid("requested_seconds", "goes with holds of calls only",
                               absl::StrCat(extension.requested_seconds));
  }
  const rating::Tariff tariff = TariffOf(detail.price());
  const int64_t so_far = std::max(detail.granted_seconds(), extension.used_seconds);
  const std::optional<rating::Grant> grant =
      rating::LongestAffordable(tariff, budget, so_far + extension.requested_seconds);
  if (!grant.has_value() || grant->seconds <= so_far) {
    return HoldOffer{.refusal = Reason::kInsufficientBalance, .detail = hold.detail};
  }
  detail.set_granted_seconds(grant->seconds);
  detail.set_used_seconds(extension.used_seconds);
  // As the ledger will have it: an extension never gives anything back.
  detail.set_held_micros(
      std::max(hold.amount.value(), grant->amount.value() - hold.charged.value()));
  return HoldOffer{
      .amount = grant->amount,
      .final = IsLast(tariff, budget, grant->seconds),
      .lifetime = Lifetime(extension.ttl_seconds, grant->seconds - extension.used_seconds),
      .detail = detail.SerializeAsString()};
}

Charge PriceOfUse(const HoldUse& use, const Hold& hold) {
  stored::v1::EntryDetail detail;
  if (!detail.ParseFromString(hold.detail)) return Unpriced();
  const std::optional<Micros> price = PriceOf(detail, use);
  if (!price.has_value()) return Unpriced();

  if (detail.usage().has_call()) {
    const rating::Tariff tariff = TariffOf(detail.price());
    detail.set_used_seconds(use.used_seconds);
    detail.set_billed_seconds(rating::BilledSeconds(tariff, use.used_seconds).value_or(0));
  }
  detail.set_description(use.description);
  return {.amount = *price, .detail = DetailOfCharge(std::move(detail))};
}

Charge PriceOfRelease(const Hold& hold) {
  stored::v1::EntryDetail detail;
  if (!detail.ParseFromString(hold.detail)) return Unpriced();
  detail.clear_used_seconds();
  const Micros fee(detail.usage().has_call() ? detail.price().attempt_fee_micros() : 0);
  return {.amount = fee, .detail = DetailOfCharge(std::move(detail))};
}

int64_t ReauthorizeAfterSeconds(int64_t granted_seconds, bool final) {
  if (final) return 0;
  const int64_t margin = std::max(limits::kReauthorizeMarginSecondsMin, granted_seconds / 10);
  return granted_seconds - std::min(margin, (granted_seconds + 1) / 2);
}

}  // namespace farebox::server
