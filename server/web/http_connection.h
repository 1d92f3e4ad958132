#ifndef FAREBOX_SERVER_WEB_HTTP_CONNECTION_H_
#define FAREBOX_SERVER_WEB_HTTP_CONNECTION_H_

#include <atomic>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "server/web/http_bounds.h"
#include "server/web/http_transport.h"
#include "server/web/http_worker.h"
#include "server/web/router.h"

namespace farebox::web {

// What the connections of one listener share. It outlives them.
struct HttpListenerState {
  const Router* router = nullptr;
  HttpBounds bounds;
  // Null without TLS.
  const server::TlsFiles* tls = nullptr;
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
