#ifndef FAREBOX_SERVER_WEB_LISTENING_SOCKET_H_
#define FAREBOX_SERVER_WEB_LISTENING_SOCKET_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// The socket that HTTP's connections come to.
namespace farebox::web {

using ListeningSocket = std::unique_ptr<boost::asio::ip::tcp::acceptor>;

struct HostAndPort {
  std::string host;
  int port = 0;
};

// Of "127.0.0.1:8080", "[::1]:0"; nothing where it has no such form.
std::optional<HostAndPort> ParseHostAndPort(absl::string_view address);

// Port 0 takes a free one. Unavailable where it cannot be had: somebody else has it, or there is no
// such address here.
absl::StatusOr<ListeningSocket> BindListeningSocket(const HostAndPort& address,
                                                    boost::asio::io_context* context);

// One that somebody else has bound. It is closed where it is no TCP socket that listens:
// InvalidArgument.
absl::StatusOr<ListeningSocket> AdoptListeningSocket(int socket, boost::asio::io_context* context);

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_LISTENING_SOCKET_H_
