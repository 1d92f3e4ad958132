#include "client/cli/decimal.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace farebox::cli {
namespace {

constexpr size_t kMicrosDecimals = 6;
constexpr size_t kNanosDecimals = 9;
constexpr size_t kDecimalsMin = 2;

bool IsDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

absl::Status Malformed(absl::string_view text, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" ", problem));
}

std::string Digits(absl::uint128 value) {
  std::string digits;
  do {
    digits.push_back(static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string Format(absl::int128 value, size_t decimals) {
  const bool is_negative = value < 0;
  // Also right for the smallest number, which has no positive counterpart.
  absl::uint128 magnitude(value);
  if (is_negative) magnitude = ~magnitude + 1;
  std::string text = Digits(magnitude);
  if (text.size() <= decimals) text.insert(0, decimals + 1 - text.size(), '0');
  text.insert(text.size() - decimals, ".");
  const size_t size_min = text.find('.') + 1 + kDecimalsMin;
  while (text.size() > size_min && text.back() == '0') text.pop_back();
  return is_negative ? absl::StrCat("-", text) : text;
}

}  // namespace

absl::StatusOr<int64_t> ParseMicros(absl::string_view text) {
  const size_t point = text.find('.');
  const absl::string_view whole = text.substr(0, point);
  const absl::string_view fraction =
      point == absl::string_view::npos ? "0" : text.substr(point + 1);
  if (!IsDigits(whole) || !IsDigits(fraction)) {
    return Malformed(text, "is not an amount: write it as 12 or 12.50");
  }
  if (fraction.size() > kMicrosDecimals) return Malformed(text, "has more than six decimals");
  int64_t micros = 0;
  const std::string padded(kMicrosDecimals - fraction.size(), '0');
  if (!absl::SimpleAtoi(absl::StrCat(whole, fraction, padded), &micros)) {
    return Malformed(text, "is too large an amount");
  }
  return micros;
}

std::string FormatMicros(absl::int128 micros) { return Format(micros, kMicrosDecimals); }

std::string FormatNanos(absl::int128 nanos) { return Format(nanos, kNanosDecimals); }

}  // namespace farebox::cli
