#ifndef FAREBOX_SERVER_SERVICES_ACCOUNT_SERVICE_H_
#define FAREBOX_SERVER_SERVICES_ACCOUNT_SERVICE_H_

#include <functional>

#include "farebox/v1/account.grpc.pb.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/base/deck_registry.h"
#include "server/base/reader_pool.h"
#include "server/services/open_streams.h"
#include "server/services/rpc_method.h"
#include "server/services/unary_call.h"
#include "storage/ledger.h"

namespace farebox::server {

using RawAccountService = v1::AccountService::WithRawCallbackMethod_CreateAccount<
    v1::AccountService::WithRawCallbackMethod_GetAccount<
        v1::AccountService::WithRawCallbackMethod_UpdateAccount<
            v1::AccountService::WithRawCallbackMethod_ListAccounts<
                v1::AccountService::WithRawCallbackMethod_SuspendAccount<
                    v1::AccountService::WithRawCallbackMethod_ResumeAccount<
                        v1::AccountService::WithRawCallbackMethod_CloseAccount<
                            v1::AccountService::WithRawCallbackMethod_ListActivity<
                                v1::AccountService::WithRawCallbackMethod_ExportActivity<
                                    v1::AccountService::WithRawCallbackMethod_GetSummary<
                                        v1::AccountService::Service>>>>>>>>>>;

// Opens, changes and closes accounts, lists their activity, and sums it up. Thread-safe.
class AccountService final : public RawAccountService {
 public:
  // All of them outlive the service.
  struct Parts {
    RpcEnvironment environment;
    Ledger* ledger = nullptr;
    const DeckRegistry* decks = nullptr;
    ReaderPool* readers = nullptr;
    OpenStreams* exports = nullptr;
  };
  explicit AccountService(const Parts& parts);

 private:
  using Context = grpc::CallbackServerContext;
  using Bytes = grpc::ByteBuffer;
  using Unary = grpc::ServerUnaryReactor;

  Unary* CreateAccount(Context* context, const Bytes* request, Bytes* response) override;
  Unary* GetAccount(Context* context, const Bytes* request, Bytes* response) override;
  Unary* UpdateAccount(Context* context, const Bytes* request, Bytes* response) override;
  Unary* ListAccounts(Context* context, const Bytes* request, Bytes* response) override;
  Unary* SuspendAccount(Context* context, const Bytes* request, Bytes* response) override;
  Unary* ResumeAccount(Context* context, const Bytes* request, Bytes* response) override;
  Unary* CloseAccount(Context* context, const Bytes* request, Bytes* response) override;
  Unary* ListActivity(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerWriteReactor<Bytes>* ExportActivity(Context* context, const Bytes* request) override;
  Unary* GetSummary(Context* context, const Bytes* request, Bytes* response) override;

  const Parts parts_;

  const RpcMethod create_account_;
  const RpcMethod get_account_;
  const RpcMethod update_account_;
  const RpcMethod list_accounts_;
  const RpcMethod suspend_account_;
  const RpcMethod resume_account_;
  const RpcMethod close_account_;
  const RpcMethod list_activity_;
  const RpcMethod export_activity_;
  const RpcMethod get_summary_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_ACCOUNT_SERVICE_H_
