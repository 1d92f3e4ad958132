#include "server/web/connect_service.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.pb.h"
#include "server/limits.h"
#include "server/web/call_metadata.h"
#include "server/web/connect_messages.h"
#include "server/web/connect_protocol.h"
#include "server/web/connect_stream.h"
#include "server/web/gzip.h"
#include "storage/check.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::web {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::MessageFactory;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

void AnswerError(const absl::Status& status, Exchange* exchange) {
  exchange->Answer(ConnectErrorResponse(ToRpcStatus(status)));
}

Response WrongType(bool is_stream) {
  Response response = TextResponse(415, "the content type is none that this RPC takes");
  response.headers.emplace_back("accept-post",
                                is_stream ? "application/connect+json, application/connect+proto"
                                          : "application/json, application/proto");
  return response;
}

// What a call says about its message, wherever it says it.
struct Sent {
  Codec codec = Codec::kJson;
  std::string encoding;
  std::string message;
  bool accepts_gzip = false;
};

}  // namespace

// A unary call under way. It lives until gRPC calls back.
class ConnectService::UnaryCall {
 public:
  UnaryCall(const ConnectMethod& method, Codec codec, bool accepts_gzip, ExchangePtr exchange)
      : method_(method),
        codec_(codec),
        accepts_gzip_(accepts_gzip),
        exchange_(std::move(exchange)) {}

  static void Start(std::unique_ptr<UnaryCall> call, const Parts& parts, const Sent& sent,
                    grpc::GenericStub* stub) {
    const absl::Status ready = call->Prepare(parts, sent);
    if (!ready.ok()) return AnswerError(ready, call->exchange_.get());
    UnaryCall* const self = call.release();
    stub->UnaryCall(
        &self->context_, self->method_.path, {}, &self->request_, &self->response_,
        [self](const grpc::Status& status) { std::unique_ptr<UnaryCall>(self)->Finish(status); });
  }

 private:
  absl::Status Prepare(const Parts& parts, const Sent& sent) {
    FAREBOX_RETURN_IF_ERROR(
        FillContext(exchange_->request(), *parts.http_callers, *parts.origins, &context_));
    FAREBOX_ASSIGN_OR_RETURN(request_,
                             ReadRequestMessage(method_, codec_, sent.encoding, sent.message));
    return absl::OkStatus();
  }

  void Finish(const grpc::Status& status) {
    Response response;
    if (status.ok()) {
      response = Success();
    } else {
      response = ConnectErrorResponse(ToRpcStatus(status));
    }
    AppendLeading(context_, &response.headers);
    AppendTrailing(context_, "trailer-", &response.headers);
    if (accepts_gzip_ && response.body.size() >= limits::kGzipBytesMin) {
      response.body = Gzip(response.body);
      response.headers.emplace_back("content-encoding", "gzip");
    }
    response.headers.emplace_back("vary", "accept-encoding");
    exchange_->Answer(std::move(response));
  }

  Response Success() {
    absl::StatusOr<std::string> body = WriteResponseMessage(method_, codec_, response_);
    if (!body.ok()) return ConnectErrorResponse(web::ToRpcStatus(body.status()));
    return {.headers = {{"content-type", std::string(ContentType({.codec = codec_}))}},
            .body = *std::move(body)};
  }

  const ConnectMethod& method_;
  const Codec codec_;
  const bool accepts_gzip_;
  const ExchangePtr exchange_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
};

ConnectService::ConnectService(const Parts& parts)
    : parts_(parts), stub_(std::make_unique<grpc::GenericStub>(parts.channel)) {
  const DescriptorPool& pool = *DescriptorPool::generated_pool();
  MessageFactory& factory = *MessageFactory::generated_factory();
  for (const std::string& name : parts_.services) {
    const ServiceDescriptor* const service = pool.FindServiceByName(name);
    FAREBOX_CHECK(service != nullptr);
    for (int i = 0; i < service->method_count(); ++i) {
      const MethodDescriptor* const method = service->method(i);
      methods_.push_back({.descriptor = method,
                          .path = absl::StrCat("/", name, "/", method->name()),
                          .request = factory.GetPrototype(method->input_type()),
                          .response = factory.GetPrototype(method->output_type()),
                          .is_safe = method->options().idempotency_level() ==
                                     google::protobuf::MethodOptions::NO_SIDE_EFFECTS});
    }
  }
}

void ConnectService::AddRoutes(Router* routes) {
  for (const ConnectMethod& method : methods_) {
    const bool is_stream =
        method.descriptor->client_streaming() || method.descriptor->server_streaming();
    routes->Add(
        "POST", method.path,
        {.handler = [this, &method](ExchangePtr exchange) { Serve(method, std::move(exchange)); },
         .body_bytes_max = is_stream ? limits::kHttpStreamBytesMax : limits::kHttpCallBytesMax,
         .takes_pieces = is_stream});
    if (!method.is_safe || is_stream) continue;
    routes->Add("GET", method.path, {.handler = [this, &method](ExchangePtr exchange) {
                  Get(method, std::move(exchange));
                }});
  }
}

void ConnectService::Serve(const ConnectMethod& method, ExchangePtr exchange) {
  const Request& request = exchange->request();
  const bool is_stream =
      method.descriptor->client_streaming() || method.descriptor->server_streaming();
  const std::optional<ConnectContent> content = ReadContentType(request.Header("content-type"));
  if (!content.has_value() || content->is_stream != is_stream) {
    return exchange->Answer(WrongType(is_stream));
  }
  const absl::Status allowed = parts_.origins->Check(request);
  if (!allowed.ok()) return AnswerError(allowed, exchange.get());
  if (is_stream) {
    return StartConnectStream(method, content->codec, parts_, std::move(exchange), stub_.get());
  }
  const Sent sent = {.codec = content->codec,
                     .encoding = std::string(request.Header("content-encoding")),
                     .message = request.body,
                     .accepts_gzip = AcceptsGzip(request.Header("accept-encoding"))};
  UnaryCall::Start(
      std::make_unique<UnaryCall>(method, sent.codec, sent.accepts_gzip, std::move(exchange)),
      parts_, sent, stub_.get());
}

void ConnectService::Get(const ConnectMethod& method, ExchangePtr exchange) {
  const Request& request = exchange->request();
  const absl::Status allowed = parts_.origins->Check(request);
  if (!allowed.ok()) return AnswerError(allowed, exchange.get());
  const auto field = [&request](absl::string_view name) { return FormField(request.query, name); };
  const std::optional<std::string> encoding = field("encoding");
  if (encoding != "json" && encoding != "proto") return exchange->Answer(WrongType(false));
  std::optional<std::string> message = field("message");
  if (message.has_value() && field("base64") == "1") {
    std::string bytes;
    message = absl::WebSafeBase64Unescape(*message, &bytes) ? std::make_optional(std::move(bytes))
                                                            : std::nullopt;
  }
  if (!message.has_value() || field("connect").value_or("v1") != "v1") {
    return AnswerError(error::FieldInvalid("message", "must be in the query, as the protocol says"),
                       exchange.get());
  }
  const Sent sent = {.codec = encoding == "json" ? Codec::kJson : Codec::kProto,
                     .encoding = field("compression").value_or(""),
                     .message = *std::move(message),
                     .accepts_gzip = AcceptsGzip(request.Header("accept-encoding"))};
  UnaryCall::Start(
      std::make_unique<UnaryCall>(method, sent.codec, sent.accepts_gzip, std::move(exchange)),
      parts_, sent, stub_.get());
}

}  // namespace farebox::web
