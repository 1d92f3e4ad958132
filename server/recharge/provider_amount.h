#ifndef FAREBOX_SERVER_RECHARGE_PROVIDER_AMOUNT_H_
#define FAREBOX_SERVER_RECHARGE_PROVIDER_AMOUNT_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "storage/micros.h"

namespace farebox::server {

// `amount` as Stripe writes it: in the currency's smallest unit, which is a hundredth for most, the
// unit itself for some (JPY), a thousandth for a few (KWD). Nothing where it is not a whole number
// of what can be charged, is negative, or where the currency is not surely known to be taken:
// nothing is ever rounded. The code may be written in either case.
std::optional<int64_t> ToProviderUnits(Micros amount, absl::string_view currency_code);

// What can be charged is a multiple of this. Nothing where the currency is not surely known to be
// taken.
std::optional<Micros> ChargeStep(absl::string_view currency_code);

// The least that Stripe takes in one charge, a multiple of the step. The step itself where Stripe
// names no least: what counts there is what the charge comes to in the currency of its payouts.
std::optional<Micros> LeastCharge(absl::string_view currency_code);

// The way back. Nothing where it is negative or does not fit.
std::optional<Micros> FromProviderUnits(int64_t units, absl::string_view currency_code);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_PROVIDER_AMOUNT_H_
