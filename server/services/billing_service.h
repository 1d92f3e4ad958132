#ifndef FAREBOX_SERVER_SERVICES_BILLING_SERVICE_H_
#define FAREBOX_SERVER_SERVICES_BILLING_SERVICE_H_

#include "farebox/v1/billing.grpc.pb.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/base/deck_registry.h"
#include "server/services/command_factory.h"
#include "server/services/open_streams.h"
#include "server/services/rpc_method.h"
#include "server/services/watch_hub.h"
#include "storage/ledger.h"

namespace farebox::server {

// The generated service with all its methods raw: from bytes to bytes.
using RawBillingService = v1::BillingService::WithRawCallbackMethod_Authorize<
    v1::BillingService::WithRawCallbackMethod_Reauthorize<
        v1::BillingService::WithRawCallbackMethod_Debit<
            v1::BillingService::WithRawCallbackMethod_Release<
                v1::BillingService::WithRawCallbackMethod_Credit<
                    v1::BillingService::WithRawCallbackMethod_GetBalance<
                        v1::BillingService::WithRawCallbackMethod_Quote<
                            v1::BillingService::WithRawCallbackMethod_ListHolds<
                                v1::BillingService::WithRawCallbackMethod_ApplyBatch<
                                    v1::BillingService::WithRawCallbackMethod_ApplyStream<
                                        v1::BillingService::WithRawCallbackMethod_WatchAccount<
                                            v1::BillingService::Service>>>>>>>>>>>;

// The RPCs that routers and gateways live on. What moves money is submitted to the ledger and
// answered on its answer thread; what only reads is answered from memory at once. Thread-safe.
class BillingService final : public RawBillingService {
 public:
  // All of them outlive the service.
  struct Parts {
    RpcEnvironment environment;
    Ledger* ledger = nullptr;
    const DeckRegistry* decks = nullptr;
    WatchHub* watchers = nullptr;
    OpenStreams* streams = nullptr;
  };
  explicit BillingService(const Parts& parts);

 private:
  using Context = grpc::CallbackServerContext;
  using Bytes = grpc::ByteBuffer;
  using Unary = grpc::ServerUnaryReactor;

  Unary* Authorize(Context* context, const Bytes* request, Bytes* response) override;
  Unary* Reauthorize(Context* context, const Bytes* request, Bytes* response) override;
  Unary* Debit(Context* context, const Bytes* request, Bytes* response) override;
  Unary* Release(Context* context, const Bytes* request, Bytes* response) override;
  Unary* Credit(Context* context, const Bytes* request, Bytes* response) override;
  Unary* GetBalance(Context* context, const Bytes* request, Bytes* response) override;
  Unary* Quote(Context* context, const Bytes* request, Bytes* response) override;
  Unary* ListHolds(Context* context, const Bytes* request, Bytes* response) override;
  Unary* ApplyBatch(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerBidiReactor<Bytes, Bytes>* ApplyStream(Context* context) override;
  grpc::ServerWriteReactor<Bytes>* WatchAccount(Context* context, const Bytes* request) override;

  // One change, from its request to its answer.
  template <typename Request, typename Response>
  Unary* Apply(const RpcMethod& method, Context& context, const Bytes& request, Bytes* response);

  const Parts parts_;
  const CommandFactory commands_;

  const RpcMethod authorize_;
  const RpcMethod reauthorize_;
  const RpcMethod debit_;
  const RpcMethod release_;
  const RpcMethod credit_;
  const RpcMethod get_balance_;
  const RpcMethod quote_;
  const RpcMethod list_holds_;
  const RpcMethod apply_batch_;
  const RpcMethod apply_stream_;
  const RpcMethod watch_account_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_BILLING_SERVICE_H_
