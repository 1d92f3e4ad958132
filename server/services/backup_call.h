#ifndef FAREBOX_SERVER_SERVICES_BACKUP_CALL_H_
#define FAREBOX_SERVER_SERVICES_BACKUP_CALL_H_

#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/backups.h"
#include "server/services/rpc_method.h"

namespace farebox::server {

// One call of Backup.
grpc::ServerWriteReactor<grpc::ByteBuffer>* ServeBackup(const RpcMethod& method,
                                                        grpc::CallbackServerContext& context,
                                                        const grpc::ByteBuffer& request,
                                                        Backups* backups);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_BACKUP_CALL_H_
