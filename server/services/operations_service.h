#ifndef FAREBOX_SERVER_SERVICES_OPERATIONS_SERVICE_H_
#define FAREBOX_SERVER_SERVICES_OPERATIONS_SERVICE_H_

#include <atomic>

#include "farebox/v1/operations.grpc.pb.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/backups.h"
#include "server/base/reader_pool.h"
#include "server/services/rpc_method.h"
#include "server/services/server_status.h"

namespace farebox::server {

using RawOperationsService = v1::OperationsService::WithRawCallbackMethod_Verify<
    v1::OperationsService::WithRawCallbackMethod_Backup<
        v1::OperationsService::WithRawCallbackMethod_GetStatus<v1::OperationsService::Service>>>;

// Looks after the server itself. Thread-safe.
class OperationsService final : public RawOperationsService {
 public:
  // All of them outlive the service.
  struct Parts {
    RpcEnvironment environment;
    ReaderPool* readers = nullptr;
    ServerStatusParts status;
    Backups* backups = nullptr;
  };
  explicit OperationsService(const Parts& parts);

 private:
  using Context = grpc::CallbackServerContext;
  using Bytes = grpc::ByteBuffer;
  using Unary = grpc::ServerUnaryReactor;

  Unary* Verify(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerWriteReactor<Bytes>* Backup(Context* context, const Bytes* request) override;
  Unary* GetStatus(Context* context, const Bytes* request, Bytes* response) override;

  const Parts parts_;
  const RpcMethod verify_;
  const RpcMethod backup_;
  const RpcMethod get_status_;

  // One verification at a time: each reads the whole journal.
  std::atomic<bool> is_verifying_{false};
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_OPERATIONS_SERVICE_H_
