#include "server/web/http_connection.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/web/http_exchange.h"
#include "server/web/http_head.h"
#include "server/web/http_transport.h"

// A connection's life:
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
namespace beast = boost::beast;
using boost::system::error_code;

// What is read at once: for a request that is awaited, and for the rest of a large one.
constexpr size_t kFirstReadBytes = 1024;
constexpr size_t kReadBytes = 16 * 1024;
constexpr size_t kWriteBytes = 64 * 1024;
// A body up to this is sent together with its head.
constexpr size_t kJoinedBytesMax = 16 * 1024;
constexpr size_t kThrownAwayBytesMax = 1024 * 1024;
constexpr absl::Duration kLingerTime = absl::Seconds(2);

absl::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

// Of the answer to a request that cannot be read.
int StatusOf(const error_code& problem) {
  using beast::http::error;
  if (problem == error::header_limit || problem == error::buffer_overflow) return 431;
  if (problem == error::body_limit) return 413;
  if (problem == error::bad_version) return 505;
  return 400;
}

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
        place_(worker_->all().insert(worker_->all().end(), this)) {}

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
  using Parser = beast::http::request_parser<beast::http::string_body>;
  using Place = std::list<HttpConnection*>::iterator;

  enum class Phase { kHandshake, kIdle, kReading, kAnswering, kLingering, kGone };

  // Reading.
  void AwaitRequest();
  void StopIdling();
  void Read(size_t bytes_max);
  void OnRead(const error_code& error, size_t bytes);
  void Parse();
  void OnHead();
  bool IsWellFormed() const;
  bool CountBody();
  void Reject(int status, Headers headers = {});
  void RejectWith(Response response);
  void Handle(std::string body);
  Request TakeRequest(std::string body);
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

  // The request. The parser has the body while it is read.
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  const Route* route_ = nullptr;
  bool is_head_read_ = false;
  bool is_http_10_ = false;
  bool keeps_alive_ = false;
  BodyRoom body_room_{&shared_->bodies_bytes};
  absl::AnyInvocable<void(absl::StatusOr<std::string>)> on_piece_;

  // The answer. First what is unsent of `sending_`, then of the body, then the next pieces.
  std::string sending_;
  absl::string_view unsent_;
  Response response_;
  absl::string_view unsent_body_;
  std::string next_pieces_;
  bool is_in_pieces_ = false;
  bool is_last_piece_ = false;
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
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(shared_->bounds.header_bytes_max));
  // Known once the route is; what has no limit here is refused by Boost 1.74 whatever its length.
  parser_->body_limit(std::numeric_limits<uint64_t>::max());
  parser_->eager(false);
  is_head_read_ = false;
  route_ = nullptr;
  if (buffer_.size() > 0) {
    // The next request came with the one before.
    phase_ = Phase::kReading;
    transport_->SetTimeout(shared_->bounds.read_timeout);
    return Parse();
  }
  if (buffer_.capacity() > kReadBytes) buffer_.shrink_to_fit();
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
  transport_->Read(buffer_.prepare(bytes_max),
                   [self = shared_from_this()](const error_code& error, size_t bytes) {
                     self->is_reading_ = false;
                     if (self->phase_ != Phase::kGone) self->OnRead(error, bytes);
                   });
}

void Connection::OnRead(const error_code& error, size_t bytes) {
  if (phase_ == Phase::kLingering || is_in_pieces_) {
    thrown_away_ += bytes;
    if (error || thrown_away_ > kThrownAwayBytesMax) return Close();
    return Read(kFirstReadBytes);
  }
  if (error) return Close();
  buffer_.commit(bytes);
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
  while (!parser_->is_done()) {
    if (buffer_.size() == 0) return Read(kReadBytes);
    error_code error;
    buffer_.consume(parser_->put(buffer_.data(), error));
    const bool wants_more = error == beast::http::error::need_more;
    if (error && !wants_more) return phase_ == Phase::kReading ? Reject(StatusOf(error)) : Close();
    if (!is_head_read_ && parser_->is_header_done()) {
      is_head_read_ = true;
      return OnHead();
    }
    if (phase_ == Phase::kAnswering && GivePiece()) return;
    if (!CountBody()) return RejectWith(route_->busy);
    if (wants_more) return Read(kReadBytes);
  }
  if (phase_ == Phase::kReading) return Handle(std::move(parser_->get().body()));
  GivePiece();
}

bool Connection::IsWellFormed() const {
  const auto& message = parser_->get();
  const bool has_host =
      message.count(beast::http::field::host) == 1 || (is_http_10_ && parser_->is_header_done());
  return has_host && !message.target().empty() && message.target().front() == '/' &&
         (message.version() == 10 || message.version() == 11);
}

void Connection::OnHead() {
  const auto& message = parser_->get();
  is_http_10_ = message.version() == 10;
  if (!IsWellFormed()) return Reject(message.version() / 10 == 1 ? 400 : 505);
  const absl::string_view target = View(message.target());
  Router::Found found =
      shared_->router->Find(View(message.method_string()), target.substr(0, target.find('?')));
  if (found.route == nullptr) {
    return Reject(405, {{"allow", std::move(found.allowed_methods)}});
  }
  route_ = found.route;
  const auto length = parser_->content_length();
  if (length.has_value() && *length > route_->body_bytes_max) return Reject(413);
  parser_->body_limit(route_->body_bytes_max);
  parser_->eager(true);
  const beast::string_view expected = message[beast::http::field::expect];
  if (!expected.empty() && !absl::EqualsIgnoreCase(View(expected), "100-continue")) {
    return Reject(417);
  }
  keeps_alive_ = parser_->keep_alive();
  // The body has a time of its own.
  transport_->SetTimeout(shared_->bounds.read_timeout);
  if (!expected.empty() && !is_http_10_ && !parser_->is_done()) return Continue();
  route_->takes_pieces ? Handle("") : Parse();
}

void Connection::Continue() {
  sending_ = "HTTP/1.1 100 Continue\r\n\r\n";
  is_sending_ = true;
  transport_->Write(sending_, [self = shared_from_this()](const error_code& error, size_t) {
    self->is_sending_ = false;
    if (self->phase_ == Phase::kGone) return;
    if (error) return self->Close();
    self->route_->takes_pieces ? self->Handle("") : self->Parse();
  });
}

Request Connection::TakeRequest(std::string body) {
  const auto& message = parser_->get();
  const std::pair<absl::string_view, absl::string_view> target =
      absl::StrSplit(View(message.target()), absl::MaxSplits('?', 1));
  Request request = {.method = std::string(View(message.method_string())),
                     .path = std::string(target.first),
                     .query = std::string(target.second),
                     .body = std::move(body),
                     .peer = peer_,
                     .is_tls = transport_->is_tls(),
                     .certificate = transport_->certificate()};
  request.headers.reserve(16);
  for (const auto& field : message) {
    request.headers.emplace_back(absl::AsciiStrToLower(View(field.name_string())),
                                 View(field.value()));
  }
  return request;
}

// False where there is no room for so much.
bool Connection::CountBody() {
  const size_t bytes = parser_->get().body().size();
  return bytes <= limits::kHttpSmallBodyBytes ||
         body_room_.Grow(bytes, shared_->bounds.bodies_bytes_max);
}

void Connection::Handle(std::string body) {
  phase_ = Phase::kAnswering;
  transport_->SetTimeout(absl::InfiniteDuration());
  route_->handler(
      MakeHttpExchange(shared_from_this(), TakeRequest(std::move(body)), body_room_.HandOn()));
}

void Connection::ReadBody(absl::AnyInvocable<void(absl::StatusOr<std::string>)> read) {
  const bool is_answered = is_sending_ || is_in_pieces_ || phase_ != Phase::kAnswering;
  if (is_answered) return read(absl::UnavailableError("the request was answered, or is gone"));
  on_piece_ = std::move(read);
  transport_->SetTimeout(shared_->bounds.read_timeout);
  Parse();
}

// False where there is nothing to give yet.
bool Connection::GivePiece() {
  std::string& body = parser_->get().body();
  if (on_piece_ == nullptr || (body.empty() && !parser_->is_done())) return false;
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
  parser_->get().body() = std::string();
  body_room_.Leave();
  phase_ = Phase::kAnswering;
  keeps_alive_ = false;
  Answer(std::move(response));
}

std::string Connection::Head(const Response& response, bool is_in_pieces) {
  // What comes after a body that nobody has read is no request.
  const bool is_whole = parser_->is_done() && !is_in_pieces;
  keeps_alive_ = keeps_alive_ && is_whole && !shared_->is_draining.load(std::memory_order_relaxed);
  return MakeHead(response,
                  {.is_tls = transport_->is_tls(),
                   .is_in_chunks = is_in_pieces && !is_http_10_,
                   .has_length = response.status != 204 && response.status != 304 && !is_in_pieces,
                   .keeps_alive = keeps_alive_,
                   .is_http_10 = is_http_10_});
}

void Connection::Answer(Response response) {
  if (phase_ == Phase::kGone) return;
  auto on_piece = std::exchange(on_piece_, nullptr);
  on_gone_ = nullptr;
  sending_ = Head(response, /*is_in_pieces=*/false);
  response_ = std::move(response);
  unsent_body_ = parser_->get().method() == beast::http::verb::head ? "" : BodyOf(response_);
  if (unsent_body_.size() <= kJoinedBytesMax) {
    absl::StrAppend(&sending_, std::exchange(unsent_body_, ""));
  }
  unsent_ = sending_;
  Send();
  // What remains of the body is nobody's.
  if (on_piece != nullptr) on_piece(absl::UnavailableError("the request was answered"));
}

void Connection::Begin(const Response& head) {
  if (phase_ == Phase::kGone) return;
  auto on_piece = std::exchange(on_piece_, nullptr);
  is_in_pieces_ = true;
  sending_ = Head(head, /*is_in_pieces=*/true);
  unsent_ = sending_;
  // What comes now is thrown away; that nothing can come any more means that the client is gone.
  transport_->SetTimeout(parser_->is_done() ? absl::InfiniteDuration()
                                            : shared_->bounds.read_timeout);
  if (!is_reading_) Read(kFirstReadBytes);
  Send();
  if (on_piece != nullptr) on_piece(absl::UnavailableError("the request was answered"));
}

void Connection::WritePiece(absl::string_view piece, absl::AnyInvocable<void(bool)> written) {
  if (phase_ == Phase::kGone || piece.empty()) return written(phase_ != Phase::kGone);
  if (is_http_10_) {
    absl::StrAppend(&next_pieces_, piece);
  } else {
    absl::StrAppend(&next_pieces_, absl::Hex(piece.size()), "\r\n", piece, "\r\n");
  }
  on_written_ = std::move(written);
  if (!is_sending_) Send();
}

void Connection::End() {
  if (phase_ == Phase::kGone) return;
  on_gone_ = nullptr;
  if (!is_http_10_) absl::StrAppend(&next_pieces_, "0\r\n\r\n");
  is_last_piece_ = true;
  if (is_sending_) return;
  next_pieces_.empty() ? OnAnswered() : Send();
}

void Connection::OnGone(absl::AnyInvocable<void()> gone) {
  if (phase_ == Phase::kGone) return gone();
  on_gone_ = std::move(gone);
}

// An answer that is in pieces already has a read under way, which tells.
void Connection::LookForPeer() {
  const bool waits = phase_ == Phase::kAnswering && on_gone_ != nullptr && !is_in_pieces_;
  if (waits && transport_->IsPeerGone()) std::exchange(on_gone_, nullptr)();
}

void Connection::Abandon() {
  if (phase_ == Phase::kGone) return;
  if (is_in_pieces_) return Close();
  Answer(TextResponse(500, "the server failed to answer"));
}

void Connection::Send() {
  if (unsent_.empty() && unsent_body_.empty()) {
    sending_ = std::exchange(next_pieces_, {});
    unsent_ = sending_;
  }
  absl::string_view& source = unsent_.empty() ? unsent_body_ : unsent_;
  const absl::string_view slice = source.substr(0, kWriteBytes);
  source.remove_prefix(slice.size());
  is_sending_ = true;
  transport_->SetTimeout(shared_->bounds.write_timeout);
  transport_->Write(slice, [self = shared_from_this()](const error_code& error, size_t) {
    self->is_sending_ = false;
    if (self->phase_ != Phase::kGone) self->OnSent(error);
  });
}

void Connection::OnSent(const error_code& error) {
  if (error) return Close();
  if (!unsent_.empty() || !unsent_body_.empty() || !next_pieces_.empty()) return Send();
  if (!is_in_pieces_ || is_last_piece_) return OnAnswered();
  if (on_written_ != nullptr) std::exchange(on_written_, nullptr)(true);
}

void Connection::OnAnswered() {
  if (!keeps_alive_) return Linger();
  response_ = {};
  AwaitRequest();
}

void Connection::Linger() {
  // Nothing is left unread where a read without a bound is under way.
  if (is_in_pieces_ && parser_->is_done()) return Close();
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

void HttpWorker::WatchPeers() {
  next_look_.expires_after(absl::ToChronoNanoseconds(limits::kHttpLookPause));
  next_look_.async_wait([this](const error_code& error) {
    if (error) return;
    // One that is told may end.
    for (auto next = all_.begin(); next != all_.end();) (*next++)->LookForPeer();
    WatchPeers();
  });
}

void HttpWorker::CloseLongestIdle() {
  if (!idle_.empty()) idle_.front()->Close();
}

void StartHttpConnection(HttpListenerState* shared, HttpWorker* worker, HttpSocket socket,
                         std::string peer, absl::AnyInvocable<void()> closed) {
  std::make_shared<Connection>(shared, worker, std::move(socket), std::move(peer),
                               std::move(closed))
      ->Start();
}

}  // namespace farebox::web
