#include "server/web/exchange.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace farebox::web {
namespace {

// The bytes that a part of a form stands for; nothing where a "%" does not lead two digits.
std::optional<std::string> Decode(absl::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      decoded.push_back(' ');
    } else if (text[i] != '%') {
      decoded.push_back(text[i]);
    } else {
      const absl::string_view digits = text.substr(i + 1, 2);
      const bool is_hex =
          digits.size() == 2 && absl::ascii_isxdigit(digits[0]) && absl::ascii_isxdigit(digits[1]);
      if (!is_hex) return std::nullopt;
      decoded += absl::HexStringToBytes(digits);
      i += 2;
    }
  }
  return decoded;
}

}  // namespace

absl::string_view Request::Header(absl::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return "";
}

Response TextResponse(int status, absl::string_view text) {
  return {.status = status,
          .headers = {{"content-type", "text/plain; charset=utf-8"}},
          .body = absl::StrCat(text, "\n")};
}

std::optional<std::string> FormField(absl::string_view form, absl::string_view name) {
  for (const absl::string_view part : absl::StrSplit(form, '&')) {
    const std::pair<absl::string_view, absl::string_view> field =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    if (Decode(field.first) == name) return Decode(field.second);
  }
  return std::nullopt;
}

}  // namespace farebox::web
