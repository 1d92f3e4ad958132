#include "server/web/http_connection.h"

#include <boost/system/error_code.hpp>
#include <list>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "server/base/limits.h"
#include "server/web/body_room.h"
#include "server/web/http_exchange.h"
#include "server/web/http_head.h"
#include "server/web/http_request_reader.h"
#include "server/web/unsent_answer.h"

// A connection's life:
//
//   kHandshake --> kIdle --> kReading --> kAnswering --> kIdle ...
//      |             |           |             |
//      +-------------+-----------+-------------+--> kLingering --> kGone
//
//   kHandshake  with TLS only: handshake_timeout
//   kIdle       waits for the first byte of a request: idle_timeout
//   kReading    the head is to be whole within read_timeout, and so is the body after it
//   kAnswering  somebody holds the exchange: no bound but theirs, and they are told within a second
//               where the peer is gone. A piece of a body that is taken piece by piece is to come
//               within read_timeout, and 64 KiB of what is sent are to be taken within
//               write_timeout
//   kLingering  what the peer still says is thrown away, so that no reset overtakes the last answer
namespace farebox::web {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// What is read at once: for a request that is awaited, and for the rest of a large one.
constexpr size_t kFirstReadBytes = 1024;
constexpr size_t kReadBytes = 16 * 1024;
constexpr size_t kThrownAwayBytesMax = 1024 * 1024;
constexpr absl::Duration kLingerTime = absl::Seconds(2);

constexpr absl::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

class Connection final : public HttpConnection,
                         public AnsweredConnection,
                         public std::enable_shared_from_this<Connection> {
 public:
  Connection(HttpListenerState* shared, HttpWorker* worker, HttpSocket socket, std::string peer,
             absl::AnyInvocable<void()> closed)
      : HttpConnection(std::move(closed)),
        shared_(shared),
        worker_(worker),
        peer_(std::move(peer)),
        transport_(MakeHttpTransport(std::move(socket), shared->tls)),
        place_(worker_->all().insert(worker_->all().end(), this)),
        reader_(shared->bounds.header_bytes_max) {}

  void Start();
  void Close() override;
  void LookForPeer() override;

  asio::io_context& context() override { return worker_->context(); }
  void Answer(Response response) override;
  void Begin(const Response& head) override;
  void WritePiece(absl::string_view piece, absl::AnyInvocable<void(bool)> written) override;
  void End() override;
  void OnGone(absl::AnyInvocable<void()> gone) override;
  void ReadBody(absl::AnyInvocable<void(absl::StatusOr<std::string>)> read) override;
  void Abandon() override;

 private:
  using Place = std::list<HttpConnection*>::iterator;

  enum class Phase { kHandshake, kIdle, kReading, kAnswering, kLingering, kGone };

  // Reading.
  void AwaitRequest();
  void StopIdling();
  void Read(size_t bytes_max);
  void OnRead(const error_code& error, size_t bytes);
  void Parse();
  void OnHead();
  void BeginBody();
  bool CountBody();
  void Reject(int status, Headers headers = {});
  void RejectWith(Response response);
  void Handle(std::string body);
  void Continue();
  bool GivePiece();

  // Writing.
  std::string Head(const Response& response, bool is_in_pieces);
  void Send();
  void OnSent(const error_code& error);
  void OnAnswered();
  void Linger();

  // Constant after construction.
  HttpListenerState* const shared_;
  HttpWorker* const worker_;
  const std::string peer_;

  const std::unique_ptr<HttpTransport> transport_;
  const Place place_;
  std::optional<Place> idle_place_;
  Phase phase_ = Phase::kHandshake;
  bool is_reading_ = false;
  bool is_sending_ = false;

  // The request. The reader has the body while it is read.
  HttpRequestReader reader_;
  const Route* route_ = nullptr;
  bool keeps_alive_ = false;
  BodyRoom body_room_{&shared_->bodies_bytes};
  absl::AnyInvocable<void(absl::StatusOr<std::string>)> on_piece_;

  // The answer.
  UnsentAnswer answer_;
  absl::AnyInvocable<void(bool)> on_written_;
  absl::AnyInvocable<void()> on_gone_;
  size_t thrown_away_ = 0;
};

// ---- Reading

void Connection::Start() {
  transport_->SetTimeout(shared_->bounds.handshake_timeout);
  transport_->Handshake([self = shared_from_this()](const error_code& error, size_t) {
    if (error) return self->Close();
    if (self->phase_ != Phase::kGone) self->AwaitRequest();
  });
}

void Connection::AwaitRequest() {
  if (shared_->is_draining.load(std::memory_order_relaxed)) return Close();
  reader_.BeginRequest();
  route_ = nullptr;
  if (reader_.has_bytes()) {
    // The next request came with the one before.
    phase_ = Phase::kReading;
    transport_->SetTimeout(shared_->bounds.read_timeout);
    return Parse();
  }
  phase_ = Phase::kIdle;
  idle_place_ = worker_->idle().insert(worker_->idle().end(), this);
  transport_->SetTimeout(shared_->bounds.idle_timeout);
  Read(kFirstReadBytes);
}

void Connection::StopIdling() {
  if (idle_place_.has_value()) worker_->idle().erase(*idle_place_);
  idle_place_.reset();
}

void Connection::Read(size_t bytes_max) {
  is_reading_ = true;
  transport_->Read(reader_.Prepare(bytes_max),
                   [self = shared_from_this()](const error_code& error, size_t bytes) {
                     self->is_reading_ = false;
                     if (self->phase_ != Phase::kGone) self->OnRead(error, bytes);
                   });
}

void Connection::OnRead(const error_code& error, size_t bytes) {
  if (phase_ == Phase::kLingering || answer_.is_in_pieces()) {
    thrown_away_ += bytes;
    if (error || thrown_away_ > kThrownAwayBytesMax) return Close();
    return Read(kFirstReadBytes);
  }
  if (error) return Close();
  reader_.Commit(bytes);
  if (phase_ == Phase::kIdle) {
    StopIdling();
    phase_ = Phase::kReading;
    transport_->SetTimeout(shared_->bounds.read_timeout);
  }
  // Whoever was to have it has answered without.
  if (phase_ == Phase::kAnswering && on_piece_ == nullptr) return;
  Parse();
}

void Connection::Parse() {
  while (true) {
    switch (reader_.Parse()) {
      case HttpRequestReader::Step::kNeedsBytes:
        return Read(kReadBytes);
      case HttpRequestReader::Step::kMalformed:
        return phase_ == Phase::kReading ? Reject(reader_.error_status()) : Close();
      case HttpRequestReader::Step::kHead:
        return OnHead();
      case HttpRequestReader::Step::kGoesOn:
        if (phase_ == Phase::kAnswering && GivePiece()) return;
        if (!CountBody()) return RejectWith(route_->busy);
        break;
      case HttpRequestReader::Step::kWhole:
        if (phase_ == Phase::kReading) return Handle(std::move(reader_.body()));
        GivePiece();
        return;
    }
  }
}

void Connection::OnHead() {
  const int problem = reader_.CheckHead();
  if (problem != 0) return Reject(problem);
  Router::Found found = shared_->router->Find(reader_.method(), reader_.path());
  if (found.route == nullptr) {
    return Reject(405, {{"allow", std::move(found.allowed_methods)}});
  }
  route_ = found.route;
  if (!reader_.AllowBody(route_->body_bytes_max)) return Reject(413);
  const absl::string_view expected = reader_.expect();
  if (!expected.empty() && !absl::EqualsIgnoreCase(expected, "100-continue")) return Reject(417);
  keeps_alive_ = reader_.keeps_alive();
  // The body has a time of its own.
  transport_->SetTimeout(shared_->bounds.read_timeout);
  const bool awaits_word = !expected.empty() && !reader_.is_http_10() && !reader_.is_whole();
  awaits_word ? Continue() : BeginBody();
}

void Connection::BeginBody() { route_->takes_pieces ? Handle("") : Parse(); }

void Connection::Continue() {
  is_sending_ = true;
  transport_->Write(kContinue, [self = shared_from_this()](const error_code& error, size_t) {
    self->is_sending_ = false;
    if (self->phase_ == Phase::kGone) return;
    error ? self->Close() : self->BeginBody();
  });
}

// False where there is no room for so much.
bool Connection::CountBody() {
  const size_t bytes = reader_.body().size();
  return bytes <= limits::kHttpSmallBodyBytes ||
         body_room_.Grow(bytes, shared_->bounds.bodies_bytes_max);
}

void Connection::Handle(std::string body) {
  phase_ = Phase::kAnswering;
  transport_->SetTimeout(absl::InfiniteDuration());
  Request request = reader_.TakeRequest(std::move(body));
  request.peer = peer_;
  request.is_tls = transport_->is_tls();
  request.certificate = transport_->certificate();
  route_->handler(MakeHttpExchange(shared_from_this(), std::move(request), body_room_.HandOn()));
}

void Connection::ReadBody(absl::AnyInvocable<void(absl::StatusOr<std::string>)> read) {
  const bool is_answered = is_sending_ || answer_.is_in_pieces() || phase_ != Phase::kAnswering;
  if (is_answered) return read(absl::UnavailableError("the request was answered, or is gone"));
  on_piece_ = std::move(read);
  transport_->SetTimeout(shared_->bounds.read_timeout);
  Parse();
}

// False where there is nothing to give yet.
bool Connection::GivePiece() {
  std::string& body = reader_.body();
  if (on_piece_ == nullptr || (body.empty() && !reader_.is_whole())) return false;
  std::exchange(on_piece_, nullptr)(std::exchange(body, {}));
  return true;
}

// ---- Writing

void Connection::Reject(int status, Headers headers) {
  Response response = TextResponse(status, Reason(status));
  for (auto& header : headers) response.headers.push_back(std::move(header));
  RejectWith(std::move(response));
}

// Answers a request that nobody else is to see, and no other after it.
void Connection::RejectWith(Response response) {
  reader_.body() = std::string();
  body_room_.Leave();
  phase_ = Phase::kAnswering;
  keeps_alive_ = false;
  Answer(std::move(response));
}

std::string Connection::Head(const Response& response, bool is_in_pieces) {
  // What comes after a body that nobody has read is no request.
  const bool is_whole = reader_.is_whole() && !is_in_pieces;
  keeps_alive_ = keeps_alive_ && is_whole && !shared_->is_draining.load(std::memory_order_relaxed);
  return MakeHead(response,
                  {.date = worker_->Date(),
                   .is_tls = transport_->is_tls(),
                   .is_in_chunks = is_in_pieces && !reader_.is_http_10(),
                   .has_length = response.status != 204 && response.status != 304 && !is_in_pieces,
                   .keeps_alive = keeps_alive_,
                   .is_http_10 = reader_.is_http_10()});
}

void Connection::Answer(Response response) {
  if (phase_ == Phase::kGone) return;
  auto on_piece = std::exchange(on_piece_, nullptr);
  on_gone_ = nullptr;
  std::string head = Head(response, /*is_in_pieces=*/false);
  answer_.Set(std::move(head), std::move(response), /*has_body=*/reader_.method() != "HEAD");
  Send();
  // What remains of the body is nobody's.
  if (on_piece != nullptr) on_piece(absl::UnavailableError("the request was answered"));
}

void Connection::Begin(const Response& head) {
  if (phase_ == Phase::kGone) return;
  auto on_piece = std::exchange(on_piece_, nullptr);
  answer_.Begin(Head(head, /*is_in_pieces=*/true), /*is_in_chunks=*/!reader_.is_http_10());
  // What comes now is thrown away; that nothing can come any more means that the client is gone.
  transport_->SetTimeout(reader_.is_whole() ? absl::InfiniteDuration()
                                            : shared_->bounds.read_timeout);
  if (!is_reading_) Read(kFirstReadBytes);
  Send();
  if (on_piece != nullptr) on_piece(absl::UnavailableError("the request was answered"));
}

void Connection::WritePiece(absl::string_view piece, absl::AnyInvocable<void(bool)> written) {
  if (phase_ == Phase::kGone || piece.empty()) return written(phase_ != Phase::kGone);
  answer_.Add(piece);
  on_written_ = std::move(written);
  if (!is_sending_) Send();
}

void Connection::End() {
  if (phase_ == Phase::kGone) return;
  on_gone_ = nullptr;
  answer_.End();
  if (is_sending_) return;
  answer_.is_empty() ? OnAnswered() : Send();
}

void Connection::OnGone(absl::AnyInvocable<void()> gone) {
  if (phase_ == Phase::kGone) return gone();
  on_gone_ = std::move(gone);
}

// An answer that is in pieces already has a read under way, which tells.
void Connection::LookForPeer() {
  const bool waits = phase_ == Phase::kAnswering && on_gone_ != nullptr && !answer_.is_in_pieces();
  if (waits && transport_->IsPeerGone()) std::exchange(on_gone_, nullptr)();
}

void Connection::Abandon() {
  if (phase_ == Phase::kGone) return;
  if (answer_.is_in_pieces()) return Close();
  Answer(TextResponse(500, "the server failed to answer"));
}

void Connection::Send() {
  is_sending_ = true;
  transport_->SetTimeout(shared_->bounds.write_timeout);
  transport_->Write(answer_.TakeBytes(),
                    [self = shared_from_this()](const error_code& error, size_t) {
                      self->is_sending_ = false;
                      if (self->phase_ != Phase::kGone) self->OnSent(error);
                    });
}

void Connection::OnSent(const error_code& error) {
  if (error) return Close();
  if (!answer_.is_empty()) return Send();
  if (answer_.is_complete()) return OnAnswered();
  if (on_written_ != nullptr) std::exchange(on_written_, nullptr)(true);
}

void Connection::OnAnswered() {
  if (!keeps_alive_) return Linger();
  answer_.Clear();
  AwaitRequest();
}

void Connection::Linger() {
  // Nothing is left unread where a read without a bound is under way.
  if (answer_.is_in_pieces() && reader_.is_whole()) return Close();
  phase_ = Phase::kLingering;
  if (is_reading_) return;
  transport_->SetTimeout(kLingerTime);
  const bool is_told =
      transport_->Finish([self = shared_from_this()](const error_code&, size_t) { self->Close(); });
  if (is_told) Read(kFirstReadBytes);
}

void Connection::Close() {
  if (phase_ == Phase::kGone) return;
  const auto self = shared_from_this();
  phase_ = Phase::kGone;
  StopIdling();
  worker_->all().erase(place_);
  body_room_.Leave();
  transport_->Close();
  if (on_piece_ != nullptr) {
    std::exchange(on_piece_, nullptr)(absl::UnavailableError("the client is gone"));
  }
  if (on_written_ != nullptr) std::exchange(on_written_, nullptr)(false);
  if (on_gone_ != nullptr) std::exchange(on_gone_, nullptr)();
}

}  // namespace

void StartHttpConnection(HttpListenerState* shared, HttpWorker* worker, HttpSocket socket,
                         std::string peer, absl::AnyInvocable<void()> closed) {
  std::make_shared<Connection>(shared, worker, std::move(socket), std::move(peer),
                               std::move(closed))
      ->Start();
}

}  // namespace farebox::web
