#ifndef FAREBOX_SERVER_SERVICES_WATCH_STREAM_H_
#define FAREBOX_SERVER_SERVICES_WATCH_STREAM_H_

#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/services/rpc_method.h"
#include "server/services/watch_hub.h"
#include "storage/ledger.h"

namespace farebox::server {

// One call of WatchAccount: every entry from where the caller asks, and signals as they come, ahead
// of entries that wait.
grpc::ServerWriteReactor<grpc::ByteBuffer>* ServeWatch(const RpcMethod& method,
                                                       grpc::CallbackServerContext& context,
                                                       const grpc::ByteBuffer& request,
                                                       const Ledger& ledger, WatchHub* hub);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_WATCH_STREAM_H_
