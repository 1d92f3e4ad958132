#include "server/web/origin_rules.h"

#include <arpa/inet.h>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "server/web/connect_protocol.h"
#include "storage/errors.h"

namespace farebox::web {
namespace {

// "https://billing.example.com:8443/x" -> "billing.example.com:8443".
absl::string_view HostOf(absl::string_view url) {
  if (!absl::ConsumePrefix(&url, "https://")) absl::ConsumePrefix(&url, "http://");
  return url.substr(0, url.find('/'));
}

absl::string_view WithoutPort(absl::string_view host) {
  if (absl::StartsWith(host, "[")) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.rfind(':'));
}

// No name, so nobody can make it lead elsewhere.
bool IsNumeric(absl::string_view host) {
  if (absl::StartsWith(host, "[")) return true;
  in_addr address;
  return inet_pton(AF_INET, std::string(host).c_str(), &address) == 1;
}

absl::Status Elsewhere() {
  return error::PermissionDenied("requests for other sites' pages are not taken");
}

}  // namespace

OriginRules::OriginRules(const Options& options)
    : is_open_(options.is_open),
      is_secure_(absl::StartsWith(options.http_url, "https://")),
      host_(HostOf(options.http_url)) {}

bool OriginRules::IsOurName(absl::string_view host) const {
  const absl::string_view name = WithoutPort(host);
  return IsNumeric(name) || absl::EqualsIgnoreCase(name, "localhost") ||
         absl::EqualsIgnoreCase(name, WithoutPort(host_));
}

absl::Status OriginRules::Check(const Request& request) const {
  const absl::string_view site = request.Header("sec-fetch-site");
  if (!site.empty() && site != "same-origin" && site != "none") return Elsewhere();
  // The browser has compared them, and names no origin where a page does not say where it is.
  if (site == "same-origin") return CheckName(request);
  const absl::string_view host = request.Header("host");
  const absl::string_view origin = request.Header("origin");
  // Behind a proxy the scheme may differ, and the name may be the proxy's.
  if (!origin.empty() && !absl::EqualsIgnoreCase(HostOf(origin), host) &&
      (host_.empty() || !absl::EqualsIgnoreCase(HostOf(origin), host_))) {
    return Elsewhere();
  }
  return CheckName(request);
}

absl::Status OriginRules::CheckName(const Request& request) const {
  const absl::string_view host = request.Header("host");
  if (!is_open_ || host.empty() || IsOurName(host)) return absl::OkStatus();
  return error::PermissionDenied(
      "this name is not the server's: --http-url says how browsers reach it");
}

absl::Status OriginRules::CheckWithSession(const Request& request) const {
  const bool is_own =
      request.Header("sec-fetch-site") == "same-origin" ||
      (request.Header("sec-fetch-site").empty() && !request.Header("origin").empty());
  // Which origin it is, Check has looked at.
  if (!is_own) return Elsewhere();
  if (!request.Header(kConnectVersion).empty()) return absl::OkStatus();
  return error::PermissionDenied("with a session, Connect-Protocol-Version must be sent");
}

bool OriginRules::IsSecure(const Request& request) const { return request.is_tls || is_secure_; }

}  // namespace farebox::web
