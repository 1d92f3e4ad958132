#include "server/web/listening_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/system/error_code.hpp>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/limits.h"

namespace farebox::web {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

}  // namespace

std::optional<HostAndPort> ParseHostAndPort(absl::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos) return std::nullopt;
  HostAndPort parsed;
  absl::string_view host = address.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[") != absl::ConsumeSuffix(&host, "]")) return std::nullopt;
  parsed.host = std::string(host);
  const bool is_port = absl::SimpleAtoi(address.substr(colon + 1), &parsed.port);
  if (!is_port || parsed.port < 0 || parsed.port > 65'535 || host.empty()) return std::nullopt;
  return parsed;
}

absl::StatusOr<ListeningSocket> BindListeningSocket(const HostAndPort& address,
                                                    boost::asio::io_context* context) {
  const auto refuse = [&](const error_code& error) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", address.host, ":", address.port,
                                               " for HTTP: ", error.message()));
  };
  error_code error;
  tcp::resolver resolver(*context);
  const auto found = resolver.resolve(address.host, absl::StrCat(address.port), error);
  if (error) return refuse(error);
  const tcp::endpoint endpoint = found.begin()->endpoint();
  auto acceptor = std::make_unique<tcp::acceptor>(*context);
  acceptor->open(endpoint.protocol(), error);
  if (error) return refuse(error);
  // Not SO_REUSEPORT: two servers would share the port's connections.
  acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  acceptor->bind(endpoint, error);
  if (error) return refuse(error);
  acceptor->listen(limits::kHttpBacklog, error);
  if (error) return refuse(error);
  return acceptor;
}

absl::StatusOr<ListeningSocket> AdoptListeningSocket(int socket, boost::asio::io_context* context) {
  sockaddr_storage bound = {};
  socklen_t size = sizeof(bound);
  int listens = 0;
  socklen_t listens_size = sizeof(listens);
  const bool is_known = getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &size) == 0 &&
                        getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_size) == 0;
  const bool is_tcp = is_known && (bound.ss_family == AF_INET || bound.ss_family == AF_INET6);
  if (!is_tcp || listens == 0) {
    close(socket);
    return absl::InvalidArgumentError(
        absl::StrCat("descriptor ", socket, " is no TCP socket that listens"));
  }
  fcntl(socket, F_SETFD, FD_CLOEXEC);
  return std::make_unique<tcp::acceptor>(
      *context, bound.ss_family == AF_INET ? tcp::v4() : tcp::v6(), socket);
}

}  // namespace farebox::web
