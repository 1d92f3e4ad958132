#ifndef FAREBOX_SERVER_WEB_CALL_METADATA_H_
#define FAREBOX_SERVER_WEB_CALL_METADATA_H_

#include <string>

#include "google/rpc/status.pb.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/status.h"
#include "server/web/exchange.h"

// Between HTTP's headers and gRPC's metadata, bytes and statuses.
namespace farebox::web {

// Hands on what the caller says beside the request: `authorization`, `traceparent` and whatever
// else belongs neither to HTTP, nor to a browser, nor to either protocol. What gRPC could not carry
// is left out.
void AddMetadata(const Request& request, grpc::ClientContext* context);

// What the server said before the first message, and after the last, `prefix` before its names.
void AppendLeading(const grpc::ClientContext& context, Headers* headers);
void AppendTrailing(const grpc::ClientContext& context, absl::string_view prefix, Headers* headers);

// With details, where it has them.
google::rpc::Status ToRpcStatus(const grpc::Status& status);

grpc::ByteBuffer ToBuffer(absl::string_view bytes);
std::string ToString(const grpc::ByteBuffer& buffer);

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_CALL_METADATA_H_
