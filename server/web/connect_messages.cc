#include "server/web/connect_messages.h"

#include <memory>
#include <optional>

#include "google/protobuf/arena.h"
#include "server/base/errors.h"
#include "server/security/sessions.h"
#include "server/services/message.h"
#include "server/web/call_metadata.h"
#include "server/web/gzip.h"
#include "server/web/json_message.h"
#include "server/web/session_cookie.h"
#include "storage/clock.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::web {
namespace {

// What encodings a caller may use: the names are part of the answer.
absl::Status CheckEncoding(absl::string_view encoding) {
  if (encoding.empty() || encoding == "identity" || encoding == "gzip") return absl::OkStatus();
  return absl::UnimplementedError("the encoding is not known; known are gzip and identity");
}

}  // namespace

absl::StatusOr<grpc::ByteBuffer> ReadRequestMessage(const ConnectMethod& method, Codec codec,
                                                    absl::string_view encoding,
                                                    absl::string_view bytes) {
  FAREBOX_RETURN_IF_ERROR(CheckEncoding(encoding));
  std::string unpacked;
  if (encoding == "gzip" && !bytes.empty()) {
    absl::StatusOr<std::string> out = Gunzip(bytes, method.request_bytes_max);
    if (absl::IsResourceExhausted(out.status())) {
      return server::MessageTooLarge(method.request_bytes_max + 1, method.request_bytes_max);
    }
    if (!out.ok()) return error::FieldInvalid("request", out.status().message());
    unpacked = *std::move(out);
    bytes = unpacked;
  }
  if (codec == Codec::kProto) return ToBuffer(bytes);
  google::protobuf::Arena arena;
  google::protobuf::Message* const message = method.request->New(&arena);
  FAREBOX_RETURN_IF_ERROR(ReadJson(bytes, message));
  return server::SerializeMessage(*message);
}

absl::StatusOr<std::string> WriteResponseMessage(const ConnectMethod& method, Codec codec,
                                                 const grpc::ByteBuffer& response) {
  if (codec == Codec::kProto) return ToString(response);
  google::protobuf::Arena arena;
  google::protobuf::Message* const message = method.response->New(&arena);
  FAREBOX_RETURN_IF_ERROR(server::ParseMessage(response, response.Length(), message));
  return WriteJson(*message);
}

// A tag of a field that breaks off.
grpc::ByteBuffer UnreadMessage() { return ToBuffer("\xff"); }

absl::StatusOr<bool> FillContext(const ConnectMethod& method, const Request& request,
                                 const ConnectService::Parts& parts, grpc::ClientContext* context) {
  const absl::string_view version = request.Header(kConnectVersion);
  if (!version.empty() && version != "1") {
    return error::FieldInvalid(kConnectVersion, "must be 1");
  }
  const absl::StatusOr<std::optional<absl::Duration>> timeout =
      ReadTimeout(request.Header("connect-timeout-ms"));
  if (!timeout.ok()) {
    return error::FieldInvalid("connect-timeout-ms", timeout.status().message());
  }
  if (timeout->has_value()) {
    // A call within the process can be quicker than gRPC's timer.
    if (**timeout == absl::ZeroDuration()) return error::DeadlineExceeded();
    // gRPC counts by the machine's clock.
    context->set_deadline(absl::ToChronoTime(SystemClock().Now() + **timeout));
  }
  server::HttpCallers::Facts facts = {.peer = request.peer, .certificate = request.certificate};
  const std::string token = SessionToken(request, parts.origins->IsSecure(request));
  if (!token.empty() && request.Header("authorization").empty()) {
    // What only reads, a browser may be led to by anybody: it does not show it to them.
    if (request.method != "GET") FAREBOX_RETURN_IF_ERROR(parts.origins->CheckWithSession(request));
    facts.session = server::Sessions::DigestOf(token);
  }
  AddMetadata(request, context);
  context->AddMetadata(server::HttpCallers::kName, parts.access->http_callers().Write(facts));
  const absl::StatusOr<server::CallerPtr> caller =
      parts.access->IdentifyByHttp({.authorization = request.Header("authorization"),
                                    .session = facts.session,
                                    .certificate = facts.certificate});
  return caller.ok() && method.rule.Allows(**caller);
}

google::rpc::Status ToRpcStatus(const absl::Status& status) {
  google::rpc::Status out;
  if (absl::IsUnimplemented(status)) {
    out.set_code(static_cast<int>(status.code()));
    out.set_message(std::string(status.message()));
  } else {
    server::FillRpcStatus(status, &out);
  }
  return out;
}

}  // namespace farebox::web
