#ifndef FAREBOX_SERVER_WEB_HTTP_TRANSPORT_H_
#define FAREBOX_SERVER_WEB_HTTP_TRANSPORT_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace farebox::server {
class TlsFiles;
}  // namespace farebox::server

namespace farebox::web {

using HttpExecutor = boost::asio::io_context::executor_type;
using HttpSocket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, HttpExecutor>;

// A socket, with TLS or without, and how long its peer may take. At most one read and one write are
// under way. Used on the thread of its executor, where callbacks are called too, and outlives what
// is under way.
class HttpTransport {
 public:
  using Done = absl::AnyInvocable<void(const boost::system::error_code&, size_t)>;

  virtual ~HttpTransport() = default;

  // When what begins from now on is given up and the connection is closed; InfiniteDuration for
  // never. What is under way keeps its bound.
  virtual void SetTimeout(absl::Duration timeout) = 0;

  virtual bool is_tls() const = 0;
  // What the peer's certificate is known by; empty where it showed none. After the handshake.
  virtual const std::string& certificate() const = 0;
  // Whether nothing more can come of the peer, whatever of it is unread.
  virtual bool IsPeerGone() = 0;
  // With TLS: before anything else. Without it is done at once.
  virtual void Handshake(Done done) = 0;
  virtual void Read(boost::asio::mutable_buffer into, Done done) = 0;
  // All of it, or an error.
  virtual void Write(absl::string_view bytes, Done done) = 0;
  // Tells the peer that nothing more is coming. True: it is done at once.
  virtual bool Finish(Done done) = 0;
  // What is under way fails.
  virtual void Close() = 0;
};

// With the certificates that are in force now; without TLS where `tls` is null.
std::unique_ptr<HttpTransport> MakeHttpTransport(HttpSocket socket, const server::TlsFiles* tls);

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_HTTP_TRANSPORT_H_
