#ifndef FAREBOX_SERVER_SERVICES_MESSAGE_H_
#define FAREBOX_SERVER_SERVICES_MESSAGE_H_

#include <cstddef>

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"

// Our own step between gRPC's bytes and protobuf's messages: gRPC itself would answer bytes that
// it cannot parse with UNIMPLEMENTED, which a caller takes for "no such method".
namespace farebox::server {

// Fails with FIELD_INVALID where `bytes` are no such message, and MESSAGE_TOO_LARGE.
absl::Status ParseMessage(const grpc::ByteBuffer& bytes, size_t bytes_max,
                          google::protobuf::Message* message);

grpc::ByteBuffer SerializeMessage(const google::protobuf::Message& message);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_MESSAGE_H_
