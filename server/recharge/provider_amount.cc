#include "server/recharge/provider_amount.h"

#include <string>

#include "absl/strings/ascii.h"

namespace farebox::server {
namespace {

struct Unit {
  int64_t micros;
  // Amounts are multiples of this many units.
  int64_t step;
};

constexpr Unit kHundredth = {.micros = 10'000, .step = 1};
constexpr Unit kWhole = {.micros = 1'000'000, .step = 1};
// The card networks drop the third decimal, so that it has to be 0.
constexpr Unit kThousandth = {.micros = 1'000, .step = 10};
// Written with two decimals, though there are none.
constexpr Unit kWholeAsHundredths = {.micros = 10'000, .step = 100};

struct OddCurrency {
  absl::string_view code;
  std::optional<Unit> unit;
};

constexpr OddCurrency kOddCurrencies[] = {
    {"BIF", kWhole},
    {"CLP", kWhole},
    {"DJF", kWhole},
    {"GNF", kWhole},
    {"JPY", kWhole},
    {"KMF", kWhole},
    {"KRW", kWhole},
    {"MGA", kWhole},
    {"PYG", kWhole},
    {"RWF", kWhole},
    {"VND", kWhole},
    {"VUV", kWhole},
    {"XAF", kWhole},
    {"XOF", kWhole},
    {"XPF", kWhole},
    {"BHD", kThousandth},
    {"JOD", kThousandth},
    {"KWD", kThousandth},
    {"OMR", kThousandth},
    {"TND", kThousandth},
    {"ISK", kWholeAsHundredths},
    // The provider's own pages have it both as a whole unit and as hundredths. A guess would be
    // wrong by a factor of a hundred.
    {"UGX", std::nullopt},
};

struct Least {
  absl::string_view code;
  int64_t micros;
};

// https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
constexpr Least kLeastCharges[] = {
    {"AED", 2'000'000}, {"AUD", 500'000},    {"BGN", 1'000'000},  {"BRL", 500'000},
    {"CAD", 500'000},   {"CHF", 500'000},    {"CZK", 15'000'000}, {"DKK", 2'500'000},
    {"EUR", 500'000},   {"GBP", 300'000},    {"HKD", 4'000'000},  {"HUF", 175'000'000},
    {"INR", 500'000},   {"JPY", 50'000'000}, {"MXN", 10'000'000}, {"MYR", 2'000'000},
    {"NOK", 3'000'000}, {"NZD", 500'000},    {"PLN", 2'000'000},  {"RON", 2'000'000},
    {"SEK", 3'000'000}, {"SGD", 500'000},    {"THB", 10'000'000}, {"USD", 500'000},
};

std::optional<Unit> UnitOf(absl::string_view currency_code) {
  if (currency_code.size() != 3) return std::nullopt;
  const std::string upper = absl::AsciiStrToUpper(currency_code);
  for (const char letter : upper) {
    if (!absl::ascii_isupper(static_cast<unsigned char>(letter))) return std::nullopt;
  }
  for (const OddCurrency& odd : kOddCurrencies) {
    if (odd.code == upper) return odd.unit;
  }
  return kHundredth;
}

}  // namespace

std::optional<int64_t> ToProviderUnits(Micros amount, absl::string_view currency_code) {
  const std::optional<Unit> unit = UnitOf(currency_code);
  if (!unit.has_value() || amount.is_negative()) return std::nullopt;
  if (amount.value() % (unit->micros * unit->step) != 0) return std::nullopt;
  return amount.value() / unit->micros;
}

std::optional<Micros> ChargeStep(absl::string_view currency_code) {
  const std::optional<Unit> unit = UnitOf(currency_code);
  if (!unit.has_value()) return std::nullopt;
  return Micros(unit->micros * unit->step);
}

std::optional<Micros> LeastCharge(absl::string_view currency_code) {
  const std::string upper = absl::AsciiStrToUpper(currency_code);
  for (const Least& least : kLeastCharges) {
    if (least.code == upper) return Micros(least.micros);
  }
  return ChargeStep(currency_code);
}

std::optional<Micros> FromProviderUnits(int64_t units, absl::string_view currency_code) {
  const std::optional<Unit> unit = UnitOf(currency_code);
  int64_t micros = 0;
  if (!unit.has_value() || units < 0) return std::nullopt;
  if (__builtin_mul_overflow(units, unit->micros, &micros)) return std::nullopt;
  return Micros(micros);
}

}  // namespace farebox::server
