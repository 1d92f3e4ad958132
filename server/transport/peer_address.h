#ifndef FAREBOX_SERVER_TRANSPORT_PEER_ADDRESS_H_
#define FAREBOX_SERVER_TRANSPORT_PEER_ADDRESS_H_

#include <sys/socket.h>

#include <string>

namespace farebox::server {

// Who is at the other end of a connection.
struct PeerAddress {
  // As gRPC names it in ServerContext::peer(): "ipv4:192.0.2.1:40000", "ipv6:%5B::1%5D:40000". All
  // peers of a Unix socket are "unix:".
  std::string name;
  // Those that one host can have count as one: an IPv4 address, a /64 of IPv6.
  std::string host;
  // On this machine.
  bool is_local = false;
  bool is_unix = false;
};

PeerAddress DescribePeer(const sockaddr_storage& address);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_TRANSPORT_PEER_ADDRESS_H_
