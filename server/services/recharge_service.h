#ifndef FAREBOX_SERVER_SERVICES_RECHARGE_SERVICE_H_
#define FAREBOX_SERVER_SERVICES_RECHARGE_SERVICE_H_

#include <functional>

#include "farebox/v1/recharge.grpc.pb.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/base/lanes.h"
#include "server/recharge/recharge_worker.h"
#include "server/services/recharge_desk.h"
#include "server/services/rpc_method.h"
#include "server/services/unary_call.h"

namespace farebox::server {

using RawRechargeService = v1::RechargeService::WithRawCallbackMethod_Pay<
    v1::RechargeService::WithRawCallbackMethod_GetAutoRecharge<
        v1::RechargeService::WithRawCallbackMethod_UpdateAutoRecharge<
            v1::RechargeService::WithRawCallbackMethod_RetryRecharge<
                v1::RechargeService::WithRawCallbackMethod_StartCardSetup<
                    v1::RechargeService::WithRawCallbackMethod_CompleteCardSetup<
                        v1::RechargeService::WithRawCallbackMethod_GetCard<
                            v1::RechargeService::WithRawCallbackMethod_DeleteCard<
                                v1::RechargeService::WithRawCallbackMethod_ListRecharges<
                                    v1::RechargeService::WithRawCallbackMethod_ReconcileRecharges<
                                        v1::RechargeService::Service>>>>>>>>>>;

// Cards, Pay Now and auto-recharge. Every call may wait for a disk or for the provider, and so is
// made on threads of lanes. Thread-safe.
class RechargeService final : public RawRechargeService {
 public:
  // All of them outlive the service.
  struct Parts {
    RpcEnvironment environment;
    RechargeDesk* desk = nullptr;
    // Of charges.
    RechargeWorker* worker = nullptr;
    // Of what only the disk is asked for: that a thousand accounts are being charged, or that the
    // provider says nothing, holds up nobody's settings.
    Lanes* settings = nullptr;
    // Of everything else that the provider is asked for.
    Lanes* provider = nullptr;
    // What takes long is to end: the server leaves, or drains these threads.
    std::function<bool()> is_ending;
  };
  explicit RechargeService(const Parts& parts);

 private:
  using Context = grpc::CallbackServerContext;
  using Bytes = grpc::ByteBuffer;
  using Unary = grpc::ServerUnaryReactor;

  Unary* Pay(Context* context, const Bytes* request, Bytes* response) override;
  Unary* GetAutoRecharge(Context* context, const Bytes* request, Bytes* response) override;
  Unary* UpdateAutoRecharge(Context* context, const Bytes* request, Bytes* response) override;
  Unary* RetryRecharge(Context* context, const Bytes* request, Bytes* response) override;
  Unary* StartCardSetup(Context* context, const Bytes* request, Bytes* response) override;
  Unary* CompleteCardSetup(Context* context, const Bytes* request, Bytes* response) override;
  Unary* GetCard(Context* context, const Bytes* request, Bytes* response) override;
  Unary* DeleteCard(Context* context, const Bytes* request, Bytes* response) override;
  Unary* ListRecharges(Context* context, const Bytes* request, Bytes* response) override;
  Unary* ReconcileRecharges(Context* context, const Bytes* request, Bytes* response) override;

  const Parts parts_;

  const RpcMethod pay_;
  const RpcMethod get_auto_recharge_;
  const RpcMethod update_auto_recharge_;
  const RpcMethod retry_recharge_;
  const RpcMethod start_card_setup_;
  const RpcMethod complete_card_setup_;
  const RpcMethod get_card_;
  const RpcMethod delete_card_;
  const RpcMethod list_recharges_;
  const RpcMethod reconcile_recharges_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_RECHARGE_SERVICE_H_
