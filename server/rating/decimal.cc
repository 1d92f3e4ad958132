#include "server/rating/decimal.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "storage/check.h"

namespace farebox::rating {
namespace {

bool IsDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

}  // namespace

absl::StatusOr<int64_t> ParseDecimal(absl::string_view text, int decimals) {
  FAREBOX_CHECK(decimals >= 0);
  const size_t point = text.find('.');
  const absl::string_view whole = text.substr(0, point);
  absl::string_view fraction;
  if (point != absl::string_view::npos) fraction = text.substr(point + 1);
  if (!IsDigits(whole) || (point != absl::string_view::npos && !IsDigits(fraction))) {
    return absl::InvalidArgumentError("must be a decimal number such as 0.0123");
  }
  const auto places = static_cast<size_t>(decimals);
  if (fraction.size() > places) {
    return absl::InvalidArgumentError(absl::StrCat("has more than ", decimals, " decimals"));
  }
  int64_t value = 0;
  const std::string digits =
      absl::StrCat(whole, fraction, std::string(places - fraction.size(), '0'));
  if (!absl::SimpleAtoi(digits, &value)) return absl::InvalidArgumentError("is too large");
  return value;
}

std::string FormatDecimal(int64_t value, int decimals) {
  FAREBOX_CHECK(value >= 0 && decimals >= 0);
  const auto places = static_cast<size_t>(decimals);
  std::string digits = absl::StrCat(value);
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  std::string fraction = digits.substr(digits.size() - places);
  digits.resize(digits.size() - places);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return fraction.empty() ? digits : absl::StrCat(digits, ".", fraction);
}

}  // namespace farebox::rating
