#ifndef FAREBOX_SERVER_SECURITY_ACCESS_RULES_H_
#define FAREBOX_SERVER_SECURITY_ACCESS_RULES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "farebox/v1/access.pb.h"
#include "farebox/v1/access_rule.pb.h"
#include "farebox/v1/billing.pb.h"
#include "google/protobuf/message.h"
#include "server/security/caller.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

// Who may do what. Which roles may call an RPC is written at the RPC, in its proto; what a role may
// ask for within it is here. Pure.
namespace farebox::server {

// What the option `access` of one RPC says.
class AccessRule {
 public:
  // `method` as in "farebox.v1.BillingService/Debit". Nobody may call what has no option.
  static AccessRule Of(absl::string_view method);

  bool Allows(const Caller& caller) const {
    return !caller.is_known || (roles_ & (uint32_t{1} << static_cast<int>(caller.role))) != 0;
  }

  // Whether what the caller does is written into the audit log.
  bool IsAudited(const Caller& caller) const {
    return caller.is_known &&
           (audit_ == v1::AUDIT_ALWAYS || (audit_ == v1::AUDIT_PEOPLE && !caller.is_machine()));
  }

 private:
  uint32_t roles_ = 0;
  v1::Audit audit_ = v1::AUDIT_UNSPECIFIED;
};

// PERMISSION_DENIED, or ACCOUNT_NOT_FOUND: whoever may not use an account cannot tell whether it
// exists.
absl::Status CheckAccount(const Caller& caller, absl::string_view account_id);

// Whether the role may ask for this within an RPC that it may call. For most there is no more to
// ask.
inline absl::Status CheckContent(const Caller&, const google::protobuf::Message&) {
  return absl::OkStatus();
}
absl::Status CheckContent(const Caller& caller, const v1::AuthorizeRequest& request);
absl::Status CheckContent(const Caller& caller, const v1::DebitRequest& request);
absl::Status CheckContent(const Caller& caller, const v1::CreditRequest& request);
absl::Status CheckContent(const Caller& caller, const v1::CreateApiKeyRequest& request);

// Operations are checked one by one, each by the rule of its own RPC.
absl::Status CheckOperation(const Caller& caller, const v1::Operation& operation);

template <typename Request>
absl::Status CheckRequest(const Caller& caller, const Request& request) {
  if (!caller.is_known) return absl::OkStatus();
  if constexpr (requires { request.account_id(); }) {
    FAREBOX_RETURN_IF_ERROR(CheckAccount(caller, request.account_id()));
  } else if constexpr (!requires { request.operations(); }) {
    if (caller.is_confined()) return error::PermissionDenied("it is not about one account");
  }
  return CheckContent(caller, request);
}

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SECURITY_ACCESS_RULES_H_
