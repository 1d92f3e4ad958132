#ifndef FAREBOX_SERVER_WEB_HTTP_CONNECTION_H_
#define FAREBOX_SERVER_WEB_HTTP_CONNECTION_H_

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "server/limits.h"
#include "server/web/http_transport.h"
#include "server/web/router.h"

namespace farebox::web {

// How long a peer may take, and how much it may send. Tests take less than these.
struct HttpBounds {
  size_t header_bytes_max = limits::kHttpHeaderBytesMax;
  absl::Duration handshake_timeout = limits::kHandshakeTimeout;
  absl::Duration read_timeout = limits::kHttpReadTimeout;
  absl::Duration write_timeout = limits::kHttpWriteTimeout;
  absl::Duration idle_timeout = limits::kHttpIdleTimeout;
  size_t connections_max = limits::kHttpConnectionsMax;
  size_t connections_per_peer_max = limits::kHttpConnectionsPerPeerMax;
  size_t bodies_bytes_max = limits::kHttpBodiesBytesMax;
};

class HttpConnection;

// One thread's connections. Used on that thread only.
class HttpWorker {
 public:
  boost::asio::io_context& context() { return context_; }

  // Those that wait for a request, the longest first.
  std::list<HttpConnection*>& idle() { return idle_; }
  std::list<HttpConnection*>& all() { return all_; }

  // Makes room for another one.
  void CloseLongestIdle();

  // Looks after those who wait for an answer, again and again until the context ends.
  void WatchPeers();

 private:
  boost::asio::io_context context_{1};
  boost::asio::steady_timer next_look_{context_};
  std::list<HttpConnection*> idle_;
  std::list<HttpConnection*> all_;
};

// What the connections of one listener share. It outlives them.
struct HttpListenerState {
  const Router* router = nullptr;
  HttpBounds bounds;
  // Null without TLS.
  boost::asio::ssl::context* tls = nullptr;
  // Bytes of the bodies that there are, but for the small ones.
  std::atomic<size_t> bodies_bytes{0};
  // Set when the listener is about to stop: connections end after the answer under way.
  std::atomic<bool> is_draining{false};
};

// One connection, with one request at a time: the next one is read when the last is answered.
// It keeps itself alive while something is under way. Used on its worker's thread only.
class HttpConnection {
 public:
  // Tells last of all: who hears it may end what the rest of the connection uses.
  virtual ~HttpConnection() { closed_(); }

  // Cuts it: what is under way fails.
  virtual void Close() = 0;

  // Tells whoever answers where nobody waits for it any more.
  virtual void LookForPeer() = 0;

 protected:
  explicit HttpConnection(absl::AnyInvocable<void()> closed) : closed_(std::move(closed)) {}

 private:
  absl::AnyInvocable<void()> closed_;
};

// `closed` is called when the connection is gone.
void StartHttpConnection(HttpListenerState* shared, HttpWorker* worker, HttpSocket socket,
                         std::string peer, absl::AnyInvocable<void()> closed);

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_HTTP_CONNECTION_H_
