#ifndef FAREBOX_SERVER_WEB_CONNECT_STREAM_H_
#define FAREBOX_SERVER_WEB_CONNECT_STREAM_H_

#include "grpcpp/generic/generic_stub.h"
#include "server/web/connect_protocol.h"
#include "server/web/connect_service.h"
#include "server/web/exchange.h"

namespace farebox::web {

// Serves a call of a streaming RPC: reads the caller's messages and hands each to gRPC, then hands
// back those of the server as they come. Each side is read no faster than the other one takes what
// it is given. Whoever goes away ends the call. The method, the parts and the stub outlive it.
void StartConnectStream(const ConnectMethod& method, Codec codec,
                        const ConnectService::Parts& parts, ExchangePtr exchange,
                        grpc::GenericStub* stub);

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_CONNECT_STREAM_H_
