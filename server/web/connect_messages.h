#ifndef FAREBOX_SERVER_WEB_CONNECT_MESSAGES_H_
#define FAREBOX_SERVER_WEB_CONNECT_MESSAGES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/web/connect_protocol.h"
#include "server/web/connect_service.h"

// What unary calls and streams have in common. Pure.
namespace farebox::web {

// The bytes of gRPC's message for those of a request, which may take long for large ones.
// FIELD_INVALID, MESSAGE_TOO_LARGE, or Unimplemented for an encoding that is not known.
absl::StatusOr<grpc::ByteBuffer> ReadRequestMessage(const ConnectMethod& method, Codec codec,
                                                    absl::string_view encoding,
                                                    absl::string_view bytes);

// The other way, uncompressed. Internal: gRPC gave what is no such message.
absl::StatusOr<std::string> WriteResponseMessage(const ConnectMethod& method, Codec codec,
                                                 const grpc::ByteBuffer& response);

// What is sent in place of a request that nobody is to read: no message of any RPC.
grpc::ByteBuffer UnreadMessage();

// What the caller said about the call: version, time and metadata, from where it comes and by which
// session, where it brings no key. Returns whether that is somebody who may call the RPC: what
// others send is not to be read, and the RPC answers them. FIELD_INVALID for what is not well
// formed, PERMISSION_DENIED for a session that another site's page may be using.
absl::StatusOr<bool> FillContext(const ConnectMethod& method, const Request& request,
                                 const ConnectService::Parts& parts, grpc::ClientContext* context);

// A status of this process's own as callers get it.
google::rpc::Status ToRpcStatus(const absl::Status& status);

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_CONNECT_MESSAGES_H_
