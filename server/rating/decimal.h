#ifndef FAREBOX_SERVER_RATING_DECIMAL_H_
#define FAREBOX_SERVER_RATING_DECIMAL_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace farebox::rating {

// Reads a decimal such as "0.0123" exactly, in units of 10^-decimals: with 6 decimals, 12'300.
//
// Digits, and after a point one to `decimals` more; no sign, no exponent, no other separator.
// INVALID_ARGUMENT with a short reason where `text` is anything else or does not fit.
absl::StatusOr<int64_t> ParseDecimal(absl::string_view text, int decimals);

// What ParseDecimal reads as `value`, which must not be negative, in the fewest digits.
std::string FormatDecimal(int64_t value, int decimals);

}  // namespace farebox::rating

#endif  // FAREBOX_SERVER_RATING_DECIMAL_H_
