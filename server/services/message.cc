#include "server/services/message.h"

#include "absl/strings/str_cat.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "grpcpp/support/slice.h"
#include "server/base/errors.h"
#include "storage/check.h"
#include "storage/errors.h"

namespace farebox::server {
namespace {

bool Parse(const grpc::ByteBuffer& bytes, google::protobuf::Message* message) {
  // A call that ends without any message has no buffer.
  if (!bytes.Valid()) return false;
  grpc::Slice slice;
  if (bytes.TrySingleSlice(&slice).ok()) {
    return message->ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
  }
  grpc::ByteBuffer shared = bytes;
  grpc::ProtoBufferReader reader(&shared);
  return reader.status().ok() && message->ParseFromZeroCopyStream(&reader);
}

}  // namespace

absl::Status ParseMessage(const grpc::ByteBuffer& bytes, size_t bytes_max,
                          google::protobuf::Message* message) {
  if (bytes.Valid() && bytes.Length() > bytes_max) {
    return MessageTooLarge(bytes.Length(), bytes_max);
  }
  if (Parse(bytes, message)) return absl::OkStatus();
  return error::FieldInvalid(
      "request", absl::StrCat("is no ", message->GetDescriptor()->full_name(), " in UTF-8"));
}

grpc::ByteBuffer SerializeMessage(const google::protobuf::Message& message) {
  const size_t size = message.ByteSizeLong();
  grpc::Slice slice(grpc_slice_malloc(size), grpc::Slice::STEAL_REF);
  FAREBOX_CHECK(slice.size() == size);
  message.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace farebox::server
