#include "server/mail/amounts.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace farebox::mail {
namespace {

constexpr size_t kMicrosDecimals = 6;

struct Decimals {
  absl::string_view currency_code;
  size_t decimals;
};

// All of ISO 4217 that do not have two.
constexpr std::array kDecimals = {
    Decimals{"BHD", 3}, Decimals{"BIF", 0}, Decimals{"CLF", 4}, Decimals{"CLP", 0},
    Decimals{"DJF", 0}, Decimals{"GNF", 0}, Decimals{"IQD", 3}, Decimals{"ISK", 0},
    Decimals{"JOD", 3}, Decimals{"JPY", 0}, Decimals{"KMF", 0}, Decimals{"KRW", 0},
    Decimals{"KWD", 3}, Decimals{"LYD", 3}, Decimals{"OMR", 3}, Decimals{"PYG", 0},
    Decimals{"RWF", 0}, Decimals{"TND", 3}, Decimals{"UGX", 0}, Decimals{"UYI", 0},
    Decimals{"UYW", 4}, Decimals{"VND", 0}, Decimals{"VUV", 0}, Decimals{"XAF", 0},
    Decimals{"XOF", 0}, Decimals{"XPF", 0},
};

size_t DecimalsOf(absl::string_view currency_code) {
  const auto* const found = std::find_if(
      kDecimals.begin(), kDecimals.end(),
      [&](const Decimals& candidate) { return candidate.currency_code == currency_code; });
  return found == kDecimals.end() ? 2 : found->decimals;
}

// Towards less money, also below zero.
int64_t DivideRoundedDown(int64_t value, int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

}  // namespace

std::string FormatAmountRoundedDown(Micros amount, absl::string_view currency_code) {
  const size_t decimals = DecimalsOf(currency_code);
  int64_t micros_per_step = 1;
  for (size_t i = decimals; i < kMicrosDecimals; ++i) micros_per_step *= 10;
  const int64_t steps = DivideRoundedDown(amount.value(), micros_per_step);

  // At least a hundred micros are a step, so that there is always a positive counterpart.
  std::string digits = absl::StrCat(steps < 0 ? -steps : steps);
  if (digits.size() <= decimals) digits.insert(0, decimals + 1 - digits.size(), '0');
  if (decimals > 0) digits.insert(digits.size() - decimals, ".");
  return absl::StrCat(steps < 0 ? "-" : "", digits, " ", currency_code);
}

}  // namespace farebox::mail
