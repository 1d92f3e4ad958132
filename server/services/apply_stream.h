#ifndef FAREBOX_SERVER_SERVICES_APPLY_STREAM_H_
#define FAREBOX_SERVER_SERVICES_APPLY_STREAM_H_

#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/services/command_factory.h"
#include "server/services/open_streams.h"
#include "server/services/rpc_method.h"
#include "storage/ledger.h"

namespace farebox::server {

// One call of ApplyStream. Results come as they become durable, in that order; so many operations
// may be in flight, and beyond that the stream is not read, which its caller feels as backpressure.
grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ServeApplyStream(
    const RpcMethod& method, grpc::CallbackServerContext& context, const CommandFactory& commands,
    Ledger* ledger, OpenStreams* streams);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_APPLY_STREAM_H_
