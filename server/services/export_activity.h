#ifndef FAREBOX_SERVER_SERVICES_EXPORT_ACTIVITY_H_
#define FAREBOX_SERVER_SERVICES_EXPORT_ACTIVITY_H_

#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/base/reader_pool.h"
#include "server/services/open_streams.h"
#include "server/services/rpc_method.h"
#include "storage/ledger.h"

namespace farebox::server {

// What all exports of activity share; all of it outlives them.
struct ExportParts {
  const RpcMethod& method;
  const Ledger& ledger;
  ReaderPool* readers;
  OpenStreams* exports;
};

// One call of ExportActivity: an account's lines as CSV, piece by piece. Each piece is a query of
// its own, made when the one before has gone: a caller that reads slowly keeps a piece in memory,
// and no thread.
grpc::ServerWriteReactor<grpc::ByteBuffer>* ServeActivityExport(
    const ExportParts& parts, grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& request);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_EXPORT_ACTIVITY_H_
