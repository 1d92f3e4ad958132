#include "server/web/connect_stream.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/limits.h"
#include "server/web/call_metadata.h"
#include "server/web/connect_messages.h"
#include "server/web/gzip.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::web {
namespace {

Response Head(Codec codec, bool is_compressed) {
  Response head = {
      .headers = {{"content-type", std::string(ContentType({.codec = codec, .is_stream = true}))}}};
  if (is_compressed) head.headers.emplace_back("connect-content-encoding", "gzip");
  return head;
}

// Answers a call that gRPC never heard of.
void AnswerFailed(Codec codec, const absl::Status& status, const ExchangePtr& exchange) {
  exchange->Begin(Head(codec, /*is_compressed=*/false));
  exchange->Write(Envelope(kEnvelopeEnd, EndOfStreamJson(ToRpcStatus(status), {})),
                  [exchange](bool) { exchange->End(); });
}

// A call under way. It has two sides, each of which holds the call open until it is over: the
// caller's messages, and the server's.
class StreamCall final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                         public std::enable_shared_from_this<StreamCall> {
 public:
  StreamCall(const ConnectMethod& method, Codec codec, ExchangePtr exchange)
      : method_(method),
        codec_(codec),
        encoding_(exchange->request().Header("connect-content-encoding")),
        sends_gzip_(AcceptsGzip(exchange->request().Header("connect-accept-encoding"))),
        exchange_(std::move(exchange)),
        envelopes_(method.request_bytes_max) {}

  absl::Status Prepare(const ConnectService::Parts& parts) {
    FAREBOX_ASSIGN_OR_RETURN(may_call_,
                             FillContext(method_, exchange_->request(), parts, &context_));
    return absl::OkStatus();
  }

  void Start(grpc::GenericStub* stub) {
    stub->PrepareBidiStreamingCall(&context_, method_.path, {}, this);
    AddHold();
    AddHold();
    self_ = shared_from_this();
    exchange_->OnGone([self = self_] { self->context_.TryCancel(); });
    StartCall();
    may_call_ ? ReadBody() : SendUnread();
    StartRead(&response_);
  }

 private:
  bool is_client_streaming() const { return method_.descriptor->client_streaming(); }

  // ---- The caller's side

  void ReadBody() {
    exchange_->ReadBody([this, self = self_](absl::StatusOr<std::string> piece) {
      if (!piece.ok()) return FailRequest(error::FieldInvalid("request", "has not come whole"));
      if (piece->empty()) return EndRequest();
      envelopes_.Add(*piece);
      NextMessage();
    });
  }

  // What is sent by who may not call it is not read, and the RPC answers them.
  void SendUnread() {
    request_ = UnreadMessage();
    ++sent_messages_;
    StartWrite(&request_);
  }

  // Hands on what has come whole; then asks for more.
  void NextMessage() {
    absl::StatusOr<std::optional<Enveloped>> next = envelopes_.Next();
    if (!next.ok()) {
      return FailRequest(
          absl::IsResourceExhausted(next.status())
              ? server::MessageTooLarge(method_.request_bytes_max + 1, method_.request_bytes_max)
              : error::FieldInvalid("request", next.status().message()));
    }
    if (!next->has_value()) return ReadBody();
    if (!is_client_streaming() && sent_messages_ > 0) {
      return FailRequest(error::FieldInvalid("request", "must be one message"));
    }
    const bool is_compressed = ((*next)->flags & kEnvelopeCompressed) != 0;
    if (is_compressed && encoding_.empty()) {
      return FailRequest(error::FieldInvalid("connect-content-encoding", "is missing"));
    }
    absl::StatusOr<grpc::ByteBuffer> message =
        ReadRequestMessage(method_, codec_, is_compressed ? encoding_ : "", (*next)->message);
    if (!message.ok()) return FailRequest(message.status());
    request_ = *std::move(message);
    ++sent_messages_;
    StartWrite(&request_);
  }

  void OnWriteDone(bool ok) override {
    if (ok) return may_call_ ? NextMessage() : EndRequest();
    // The call is over already; what remains of the request is nobody's.
    EndCallersSide();
  }

  void EndRequest() {
    if (envelopes_.is_within_message()) {
      return FailRequest(error::FieldInvalid("request", "ends within a message"));
    }
    if (!is_client_streaming() && sent_messages_ == 0) {
      return FailRequest(error::FieldInvalid("request", "must be one message"));
    }
    StartWritesDone();
    // The caller listens now. Where the server says nothing for long, it is told that it is heard.
    if (!is_client_streaming()) Begin();
    EndCallersSide();
  }

  void FailRequest(absl::Status status) {
    request_failure_ = std::move(status);
    context_.TryCancel();
    EndCallersSide();
  }

  // Over HTTP/1.1 the server speaks when the caller has ended: what it has said already waits.
  void EndCallersSide() {
    if ((turns_.fetch_or(kCallerHasEnded) & kServerHasSpoken) != 0) SendResponse();
    RemoveHold();
  }

  // ---- The server's side

  void Begin() {
    if (is_begun_.exchange(true)) return;
    exchange_->Begin(Head(codec_, sends_gzip_));
  }

  void OnReadDone(bool ok) override {
    if (!ok) return RemoveHold();
    if ((turns_.fetch_or(kServerHasSpoken) & kCallerHasEnded) != 0) SendResponse();
  }

  void SendResponse() {
    Begin();
    absl::StatusOr<std::string> message = WriteResponseMessage(method_, codec_, response_);
    if (!message.ok()) {
      context_.TryCancel();
      return RemoveHold();
    }
    const bool is_compressed = sends_gzip_ && message->size() >= limits::kGzipBytesMin;
    exchange_->Write(Envelope(is_compressed ? kEnvelopeCompressed : 0,
                              is_compressed ? Gzip(*message) : *message),
                     [this, self = self_](bool is_written) {
                       if (is_written) return StartRead(&response_);
                       context_.TryCancel();
                       RemoveHold();
                     });
  }

  void OnDone(const grpc::Status& status) override {
    Begin();
    Headers metadata;
    AppendLeading(context_, &metadata);
    AppendTrailing(context_, "", &metadata);
    const google::rpc::Status end =
        request_failure_.ok() ? ToRpcStatus(status) : ToRpcStatus(request_failure_);
    exchange_->Write(Envelope(kEnvelopeEnd, EndOfStreamJson(end, metadata)),
                     [exchange = exchange_](bool) { exchange->End(); });
    self_.reset();
  }

  // Constant after construction.
  const ConnectMethod& method_;
  const Codec codec_;
  const std::string encoding_;
  const bool sends_gzip_;
  const ExchangePtr exchange_;

  // Until gRPC has called back for the last time.
  std::shared_ptr<StreamCall> self_;
  grpc::ClientContext context_;
  // Set before the call is started.
  bool may_call_ = false;

  // Of the caller's side; one thread at a time has it.
  EnvelopeReader envelopes_;
  grpc::ByteBuffer request_;
  int64_t sent_messages_ = 0;
  // Set before the side lets go of its hold.
  absl::Status request_failure_;

  // Whose turn it is; both sides look.
  static constexpr int kCallerHasEnded = 1;
  static constexpr int kServerHasSpoken = 2;
  std::atomic<int> turns_{0};

  // Of the server's side.
  grpc::ByteBuffer response_;
  std::atomic<bool> is_begun_{false};
};

}  // namespace

void StartConnectStream(const ConnectMethod& method, Codec codec,
                        const ConnectService::Parts& parts, ExchangePtr exchange,
                        grpc::GenericStub* stub) {
  if (method.descriptor->client_streaming() && method.descriptor->server_streaming()) {
    return AnswerFailed(codec,
                        absl::UnimplementedError("both sides cannot speak at once over HTTP/1.1; "
                                                 "call it by gRPC"),
                        exchange);
  }
  const auto call = std::make_shared<StreamCall>(method, codec, exchange);
  const absl::Status ready = call->Prepare(parts);
  if (!ready.ok()) return AnswerFailed(codec, ready, exchange);
  call->Start(stub);
}

}  // namespace farebox::web
