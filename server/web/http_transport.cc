#include "server/web/http_transport.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl.hpp>
#include <type_traits>
#include <utility>

#include "server/base/limits.h"
#include "server/security/tls.h"

namespace farebox::web {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

using PlainStream = beast::basic_stream<asio::ip::tcp, HttpExecutor>;
using TlsStream = beast::ssl_stream<PlainStream>;

// Finds out about peers that are gone without a word.
void SetSocketOptions(int socket) {
  const auto set = [socket](int level, int option, int value) {
    setsockopt(socket, level, option, &value, sizeof(value));
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(absl::ToInt64Seconds(limits::kHttpProbeAfter)));
  set(IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(absl::ToInt64Seconds(limits::kHttpProbePause)));
  set(IPPROTO_TCP, TCP_KEEPCNT, limits::kHttpProbesMax);
  set(IPPROTO_TCP, TCP_NODELAY, 1);
}

template <typename Stream>
class Transport final : public HttpTransport {
 public:
  static constexpr bool kIsTls = std::is_same_v<Stream, TlsStream>;

  template <typename... Arguments>
  explicit Transport(Arguments&&... arguments) : stream_(std::forward<Arguments>(arguments)...) {
    SetSocketOptions(lowest().socket().native_handle());
  }

  void SetTimeout(absl::Duration timeout) override {
    if (timeout == absl::InfiniteDuration()) return lowest().expires_never();
    lowest().expires_after(absl::ToChronoNanoseconds(timeout));
  }

  bool is_tls() const override { return kIsTls; }
  const std::string& certificate() const override { return certificate_; }

  bool IsPeerGone() override {
    tcp_info info = {};
    socklen_t size = sizeof(info);
    const int socket = lowest().socket().native_handle();
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return true;
    return info.tcpi_state == TCP_CLOSE_WAIT || info.tcpi_state == TCP_CLOSE;
  }

  void Handshake(Done done) override {
    if constexpr (kIsTls) {
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [this, done = std::move(done)](const error_code& error) mutable {
                                if (!error) {
                                  certificate_ = server::NameOfClient(stream_.native_handle());
                                }
                                done(error, 0);
                              });
    } else {
      done(error_code(), 0);
    }
  }

  void Read(asio::mutable_buffer into, Done done) override {
    stream_.async_read_some(into, std::move(done));
  }

  void Write(absl::string_view bytes, Done done) override {
    asio::async_write(stream_, asio::buffer(bytes.data(), bytes.size()), std::move(done));
  }

  bool Finish(Done done) override {
    if constexpr (kIsTls) {
      stream_.async_shutdown(
          [done = std::move(done)](const error_code& error) mutable { done(error, 0); });
      return false;
    } else {
      error_code ignored;
      stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
      return true;
    }
  }

  void Close() override { lowest().close(); }

 private:
  PlainStream& lowest() { return beast::get_lowest_layer(stream_); }

  Stream stream_;
  std::string certificate_;
};

}  // namespace

std::unique_ptr<HttpTransport> MakeHttpTransport(HttpSocket socket, const server::TlsFiles* tls) {
  if (tls == nullptr) return std::make_unique<Transport<PlainStream>>(std::move(socket));
  const std::shared_ptr<SSL_CTX> in_force = tls->HttpContext();
  // Asio's context lets go of what it is given; the stream has a hold of its own then.
  SSL_CTX_up_ref(in_force.get());
  asio::ssl::context context(in_force.get());
  return std::make_unique<Transport<TlsStream>>(PlainStream(std::move(socket)), context);
}

}  // namespace farebox::web
