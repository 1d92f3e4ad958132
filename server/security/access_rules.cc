#include "server/security/access_rules.h"

#include <string>

#include "absl/strings/str_replace.h"
#include "google/protobuf/descriptor.h"

namespace farebox::server {
namespace {

// What one kind of operation is asked for by itself.
template <typename Request>
absl::Status CheckOperationRequest(const Caller& caller, const AccessRule& rule,
                                   const Request& request) {
  if (!rule.Allows(caller)) return error::PermissionDenied("the role may not do this");
  return CheckRequest(caller, request);
}

bool IsRoutersUsage(const v1::Usage& usage) { return usage.has_call() || usage.has_ring_through(); }

bool IsRoutersDebit(const v1::DebitRequest& request) {
  return request.has_settlement() || IsRoutersUsage(request.usage());
}

}  // namespace

AccessRule AccessRule::Of(absl::string_view method) {
  AccessRule rule;
  const google::protobuf::MethodDescriptor* const descriptor =
      google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
          absl::StrReplaceAll(method, {{"/", "."}}));
  if (descriptor == nullptr) return rule;
  const v1::AccessRule& option = descriptor->options().GetExtension(v1::access);
  for (const int role : option.roles()) rule.roles_ |= uint32_t{1} << role;
  rule.audit_ = option.audit();
  return rule;
}

absl::Status CheckAccount(const Caller& caller, absl::string_view account_id) {
  if (caller.MayUse(account_id)) return absl::OkStatus();
  if (account_id.empty()) return error::PermissionDenied("it is not about one account");
  return error::AccountNotFound(account_id);
}

absl::Status CheckContent(const Caller& caller, const v1::AuthorizeRequest& request) {
  const v1::Usage& usage = request.usage();
  // Without a usage it is refused for what it is.
  const bool is_routers = IsRoutersUsage(usage) || usage.kind_case() == v1::Usage::KIND_NOT_SET;
  if (caller.role != v1::ROLE_ROUTER || is_routers) return absl::OkStatus();
  return error::PermissionDenied("a router authorizes calls");
}

absl::Status CheckContent(const Caller& caller, const v1::DebitRequest& request) {
  switch (caller.role) {
    case v1::ROLE_ROUTER:
      if (IsRoutersDebit(request)) return absl::OkStatus();
      return error::PermissionDenied("a router debits calls");
    case v1::ROLE_GATEWAY:
      if (request.has_usage() && request.usage().has_text()) return absl::OkStatus();
      return error::PermissionDenied("a gateway debits texts");
    default:
      return absl::OkStatus();
  }
}

absl::Status CheckContent(const Caller& caller, const v1::CreditRequest& request) {
  if (caller.role != v1::ROLE_SUPPORT || request.amount_micros() <= caller.credit_max.value()) {
    return absl::OkStatus();
  }
  return error::PermissionDenied("it is more than support may credit");
}

absl::Status CheckContent(const Caller& caller, const v1::CreateApiKeyRequest& request) {
  if (caller.role != v1::ROLE_CUSTOMER) return absl::OkStatus();
  const v1::ApiKey& key = request.key();
  if (key.role() != v1::ROLE_CUSTOMER) {
    return error::PermissionDenied("a customer makes keys of customers");
  }
  if (key.calls_per_second() != 0 || key.calls_burst() != 0) {
    return error::PermissionDenied("how often a customer may call is not theirs to say");
  }
  return absl::OkStatus();
}

absl::Status CheckOperation(const Caller& caller, const v1::Operation& operation) {
  if (!caller.is_known) return absl::OkStatus();
  static const AccessRule kAuthorize = AccessRule::Of("farebox.v1.BillingService/Authorize");
  static const AccessRule kReauthorize = AccessRule::Of("farebox.v1.BillingService/Reauthorize");
  static const AccessRule kDebit = AccessRule::Of("farebox.v1.BillingService/Debit");
  static const AccessRule kRelease = AccessRule::Of("farebox.v1.BillingService/Release");
  static const AccessRule kCredit = AccessRule::Of("farebox.v1.BillingService/Credit");
  switch (operation.request_case()) {
    case v1::Operation::kAuthorize:
      return CheckOperationRequest(caller, kAuthorize, operation.authorize());
    case v1::Operation::kReauthorize:
      return CheckOperationRequest(caller, kReauthorize, operation.reauthorize());
    case v1::Operation::kDebit:
      return CheckOperationRequest(caller, kDebit, operation.debit());
    case v1::Operation::kRelease:
      return CheckOperationRequest(caller, kRelease, operation.release());
    case v1::Operation::kCredit:
      return CheckOperationRequest(caller, kCredit, operation.credit());
    case v1::Operation::REQUEST_NOT_SET:
      break;  // It is refused for what it is.
  }
  return absl::OkStatus();
}

}  // namespace farebox::server
