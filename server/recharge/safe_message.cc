#include "server/recharge/safe_message.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "server/recharge/limits.h"

namespace farebox::server {
namespace {

// The shortest card numbers in use have 12 digits.
constexpr size_t kCardDigitsMin = 12;
constexpr absl::string_view kHidden = "[hidden]";
constexpr absl::string_view kSecretPrefixes[] = {"sk_", "rk_", "pk_", "whsec_"};

bool IsWord(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

bool IsSecret(absl::string_view word) {
  for (const absl::string_view prefix : kSecretPrefixes) {
    if (absl::StartsWith(word, prefix)) return true;
  }
  return absl::StrContains(word, "_secret_");
}

// How many bytes a number with spaces or dashes between its digits takes from the start of `text`;
// 0 where it has too few digits for a card.
size_t CardNumberBytes(absl::string_view text) {
  size_t digits = 0;
  size_t end = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (absl::ascii_isdigit(static_cast<unsigned char>(text[i]))) {
      ++digits;
      end = i + 1;
    } else if ((text[i] != ' ' && text[i] != '-') || i == 0 || end != i) {
      break;
    }
  }
  return digits >= kCardDigitsMin ? end : 0;
}

// The start of UTF-8 text that has at most `bytes_max` bytes, whole characters only.
absl::string_view Start(absl::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

std::string SafeMessage(absl::string_view text) {
  std::string safe;
  while (!text.empty() && safe.size() <= limits::kProviderMessageBytesMax) {
    if (const size_t number = CardNumberBytes(text); number > 0) {
      safe.append(kHidden.data(), kHidden.size());
      text.remove_prefix(number);
      continue;
    }
    const auto end = std::find_if_not(text.begin(), text.end(), IsWord);
    const absl::string_view word = text.substr(0, static_cast<size_t>(end - text.begin()));
    if (word.empty()) {
      safe.push_back(absl::ascii_iscntrl(static_cast<unsigned char>(text[0])) ? ' ' : text[0]);
      text.remove_prefix(1);
      continue;
    }
    const absl::string_view shown = IsSecret(word) ? kHidden : word;
    safe.append(shown.data(), shown.size());
    text.remove_prefix(word.size());
  }
  return std::string(Start(safe, limits::kProviderMessageBytesMax));
}

}  // namespace farebox::server
