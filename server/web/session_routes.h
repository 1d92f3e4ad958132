#ifndef FAREBOX_SERVER_WEB_SESSION_ROUTES_H_
#define FAREBOX_SERVER_WEB_SESSION_ROUTES_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/log_turns.h"
#include "server/security/audit_log.h"
#include "server/security/sessions.h"
#include "server/web/origin_rules.h"
#include "server/web/router.h"
#include "server/web/sign_in_guard.h"
#include "storage/clock.h"
#include "storage/ledger.h"

namespace farebox::server {
class CallGate;
}  // namespace farebox::server

namespace farebox::web {

// Signing in and out, for the page of an account's owner:
//
//   POST /session     {"api_key": ...}, {"code": ...} of a link or, where nobody is asked who they
//                     are, {"account_id": ...}: a new session, in a cookie
//   GET /session      whose it is
//   DELETE /session   ends it
//
// It outlives its routes. Thread-safe.
class SessionRoutes {
 public:
  // All outlive it.
  struct Parts {
    server::Sessions* sessions = nullptr;
    const Ledger* ledger = nullptr;
    const OriginRules* origins = nullptr;
    server::AuditLog* audit = nullptr;
    server::CallGate* gate = nullptr;
    const Clock* clock = nullptr;
    // Nobody is asked who they are.
    bool is_open = false;
  };
  explicit SessionRoutes(const Parts& parts);

  void AddRoutes(Router* routes);

 private:
  Response SignIn(const Request& request);
  Response Show(const Request& request) const;
  Response SignOut(const Request& request);

  absl::StatusOr<server::Sessions::Opened> Open(const Request& request);
  absl::StatusOr<server::Sessions::Opened> OpenWithKey(absl::string_view secret);
  // The audit log's line of what was done by the session of a digest; nothing where nobody is asked
  // who they are, or there is no such session.
  std::optional<v1::AuditRecord> Line(const char* method, const Request& request,
                                      const std::string& digest) const;
  void NoteRefused(const Request& request);
  Response Refuse(const absl::Status& status) const;
  Response Tell(const server::Sessions::Facts& facts) const;

  const Parts parts_;
  SignInGuard guard_;
  server::LogTurns refused_turns_;
};

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_SESSION_ROUTES_H_
