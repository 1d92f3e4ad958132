#ifndef FAREBOX_SERVER_WEB_HTTP_LISTENER_H_
#define FAREBOX_SERVER_WEB_HTTP_LISTENER_H_

#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/security/tls.h"

namespace httplib {
class Server;
}  // namespace httplib

namespace farebox::server {

// Takes HTTP/1.1 requests and hands them to the routes of others. What is too large or too slow is
// turned away before it reaches them; the bounds are in limits.h.
//
// Without TLS, a proxy that ends it stands before it where others than this machine are to reach
// it. Bind, add routes, Serve, Drain: on one thread. Routes run on threads of its own.
class HttpListener {
 public:
  // `address` as in "127.0.0.1:8080", "[::1]:0"; port 0 takes a free one. Nobody is answered yet.
  // With TLS where `tls` is not null; it outlives the listener.
  static absl::StatusOr<std::unique_ptr<HttpListener>> Bind(const std::string& address,
                                                            const TlsFiles* tls = nullptr);
  // Drains.
  ~HttpListener();

  // Where routes are added before Serve().
  httplib::Server& routes() { return *server_; }

  // The port that was bound.
  int port() const { return port_; }

  void Serve();

  // Lets requests under way end, and stops. Idempotent.
  void Drain();

 private:
  explicit HttpListener(std::unique_ptr<httplib::Server> server);

  std::unique_ptr<httplib::Server> server_;
  int port_ = 0;
  std::thread thread_;
};

// Whether `address` has the form that Bind takes.
absl::Status CheckHttpAddress(const std::string& address);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_WEB_HTTP_LISTENER_H_
