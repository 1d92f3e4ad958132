#include "server/web/connect_service.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.pb.h"
#include "server/base/limits.h"
#include "server/services/request_bounds.h"
#include "server/web/call_metadata.h"
#include "server/web/connect_messages.h"
#include "server/web/connect_protocol.h"
#include "server/web/connect_stream.h"
#include "server/web/gzip.h"
#include "storage/check.h"
#include "storage/errors.h"

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

}  // namespace

// What a call says about its message, wherever it says it.
struct ConnectService::Sent {
  Codec codec = Codec::kJson;
  std::string encoding;
  // Where it is in the query, in place of the body.
  std::optional<std::string> of_query;
  bool accepts_gzip = false;
};

// A unary call under way. It lives until gRPC calls back.
class ConnectService::UnaryCall : public std::enable_shared_from_this<ConnectService::UnaryCall> {
 public:
  UnaryCall(const ConnectMethod& method, Sent sent, ExchangePtr exchange)
      : method_(method), sent_(std::move(sent)), exchange_(std::move(exchange)) {}

  const ExchangePtr& exchange() const { return exchange_; }

  // See FillContext.
  absl::StatusOr<bool> FillContextOf(const Parts& parts) {
    return FillContext(method_, exchange_->request(), parts, &context_);
  }

  // Whether it would keep a thread that is to wait for nothing.
  bool TakesLongToRead() const {
    const bool may_be_large = method_.request_bytes_max > 2 * limits::kHttpSmallBodyBytes;
    const bool is_packed = !sent_.encoding.empty();
    return may_be_large && (is_packed || message().size() > limits::kHttpSmallBodyBytes);
  }

  void ReadAndSend(grpc::GenericStub* stub) {
    absl::StatusOr<grpc::ByteBuffer> request =
        ReadRequestMessage(method_, sent_.codec, sent_.encoding, message());
    if (!request.ok()) return AnswerError(request.status(), exchange_.get());
    Send(*std::move(request), stub);
  }

  void Send(grpc::ByteBuffer request, grpc::GenericStub* stub) {
    request_ = std::move(request);
    // The exchange is not to keep the call, which keeps the exchange.
    exchange_->OnGone([weak = weak_from_this()] {
      if (const std::shared_ptr<UnaryCall> call = weak.lock()) call->context_.TryCancel();
    });
    stub->UnaryCall(
        &context_, method_.path, {}, &request_, &response_,
        [self = shared_from_this()](const grpc::Status& status) { self->Finish(status); });
  }

 private:
  absl::string_view message() const {
    return sent_.of_query.has_value() ? *sent_.of_query : exchange_->request().body;
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
    if (sent_.accepts_gzip && response.body.size() >= limits::kGzipBytesMin) {
      response.body = Gzip(response.body);
      response.headers.emplace_back("content-encoding", "gzip");
    }
    response.headers.emplace_back("vary", "accept-encoding");
    exchange_->Answer(std::move(response));
  }

  Response Success() {
    absl::StatusOr<std::string> body = WriteResponseMessage(method_, sent_.codec, response_);
    if (!body.ok()) return ConnectErrorResponse(web::ToRpcStatus(body.status()));
    return {.headers = {{"content-type", std::string(ContentType({.codec = sent_.codec}))}},
            .body = *std::move(body)};
  }

  const ConnectMethod& method_;
  const Sent sent_;
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
      const std::string full_name = absl::StrCat(name, "/", method->name());
      methods_.push_back({.descriptor = method,
                          .path = absl::StrCat("/", full_name),
                          .request = factory.GetPrototype(method->input_type()),
                          .response = factory.GetPrototype(method->output_type()),
                          .is_safe = method->options().idempotency_level() ==
                                     google::protobuf::MethodOptions::NO_SIDE_EFFECTS,
                          .request_bytes_max =
                              limits::kHttpRequestExpansionMax * server::RequestBytesMax(full_name),
                          .rule = server::AccessRule::Of(full_name)});
    }
  }
}

void ConnectService::AddRoutes(Router* routes) {
  routes_ = routes;
  for (const ConnectMethod& method : methods_) {
    const bool is_stream =
        method.descriptor->client_streaming() || method.descriptor->server_streaming();
    routes->Add(
        "POST", method.path,
        {.handler = [this, &method](ExchangePtr exchange) { Serve(method, std::move(exchange)); },
         .body_bytes_max = is_stream ? limits::kHttpStreamBytesMax : method.request_bytes_max,
         .takes_pieces = is_stream,
         .busy = ConnectErrorResponse(ToRpcStatus(error::Overloaded()))});
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
  Sent sent = {.codec = content->codec,
               .encoding = std::string(request.Header("content-encoding")),
               .accepts_gzip = AcceptsGzip(request.Header("accept-encoding"))};
  Start(std::make_shared<UnaryCall>(method, std::move(sent), std::move(exchange)));
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
  Sent sent = {.codec = encoding == "json" ? Codec::kJson : Codec::kProto,
               .encoding = field("compression").value_or(""),
               .of_query = std::move(message),
               .accepts_gzip = AcceptsGzip(request.Header("accept-encoding"))};
  Start(std::make_shared<UnaryCall>(method, std::move(sent), std::move(exchange)));
}

void ConnectService::Start(const std::shared_ptr<UnaryCall>& call) {
  const absl::StatusOr<bool> may_call = call->FillContextOf(parts_);
  if (!may_call.ok()) return AnswerError(may_call.status(), call->exchange().get());
  if (!*may_call) return call->Send(UnreadMessage(), stub_.get());
  if (!call->TakesLongToRead()) return call->ReadAndSend(stub_.get());
  const bool is_taken = routes_->RunApart([this, call] { call->ReadAndSend(stub_.get()); });
  if (!is_taken) AnswerError(error::Overloaded(), call->exchange().get());
}

}  // namespace farebox::web
