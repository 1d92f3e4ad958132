#ifndef FAREBOX_SERVER_SERVICES_NUMBER_SERVICE_H_
#define FAREBOX_SERVER_SERVICES_NUMBER_SERVICE_H_

#include "farebox/v1/number.grpc.pb.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/numbers/number_worker.h"
#include "server/services/number_desk.h"
#include "server/services/rpc_method.h"
#include "server/services/unary_call.h"

namespace farebox::server {

using RawNumberService = v1::NumberService::WithRawCallbackMethod_PurchaseNumber<
    v1::NumberService::WithRawCallbackMethod_ReleaseNumber<
        v1::NumberService::WithRawCallbackMethod_ListNumbers<v1::NumberService::Service>>>;

// Rented numbers. Every call may wait for a disk, and so is made on the number worker's threads.
// Thread-safe.
class NumberService final : public RawNumberService {
 public:
  // All of them outlive the service.
  struct Parts {
    RpcEnvironment environment;
    NumberDesk* desk = nullptr;
    NumberWorker* worker = nullptr;
  };
  explicit NumberService(const Parts& parts);

 private:
  using Context = grpc::CallbackServerContext;
  using Bytes = grpc::ByteBuffer;
  using Unary = grpc::ServerUnaryReactor;

  Unary* PurchaseNumber(Context* context, const Bytes* request, Bytes* response) override;
  Unary* ReleaseNumber(Context* context, const Bytes* request, Bytes* response) override;
  Unary* ListNumbers(Context* context, const Bytes* request, Bytes* response) override;

  const Parts parts_;

  const RpcMethod purchase_number_;
  const RpcMethod release_number_;
  const RpcMethod list_numbers_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_NUMBER_SERVICE_H_
