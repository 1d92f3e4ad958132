#ifndef FAREBOX_SERVER_SERVICES_ACCESS_SERVICE_H_
#define FAREBOX_SERVER_SERVICES_ACCESS_SERVICE_H_

#include <string>

#include "farebox/v1/access.grpc.pb.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/base/lanes.h"
#include "server/security/api_keys.h"
#include "server/security/audit_log.h"
#include "server/security/sessions.h"
#include "server/services/rpc_method.h"
#include "storage/ledger.h"

namespace farebox::server {

using RawAccessService = v1::AccessService::WithRawCallbackMethod_CreateApiKey<
    v1::AccessService::WithRawCallbackMethod_RevokeApiKey<
        v1::AccessService::WithRawCallbackMethod_ListApiKeys<
            v1::AccessService::WithRawCallbackMethod_CreateSignInLink<
                v1::AccessService::WithRawCallbackMethod_ListAuditLog<
                    v1::AccessService::Service>>>>>;

// Keys, sign-in links and the audit log. What may wait for a disk is done on a lane; links need
// none. Thread-safe.
class AccessService final : public RawAccessService {
 public:
  // All of them outlive the service.
  struct Parts {
    RpcEnvironment environment;
    ApiKeys* keys = nullptr;
    Sessions* sessions = nullptr;
    // Where browsers reach this server; empty: they do not.
    std::string http_url;
    AuditLog* audit = nullptr;
    const Ledger* ledger = nullptr;
    // An account has a lane, so that many calls about it hold up no other's.
    Lanes* lanes = nullptr;
  };
  explicit AccessService(const Parts& parts);

 private:
  using Context = grpc::CallbackServerContext;
  using Bytes = grpc::ByteBuffer;
  using Unary = grpc::ServerUnaryReactor;

  Unary* CreateApiKey(Context* context, const Bytes* request, Bytes* response) override;
  Unary* RevokeApiKey(Context* context, const Bytes* request, Bytes* response) override;
  Unary* ListApiKeys(Context* context, const Bytes* request, Bytes* response) override;
  Unary* CreateSignInLink(Context* context, const Bytes* request, Bytes* response) override;
  Unary* ListAuditLog(Context* context, const Bytes* request, Bytes* response) override;

  const Parts parts_;

  const RpcMethod create_api_key_;
  const RpcMethod revoke_api_key_;
  const RpcMethod list_api_keys_;
  const RpcMethod create_sign_in_link_;
  const RpcMethod list_audit_log_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_ACCESS_SERVICE_H_
