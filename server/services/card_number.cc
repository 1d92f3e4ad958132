#include "server/services/card_number.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace farebox::server {
namespace {

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

// ISO/IEC 7812-1: every second digit from the right counts twice.
bool HasCheckDigit(absl::string_view digits) {
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    const int digit = digits[digits.size() - 1 - i] - '0';
    const int counted = i % 2 == 1 ? 2 * digit : digit;
    sum += counted > 9 ? counted - 9 : counted;
  }
  return sum % 10 == 0;
}

bool IsCardNumber(absl::string_view digits) {
  const bool is_express =
      digits.size() == 15 && (absl::StartsWith(digits, "34") || absl::StartsWith(digits, "37"));
  return (digits.size() == 16 || is_express) && HasCheckDigit(digits);
}

}  // namespace

bool HasCardNumber(absl::string_view text) {
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsDigit(text[i])) {
      digits.push_back(text[i]);
      continue;
    }
    // One separator between two digits belongs to the number.
    const bool is_inside = (text[i] == ' ' || text[i] == '-') && !digits.empty() &&
                           i + 1 < text.size() && IsDigit(text[i + 1]);
    if (is_inside) continue;
    if (IsCardNumber(digits)) return true;
    digits.clear();
  }
  return IsCardNumber(digits);
}

}  // namespace farebox::server
