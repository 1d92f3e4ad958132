#ifndef FAREBOX_SERVER_GRPC_SETUP_H_
#define FAREBOX_SERVER_GRPC_SETUP_H_

#include "grpcpp/server_builder.h"
#include "server/config.h"

namespace farebox::server {

// The bounds of the transport: gRPC's own defaults are meant for friends.
void SetBounds(const Config& config, grpc::ServerBuilder* builder);

// What the libraries have to say goes where our own log does, and not to standard error by itself:
// protobuf would tell of every bad request there.
void TakeOverLibraryLogs();

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_GRPC_SETUP_H_
