#ifndef FAREBOX_SERVER_WEB_HTTP_LISTENER_H_
#define FAREBOX_SERVER_WEB_HTTP_LISTENER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/security/tls.h"
#include "server/web/router.h"

namespace farebox::web {

struct HttpBounds;

// Takes HTTP/1.1 requests and hands them to the routes of others. Connections are served by few
// threads that never wait, so a slow peer costs what it has sent and no thread. What is too large
// or too slow is turned away before it reaches a route; the bounds are in limits.h.
//
// Without TLS, a proxy that ends it stands before it where others than this machine are to reach
// it. Bind, add routes, Serve, Drain: on one thread.
class HttpListener {
 public:
  // `address` as in "127.0.0.1:8080", "[::1]:0"; port 0 takes a free one. Nobody is answered yet.
  // With TLS where `tls` is not null; it outlives the listener.
  static absl::StatusOr<std::unique_ptr<HttpListener>> Bind(const std::string& address,
                                                            const server::TlsFiles* tls = nullptr);
  static absl::StatusOr<std::unique_ptr<HttpListener>> Bind(const std::string& address,
                                                            const server::TlsFiles* tls,
                                                            const HttpBounds& bounds);
  // On a socket that somebody else has bound, and that is closed with the listener, whatever this
  // returns. InvalidArgument where it is no TCP socket that listens.
  static absl::StatusOr<std::unique_ptr<HttpListener>> Adopt(int socket,
                                                             const server::TlsFiles* tls);
  // Drains.
  ~HttpListener();

  // Where routes are added before Serve().
  Router& routes();

  // The port that was bound.
  int port() const;

  // The socket that listens, until StopAccepting().
  int listening_socket() const;

  void Serve();

  struct Counts {
    int64_t open = 0;
    int64_t accepted = 0;
    // Turned away because there were too many, of a peer or in all.
    int64_t refused = 0;
  };
  // Thread-safe.
  Counts counts() const;

  // Takes no more connections. Those that wait at the socket stay there, for whoever else has it.
  // Idempotent.
  void StopAccepting();

  // Takes no more connections and no more requests; those under way go on. Idempotent.
  void StopTaking();

  // Returns when all that was taken is answered, or the time is over. After StopTaking().
  void AwaitAnswered(absl::Duration patience);

  // Lets requests under way end, for a while, and stops. Idempotent.
  void Drain();

 private:
  class Core;
  explicit HttpListener(std::unique_ptr<Core> core);

  const std::unique_ptr<Core> core_;
};

// Whether `address` has the form that Bind takes.
absl::Status CheckHttpAddress(const std::string& address);

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_HTTP_LISTENER_H_
