#ifndef FAREBOX_SERVER_SERVICES_EXPORT_RATES_H_
#define FAREBOX_SERVER_SERVICES_EXPORT_RATES_H_

#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/base/deck_registry.h"
#include "server/services/rpc_method.h"

namespace farebox::server {

// One call of ExportRates: the deck in force as CSV, piece by piece, each made when the one before
// has gone.
grpc::ServerWriteReactor<grpc::ByteBuffer>* ServeExport(const RpcMethod& method,
                                                        grpc::CallbackServerContext& context,
                                                        const grpc::ByteBuffer& request,
                                                        const DeckRegistry& decks);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_EXPORT_RATES_H_
