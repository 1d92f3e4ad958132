#include "server/web/session_cookie.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "server/base/limits.h"

namespace farebox::web {
namespace {

absl::string_view Name(bool is_secure) { return is_secure ? "__Host-farebox" : "farebox"; }

std::string Cookie(absl::string_view token, bool is_secure, int64_t max_age_seconds) {
  return absl::StrCat(Name(is_secure), "=", token,
                      "; Path=/; HttpOnly; SameSite=Strict; Max-Age=", max_age_seconds,
                      is_secure ? "; Secure" : "");
}

}  // namespace

std::string SessionToken(const Request& request, bool is_secure) {
  std::string token;
  for (const auto& [name, value] : request.headers) {
    if (name != "cookie") continue;
    for (const absl::string_view part : absl::StrSplit(value, ';')) {
      const std::pair<absl::string_view, absl::string_view> cookie =
          absl::StrSplit(absl::StripAsciiWhitespace(part), absl::MaxSplits('=', 1));
      if (cookie.first != Name(is_secure)) continue;
      // Somebody else has set one beside ours: it is not known which is which.
      if (!token.empty()) return "";
      token = std::string(cookie.second);
    }
  }
  return token;
}

std::string SetSessionCookie(absl::string_view token, bool is_secure) {
  return Cookie(token, is_secure, absl::ToInt64Seconds(limits::kSessionTime));
}

std::string ClearSessionCookie(bool is_secure) { return Cookie("", is_secure, 0); }

}  // namespace farebox::web
