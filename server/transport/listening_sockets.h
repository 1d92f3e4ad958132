#ifndef FAREBOX_SERVER_TRANSPORT_LISTENING_SOCKETS_H_
#define FAREBOX_SERVER_TRANSPORT_LISTENING_SOCKETS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/transport/descriptor.h"

namespace farebox::server {

// Where connections come in: the sockets of one address, which may be several for a name. None
// shares its port with another process. Thread-compatible.
class ListeningSockets {
 public:
  // "127.0.0.1:50051", "[::1]:0", "localhost:1", "unix:/run/farebox": port 0 takes a free one, and
  // a socket file that nobody listens on is replaced. "0.0.0.0" is IPv4 only, "[::]" is both.
  // Fails with Unavailable, and says why, where one of them cannot be had.
  static absl::StatusOr<ListeningSockets> Bind(const std::string& address);

  // Takes over sockets that somebody else has bound: a service manager, or the server before this
  // one. They are closed with this object, whatever it returns. InvalidArgument where one is no
  // stream socket that listens.
  static absl::StatusOr<ListeningSockets> Adopt(const std::vector<int>& descriptors);

  // Of the first; 0 for a Unix socket.
  int port() const { return port_; }

  const std::vector<Descriptor>& descriptors() const { return descriptors_; }

  // Nobody gets in any more.
  void Close();

 private:
  static absl::StatusOr<ListeningSockets> BindUnix(const std::string& path);
  static absl::StatusOr<ListeningSockets> BindTcp(const std::string& address);

  std::vector<Descriptor> descriptors_;
  int port_ = 0;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_TRANSPORT_LISTENING_SOCKETS_H_
