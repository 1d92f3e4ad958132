#include "server/security/access_control.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "grpc/grpc_security_constants.h"
#include "grpcpp/security/auth_context.h"
#include "server/security/certificate_name.h"
#include "storage/errors.h"

namespace farebox::server {
namespace {

constexpr char kAuthorization[] = "authorization";
constexpr absl::string_view kScheme = "Bearer ";

absl::string_view View(grpc::string_ref text) { return {text.data(), text.size()}; }

std::vector<std::string> Texts(const std::vector<grpc::string_ref>& values) {
  std::vector<std::string> texts;
  for (const grpc::string_ref& value : values) texts.emplace_back(value.data(), value.size());
  return texts;
}

// Of a certificate that gRPC has verified; empty for none.
std::string NameOf(const grpc::AuthContext& certificate) {
  if (!certificate.IsPeerAuthenticated()) return "";
  return NameOfCertificate(Texts(certificate.FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME)),
                           Texts(certificate.FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME)));
}

CallerPtr MakeAnyone() {
  auto anyone = std::make_shared<Caller>();
  anyone->name = "anyone";
  anyone->role = v1::ROLE_ADMIN;
  anyone->is_known = false;
  return anyone;
}

}  // namespace

absl::Status AddCertificateRole(absl::string_view text, AccessOptions* options) {
  const size_t equals = text.rfind('=');
  const absl::string_view name = text.substr(0, equals);
  v1::Role role = v1::ROLE_UNSPECIFIED;
  if (equals != absl::string_view::npos) {
    v1::Role_Parse(absl::StrCat("ROLE_", absl::AsciiStrToUpper(text.substr(equals + 1))), &role);
  }
  absl::string_view common_name = name;
  const bool is_common_name =
      absl::ConsumePrefix(&common_name, kCommonNamePrefix) && !common_name.empty();
  if ((!absl::StartsWith(name, "spiffe://") && !is_common_name) || role == v1::ROLE_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not like spiffe://example.com/router=router or CN=sms-1",
                     "=gateway, with one of the roles router, gateway, support, admin, metrics"));
  }
  if (role == v1::ROLE_CUSTOMER) {
    return absl::InvalidArgumentError("a customer has a key, which names their account");
  }
  if (!options->certificate_roles.emplace(name, role).second) {
    return absl::InvalidArgumentError(absl::StrCat(name, " has a role already"));
  }
  return absl::OkStatus();
}

AccessControl::AccessControl(AccessOptions options, const ApiKeys* keys, Sessions* sessions)
    : options_(std::move(options)), keys_(keys), sessions_(sessions), anyone_(MakeAnyone()) {
  for (const auto& [name, role] : options_.certificate_roles) {
    auto caller = std::make_shared<Caller>();
    caller->name = name;
    caller->role = role;
    caller->credit_max = options_.support_credit_max;
    caller->rate = MakeCallerRate(options_.caller_rate);
    by_certificate_.emplace(name, std::move(caller));
  }
}

CallerPtr AccessControl::FindByCertificate(absl::string_view name) const {
  const auto found = by_certificate_.find(name);
  return found == by_certificate_.end() ? nullptr : found->second;
}

CallerPtr AccessControl::FindByKey(absl::string_view authorization) const {
  // The name of a scheme is written as one likes (RFC 9110, 11.1).
  if (!absl::StartsWithIgnoreCase(authorization, kScheme)) return nullptr;
  return keys_->Find(authorization.substr(kScheme.size()));
}

CallerPtr AccessControl::Find(std::optional<absl::string_view> authorization,
                              absl::string_view session,
                              absl::FunctionRef<std::string()> certificate) const {
  // Who sends a key is let in by it or not at all, whatever else there is.
  if (!is_open() && authorization.has_value()) return FindByKey(*authorization);
  if (!session.empty()) return sessions_->FindCaller(session);
  if (is_open()) return anyone_;
  return by_certificate_.empty() ? nullptr : FindByCertificate(certificate());
}

absl::StatusOr<CallerPtr> AccessControl::IdentifyByHttp(const HttpCredentials& shown) const {
  const auto authorization =
      shown.authorization.empty() ? std::nullopt : std::make_optional(shown.authorization);
  CallerPtr caller =
      Find(authorization, shown.session, [&] { return std::string(shown.certificate); });
  if (caller == nullptr) return error::Unauthenticated();
  return caller;
}

std::string AccessControl::PeerOf(const grpc::ServerContextBase& context) const {
  std::optional<HttpCallers::Facts> by_http = http_callers_.Read(context);
  return by_http.has_value() ? std::move(by_http->peer) : context.peer();
}

absl::StatusOr<CallerPtr> AccessControl::Identify(const grpc::ServerContextBase& context) const {
  std::optional<absl::string_view> authorization;
  const auto sent = context.client_metadata().equal_range(kAuthorization);
  if (sent.first != sent.second) {
    // More than one is nobody's.
    const bool is_one = std::next(sent.first) == sent.second;
    authorization = is_one ? View(sent.first->second) : absl::string_view();
  }
  std::optional<HttpCallers::Facts> by_http;
  if (is_open() || !authorization.has_value()) by_http = http_callers_.Read(context);
  CallerPtr caller = Find(
      authorization, by_http.has_value() ? by_http->session : absl::string_view(),
      [&] { return by_http.has_value() ? by_http->certificate : NameOf(*context.auth_context()); });
  if (caller == nullptr) return error::Unauthenticated();
  return caller;
}

}  // namespace farebox::server
