#include "server/services/access_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "server/base/limits.h"
#include "server/services/fields.h"
#include "server/services/lane_call.h"
#include "server/services/page_token.h"
#include "server/services/unary_call.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// All that a key's id can be.
constexpr size_t kKeyIdBytesMax = 32;

bool IsText(absl::string_view text) {
  return absl::c_none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

absl::Status CheckExpireTime(const v1::ApiKey& key, absl::Time now) {
  if (!key.has_expire_time()) return absl::OkStatus();
  FAREBOX_RETURN_IF_ERROR(CheckTimestamp(key.expire_time(), "key.expire_time"));
  const absl::Time end = absl::FromUnixSeconds(key.expire_time().seconds());
  if (end > now) return absl::OkStatus();
  return error::FieldInvalid("key.expire_time", "must lie in the future");
}

absl::Status CheckCallRate(const v1::ApiKey& key) {
  constexpr absl::string_view kProblem = "must be 0 to 1,000,000";
  if (key.calls_per_second() < 0 || key.calls_per_second() > limits::kCallRateMax) {
    return error::FieldInvalid("key.calls_per_second", kProblem);
  }
  if (key.calls_burst() < 0 || key.calls_burst() > limits::kCallRateMax) {
    return error::FieldInvalid("key.calls_burst", kProblem);
  }
  if (key.calls_burst() == 0 || key.calls_per_second() != 0) return absl::OkStatus();
  return error::FieldInvalid("key.calls_burst", "needs calls_per_second");
}

// Which accounts a role is confined to, or may be.
absl::Status CheckAccounts(const v1::ApiKey& key, const Ledger& ledger) {
  constexpr absl::string_view kField = "key.account_ids";
  const int count = key.account_ids_size();
  if (key.role() == v1::ROLE_CUSTOMER && count != 1) {
    return error::FieldInvalid(kField, "must be the one account of a customer");
  }
  const bool is_about_all = key.role() == v1::ROLE_METRICS || key.role() == v1::ROLE_ADMIN;
  if (is_about_all && count != 0) {
    return error::FieldInvalid(kField, "must be empty: the role is about all accounts");
  }
  if (count > limits::kKeyAccountsMax) {
    return error::FieldInvalid(kField, absl::StrCat("must be at most ", limits::kKeyAccountsMax));
  }
  for (const std::string& account_id : key.account_ids()) {
    FAREBOX_RETURN_IF_ERROR(CheckAccountId(account_id, kField));
    FAREBOX_RETURN_IF_ERROR(ledger.FindAccount(account_id).status());
  }
  return absl::OkStatus();
}

// A key that is asked for in the name of an account is its customer's.
absl::Status CheckIsOfCustomer(const v1::CreateApiKeyRequest& request) {
  if (request.account_id().empty()) return absl::OkStatus();
  if (request.key().role() != v1::ROLE_CUSTOMER) {
    return error::FieldInvalid("key.role", "must be ROLE_CUSTOMER with an account_id");
  }
  const auto& accounts = request.key().account_ids();
  if (accounts.size() == 1 && accounts[0] == request.account_id()) return absl::OkStatus();
  return error::FieldInvalid("key.account_ids", "must be the account of account_id");
}

// 0 for no account.
absl::StatusOr<AccountNumber> FindAccountNumber(const std::string& account_id,
                                                const Ledger& ledger) {
  if (account_id.empty()) return 0;
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(account_id));
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account, ledger.FindAccount(account_id));
  return account.number;
}

absl::Status CheckNewKey(const v1::ApiKey& key, const Ledger& ledger, absl::Time now) {
  if (!v1::Role_IsValid(key.role()) || key.role() == v1::ROLE_UNSPECIFIED) {
    return error::FieldInvalid("key.role", "is required: one of the roles there are");
  }
  if (key.label().size() > limits::kKeyLabelBytesMax || !IsText(key.label())) {
    return error::FieldInvalid(
        "key.label", absl::StrCat("must be text of at most ", limits::kKeyLabelBytesMax, " bytes"));
  }
  FAREBOX_RETURN_IF_ERROR(CheckExpireTime(key, now));
  FAREBOX_RETURN_IF_ERROR(CheckCallRate(key));
  return CheckAccounts(key, ledger);
}

// What a customer makes has the rate of the key that it is made with: or the operator's limit would
// end with the next key.
v1::ApiKey KeyToMake(const Caller& caller, const v1::CreateApiKeyRequest& request) {
  v1::ApiKey key = request.key();
  if (caller.role != v1::ROLE_CUSTOMER) return key;
  key.set_calls_per_second(caller.key_rate.per_second);
  key.set_calls_burst(caller.key_rate.burst);
  return key;
}

}  // namespace

AccessService::AccessService(const Parts& parts)
    : parts_(parts),
      create_api_key_(parts.environment, "farebox.v1.AccessService/CreateApiKey"),
      revoke_api_key_(parts.environment, "farebox.v1.AccessService/RevokeApiKey",
                      {.audit_turn = Lanes::Turn::kNext}),
      list_api_keys_(parts.environment, "farebox.v1.AccessService/ListApiKeys"),
      create_sign_in_link_(parts.environment, "farebox.v1.AccessService/CreateSignInLink"),
      list_audit_log_(parts.environment, "farebox.v1.AccessService/ListAuditLog") {}

grpc::ServerUnaryReactor* AccessService::CreateApiKey(Context* context, const Bytes* request,
                                                      Bytes* response) {
  using Call = UnaryCall<v1::CreateApiKeyRequest, v1::CreateApiKeyResponse>;
  return Call::Serve(create_api_key_, *context, *request, response, [this](Call* call) {
    const v1::ApiKey& wanted = call->request().key();
    absl::Status valid = CheckIsOfCustomer(call->request());
    valid.Update(CheckNewKey(wanted, *parts_.ledger, create_api_key_.Now()));
    if (!valid.ok()) return call->Finish(valid);
    const std::string account_id =
        wanted.role() == v1::ROLE_CUSTOMER ? wanted.account_ids(0) : std::string();
    const auto create = [&parts = parts_, account_id](Call* answered) -> absl::Status {
      const v1::ApiKey key = KeyToMake(answered->caller(), answered->request());
      FAREBOX_ASSIGN_OR_RETURN(const AccountNumber account,
                               FindAccountNumber(account_id, *parts.ledger));
      FAREBOX_ASSIGN_OR_RETURN(ApiKeys::NewKey made, parts.keys->Create(key, account));
      *answered->response()->mutable_key() = std::move(made.key);
      answered->response()->set_secret(std::move(made.secret));
      return absl::OkStatus();
    };
    parts_.lanes->Post(account_id, AnswerInTurnIfAwaited(call, create));
  });
}

grpc::ServerUnaryReactor* AccessService::RevokeApiKey(Context* context, const Bytes* request,
                                                      Bytes* response) {
  using Call = UnaryCall<v1::RevokeApiKeyRequest, v1::RevokeApiKeyResponse>;
  return Call::Serve(revoke_api_key_, *context, *request, response, [this](Call* call) {
    const std::string& key_id = call->request().key_id();
    if (key_id.empty() || key_id.size() > kKeyIdBytesMax || !IsText(key_id)) {
      return call->Finish(error::FieldInvalid("key_id", "must be the id of a key"));
    }
    // Not behind the account's other calls, which may be those of whoever has stolen the key; nor
    // behind their revocations: anybody can make up ids of keys.
    std::string lane = absl::StrCat("revoke ", call->caller().name);
    const auto revoke = [&parts = parts_](Call* answered) -> absl::Status {
      const v1::RevokeApiKeyRequest& asked = answered->request();
      FAREBOX_ASSIGN_OR_RETURN(const AccountNumber account,
                               FindAccountNumber(asked.account_id(), *parts.ledger));
      FAREBOX_ASSIGN_OR_RETURN(*answered->response()->mutable_key(),
                               parts.keys->Revoke(asked.key_id(), account));
      return absl::OkStatus();
    };
    parts_.lanes->Post(std::move(lane), AnswerInTurn(call, revoke), Lanes::Turn::kNext);
  });
}

grpc::ServerUnaryReactor* AccessService::ListApiKeys(Context* context, const Bytes* request,
                                                     Bytes* response) {
  using Call = UnaryCall<v1::ListApiKeysRequest, v1::ListApiKeysResponse>;
  return Call::Serve(list_api_keys_, *context, *request, response, [this](Call* call) {
    const auto list = [&parts = parts_](Call* answered) -> absl::Status {
      const std::string& account_id = answered->request().account_id();
      FAREBOX_ASSIGN_OR_RETURN(const AccountNumber account,
                               FindAccountNumber(account_id, *parts.ledger));
      FAREBOX_ASSIGN_OR_RETURN(
          const Page page, ReadPage(answered->request(), absl::StrCat("api keys ", account_id)));
      FAREBOX_ASSIGN_OR_RETURN(std::vector<ApiKeys::Listed> listed,
                               parts.keys->List(account, page.before, page.sought()));
      CutPage(page, &ApiKeys::Listed::position, &listed, answered->response());
      for (ApiKeys::Listed& one : listed) *answered->response()->add_keys() = std::move(one.key);
      return absl::OkStatus();
    };
    parts_.lanes->Post(call->request().account_id(), AnswerInTurnIfAwaited(call, list));
  });
}

grpc::ServerUnaryReactor* AccessService::CreateSignInLink(Context* context, const Bytes* request,
                                                          Bytes* response) {
  using Call = UnaryCall<v1::CreateSignInLinkRequest, v1::CreateSignInLinkResponse>;
  return Call::Serve(create_sign_in_link_, *context, *request, response, [this](Call* call) {
    const std::string& account_id = call->request().account_id();
    absl::Status valid = CheckAccountId(account_id);
    if (valid.ok()) valid = parts_.ledger->FindAccount(account_id).status();
    if (!valid.ok()) return call->Finish(valid);
    const Sessions::Link link = parts_.sessions->MakeLink(account_id, call->caller());
    if (!parts_.http_url.empty()) {
      call->response()->set_url(absl::StrCat(parts_.http_url, "/sign-in#", link.code));
    }
    call->response()->set_code(link.code);
    call->response()->mutable_expire_time()->set_seconds(absl::ToUnixSeconds(link.expire_time));
    call->Finish(absl::OkStatus());
  });
}

grpc::ServerUnaryReactor* AccessService::ListAuditLog(Context* context, const Bytes* request,
                                                      Bytes* response) {
  using Call = UnaryCall<v1::ListAuditLogRequest, v1::ListAuditLogResponse>;
  return Call::Serve(list_audit_log_, *context, *request, response, [this](Call* call) {
    const auto list = [&parts = parts_](Call* answered) -> absl::Status {
      const std::string& account_id = answered->request().account_id();
      FAREBOX_ASSIGN_OR_RETURN(const AccountNumber account,
                               FindAccountNumber(account_id, *parts.ledger));
      FAREBOX_ASSIGN_OR_RETURN(
          const Page page, ReadPage(answered->request(), absl::StrCat("audit log ", account_id)));
      FAREBOX_ASSIGN_OR_RETURN(std::vector<v1::AuditRecord> records,
                               parts.audit->List(account, page.before, page.sought()));
      CutPage(page, &v1::AuditRecord::record_id, &records, answered->response());
      for (v1::AuditRecord& record : records) {
        *answered->response()->add_records() = std::move(record);
      }
      return absl::OkStatus();
    };
    parts_.lanes->Post(call->request().account_id(), AnswerInTurnIfAwaited(call, list));
  });
}

}  // namespace farebox::server
