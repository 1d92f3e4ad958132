#ifndef FAREBOX_SERVER_TRANSPORT_CLIENT_SOCKET_H_
#define FAREBOX_SERVER_TRANSPORT_CLIENT_SOCKET_H_

#include <memory>
#include <utility>

#include "server/transport/descriptor.h"

namespace farebox::server {

// The socket of a connection by a second descriptor: gRPC owns and closes its own and tells nobody,
// and what is done to a socket must surely be done to that one. Thread-safe.
class ClientSocket {
 public:
  explicit ClientSocket(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  int fd() const { return descriptor_.get(); }

  // From now on only full segments leave (TCP_CORK, tcp(7)), for 200 ms at most; what has gathered
  // leaves; everything leaves at once again. A socket that cannot do it stays as it is.
  void Cork() const;
  void Push() const;
  void Uncork() const;

 private:
  const Descriptor descriptor_;
};

// Closed with the last who has it.
using ClientSocketPtr = std::shared_ptr<const ClientSocket>;

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_TRANSPORT_CLIENT_SOCKET_H_
