#ifndef FAREBOX_SERVER_SECURITY_ACCESS_CONTROL_H_
#define FAREBOX_SERVER_SECURITY_ACCESS_CONTROL_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "farebox/v1/access_rule.pb.h"
#include "grpcpp/server_context.h"
#include "server/base/call_rates.h"
#include "server/security/api_keys.h"
#include "server/security/caller.h"
#include "server/security/http_callers.h"
#include "server/security/sessions.h"
#include "storage/micros.h"

namespace farebox::server {

// Whether callers are asked who they are.
enum class AccessMode {
  // Nobody is: whoever reaches the port may do everything.
  kOpen,
  // Everybody is: by an API key, or by a client certificate.
  kKeys,
};

struct AccessOptions {
  AccessMode mode = AccessMode::kOpen;
  // Roles by what certificates name: a SPIFFE id, or "CN=" and a common name.
  absl::flat_hash_map<std::string, v1::Role> certificate_roles;
  // The most that ROLE_SUPPORT credits at once, in whatever currency.
  Micros support_credit_max{100'000'000};
  // How often each key or certificate may call, unless the key says otherwise.
  CallRate caller_rate;
  // Where the first key of ROLE_ADMIN is written while there is none; nowhere if empty.
  std::string admin_key_file;
};

// "spiffe://example.com/router=router", "CN=sms-1=gateway". InvalidArgument says what is wrong.
absl::Status AddCertificateRole(absl::string_view text, AccessOptions* options);

// What a request by HTTP shows of its caller; empty for what it does not.
struct HttpCredentials {
  // The header "Authorization".
  absl::string_view authorization;
  // The digest of a session's token.
  absl::string_view session;
  // What the client's certificate is known by.
  absl::string_view certificate;
};

// Finds out who is calling: by a key, by a session of a browser's, or by a certificate.
// Thread-safe; waits for nothing.
class AccessControl {
 public:
  // Both outlive it.
  AccessControl(AccessOptions options, const ApiKeys* keys, Sessions* sessions);

  // Whose call it is. UNAUTHENTICATED where that is nobody: the same for whatever is wrong.
  absl::StatusOr<CallerPtr> Identify(const grpc::ServerContextBase& context) const;

  // The same for who calls by HTTP.
  absl::StatusOr<CallerPtr> IdentifyByHttp(const HttpCredentials& shown) const;

  // From where it comes, also where the HTTP listener has passed it on.
  std::string PeerOf(const grpc::ServerContextBase& context) const;

  bool is_open() const { return options_.mode == AccessMode::kOpen; }

  // For the HTTP listener.
  const HttpCallers& http_callers() const { return http_callers_; }

 private:
  // By what is shown, of which a key counts before a session, and that before a certificate; null
  // for nobody.
  CallerPtr Find(std::optional<absl::string_view> authorization, absl::string_view session,
                 absl::FunctionRef<std::string()> certificate) const;
  CallerPtr FindByKey(absl::string_view authorization) const;
  CallerPtr FindByCertificate(absl::string_view name) const;

  // Constant after construction.
  const AccessOptions options_;
  const ApiKeys* const keys_;
  Sessions* const sessions_;
  const CallerPtr anyone_;
  const HttpCallers http_callers_;
  absl::flat_hash_map<std::string, CallerPtr> by_certificate_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SECURITY_ACCESS_CONTROL_H_
