#include "server/transport/client_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace farebox::server {
namespace {

void SetTcp(int fd, int option, int value) {
  // Nothing depends on it but speed.
  (void)setsockopt(fd, IPPROTO_TCP, option, &value, sizeof(value));
}

}  // namespace

void ClientSocket::Cork() const { SetTcp(fd(), TCP_CORK, 1); }

// To set what is set already pushes, even past the cork.
void ClientSocket::Push() const { SetTcp(fd(), TCP_NODELAY, 1); }

void ClientSocket::Uncork() const { SetTcp(fd(), TCP_CORK, 0); }

}  // namespace farebox::server
