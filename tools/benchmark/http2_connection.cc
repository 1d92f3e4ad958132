#include "tools/benchmark/http2_connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "storage/check.h"

namespace farebox::benchmark {
namespace {

// Answers are small, and nobody is to wait for room for them.
constexpr int32_t kWindowBytes = 1 << 24;
// Written at once at most.
constexpr size_t kOutgoingMax = 256 * 1024;

nghttp2_nv Header(const char* name, const char* value) {
  return {.name = reinterpret_cast<uint8_t*>(const_cast<char*>(name)),
          .value = reinterpret_cast<uint8_t*>(const_cast<char*>(value)),
          .namelen = strlen(name),
          .valuelen = strlen(value),
          .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME};
}

// gRPC's form of a message: not compressed, its size, its bytes.
std::string Framed(const std::string& message) {
  std::string framed(5, '\0');
  const uint32_t size = htonl(static_cast<uint32_t>(message.size()));
  memcpy(framed.data() + 1, &size, sizeof(size));
  return framed + message;
}

absl::StatusOr<int> Dial(const std::string& server) {
  const size_t colon = server.rfind(':');
  if (colon == std::string::npos) return absl::InvalidArgumentError("the server is host:port");
  const addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  if (getaddrinfo(server.substr(0, colon).c_str(), server.substr(colon + 1).c_str(), &wanted,
                  &found) != 0) {
    return absl::UnavailableError(absl::StrCat("there is no ", server));
  }
  const int descriptor = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool is_connected =
      descriptor >= 0 && connect(descriptor, found->ai_addr, found->ai_addrlen) == 0;
  freeaddrinfo(found);
  if (!is_connected) {
    if (descriptor >= 0) close(descriptor);
    return absl::UnavailableError(absl::StrCat(server, ": ", strerror(errno)));
  }
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  return descriptor;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Http2Connection>> Http2Connection::Connect(const std::string& server,
                                                                          int number,
                                                                          CallListener* listener) {
  const absl::StatusOr<int> descriptor = Dial(server);
  if (!descriptor.ok()) return descriptor.status();
  return std::unique_ptr<Http2Connection>(new Http2Connection(*descriptor, number, listener));
}

Http2Connection::Http2Connection(int descriptor, int number, CallListener* listener)
    : descriptor_(descriptor), number_(number), listener_(listener) {
  nghttp2_session_callbacks* callbacks = nullptr;
  FAREBOX_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnStreamClose);
  FAREBOX_CHECK(nghttp2_session_client_new(&session_, callbacks, this) == 0);
  nghttp2_session_callbacks_del(callbacks);
  const std::array<nghttp2_settings_entry, 2> settings = {{
      {.settings_id = NGHTTP2_SETTINGS_ENABLE_PUSH, .value = 0},
      {.settings_id = NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, .value = kWindowBytes},
  }};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kWindowBytes);
}

Http2Connection::~Http2Connection() {
  nghttp2_session_del(session_);
  close(descriptor_);
}

bool Http2Connection::HasRoom() const {
  return streams_open_ <
         nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

int32_t Http2Connection::Begin(const char* path, absl::Duration timeout,
                               const std::string& message) {
  const std::string micros = absl::StrCat(absl::ToInt64Microseconds(timeout), "u");
  const std::array<nghttp2_nv, 7> headers = {Header(":method", "POST"),
                                             Header(":scheme", "http"),
                                             Header(":path", path),
                                             Header(":authority", "localhost"),
                                             Header("te", "trailers"),
                                             Header("content-type", "application/grpc"),
                                             Header("grpc-timeout", micros.c_str())};
  const nghttp2_data_provider body = {.source = {.ptr = nullptr}, .read_callback = ReadBody};
  const int32_t stream =
      nghttp2_submit_request(session_, nullptr, headers.data(), headers.size(), &body, nullptr);
  FAREBOX_CHECK(stream > 0);
  calls_[stream].outgoing = Framed(message);
  ++streams_open_;
  return stream;
}

void Http2Connection::Cancel(int32_t stream) {
  calls_.erase(stream);
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
}

ssize_t Http2Connection::ReadBody(nghttp2_session*, int32_t stream, uint8_t* buffer, size_t size,
                                  uint32_t* flags, nghttp2_data_source*, void* self) {
  auto& calls = static_cast<Http2Connection*>(self)->calls_;
  const auto found = calls.find(stream);
  if (found == calls.end()) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  Call& call = found->second;
  const size_t count = std::min(size, call.outgoing.size() - call.sent);
  memcpy(buffer, call.outgoing.data() + call.sent, count);
  call.sent += count;
  if (call.sent == call.outgoing.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(count);
}

int Http2Connection::OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                              size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                              void* self) {
  const absl::string_view key(reinterpret_cast<const char*>(name), name_size);
  if (key != "grpc-status") return 0;
  auto& calls = static_cast<Http2Connection*>(self)->calls_;
  const auto found = calls.find(frame->hd.stream_id);
  if (found == calls.end()) return 0;
  const absl::string_view text(reinterpret_cast<const char*>(value), value_size);
  if (!absl::SimpleAtoi(text, &found->second.grpc_status)) found->second.grpc_status = -1;
  return 0;
}

int Http2Connection::OnData(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data,
                            size_t size, void* self) {
  auto& calls = static_cast<Http2Connection*>(self)->calls_;
  const auto found = calls.find(stream);
  if (found != calls.end()) {
    found->second.incoming.append(reinterpret_cast<const char*>(data), size);
  }
  return 0;
}

int Http2Connection::OnStreamClose(nghttp2_session*, int32_t stream, uint32_t, void* self) {
  auto* const connection = static_cast<Http2Connection*>(self);
  --connection->streams_open_;
  const auto found = connection->calls_.find(stream);
  if (found == connection->calls_.end()) return 0;
  const Call call = std::move(found->second);
  connection->calls_.erase(found);
  connection->listener_->OnEnd(connection->number_, stream, call.grpc_status,
                               call.incoming.size() > 5 ? call.incoming.substr(5) : "");
  return 0;
}

bool Http2Connection::Proceed() { return Read() && Write(); }

bool Http2Connection::Write() {
  while (true) {
    while (outgoing_.size() < kOutgoingMax) {
      const uint8_t* bytes = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
      if (size < 0) return false;
      if (size == 0) break;
      outgoing_.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
    }
    if (!has_more()) return true;
    const ssize_t count =
        send(descriptor_, outgoing_.data() + written_, outgoing_.size() - written_, MSG_NOSIGNAL);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    written_ += static_cast<size_t>(count);
    if (has_more()) return true;
    outgoing_.clear();
    written_ = 0;
  }
}

bool Http2Connection::Read() {
  std::array<uint8_t, 65'536> buffer;
  while (true) {
    const ssize_t count = recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (count == 0) return false;
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (nghttp2_session_mem_recv(session_, buffer.data(), static_cast<size_t>(count)) < 0) {
      return false;
    }
    if (static_cast<size_t>(count) < buffer.size()) return true;
  }
}

}  // namespace farebox::benchmark
