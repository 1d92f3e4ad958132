#include "server/transport/listening_sockets.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

constexpr absl::string_view kUnix = "unix:";

absl::Status CannotListen(const std::string& address, absl::string_view why) {
  return absl::UnavailableError(absl::StrCat("cannot listen on ", address, ": ", why));
}

int PortOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  }
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  }
  return 0;
}

void SetPort(int port, sockaddr_storage* address) {
  const uint16_t bytes = htons(static_cast<uint16_t>(port));
  if (address->ss_family == AF_INET) reinterpret_cast<sockaddr_in*>(address)->sin_port = bytes;
  if (address->ss_family == AF_INET6) reinterpret_cast<sockaddr_in6*>(address)->sin6_port = bytes;
}

void SetOption(int fd, int level, int name, int value) {
  setsockopt(fd, level, name, &value, sizeof(value));
}

bool HasOption(int fd, int name, int expected) {
  int value = 0;
  socklen_t size = sizeof(value);
  return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 && value == expected;
}

// A socket that listens; errno says why where there is none.
Descriptor Listen(const sockaddr_storage& address, socklen_t size) {
  Descriptor made(socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made.is_open()) return made;
  // A port is free again at once when its server is gone; two servers never share one.
  SetOption(made.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.ss_family == AF_INET6) SetOption(made.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  const bool listens = bind(made.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                       listen(made.get(), SOMAXCONN) == 0;
  return listens ? std::move(made) : Descriptor();
}

int BoundPort(int fd) {
  sockaddr_storage bound = {};
  socklen_t size = sizeof(bound);
  const bool is_known = getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) == 0;
  return is_known ? PortOf(bound) : 0;
}

// A file that a server left behind, and that no server answers at.
void RemoveAbandoned(const sockaddr_un& address) {
  struct stat file;
  if (stat(address.sun_path, &file) != 0 || !S_ISSOCK(file.st_mode)) return;
  const Descriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const bool is_answered =
      connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  if (!is_answered && errno == ECONNREFUSED) unlink(address.sun_path);
}

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

// A hosts file may say the same twice.
bool IsRepeated(const addrinfo* first, const addrinfo& one) {
  for (const addrinfo* before = first; before != &one; before = before->ai_next) {
    if (before->ai_addrlen == one.ai_addrlen &&
        std::memcmp(before->ai_addr, one.ai_addr, one.ai_addrlen) == 0) {
      return true;
    }
  }
  return false;
}

absl::StatusOr<Addresses> Resolve(const std::string& address) {
  const size_t colon = address.rfind(':');
  absl::string_view host = absl::string_view(address).substr(0, colon);
  if (colon == std::string::npos ||
      absl::ConsumePrefix(&host, "[") != absl::ConsumeSuffix(&host, "]") || host.empty()) {
    return CannotListen(address, "it needs an address and a port");
  }
  const std::string port = address.substr(colon + 1);
  int number = 0;
  if (!absl::SimpleAtoi(port, &number) || number < 0 || number > 65'535) {
    return CannotListen(address, "the port is no number up to 65535");
  }
  addrinfo wanted = {};
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(std::string(host).c_str(), port.c_str(), &wanted, &found);
  if (error != 0) return CannotListen(address, gai_strerror(error));
  return Addresses(found, &freeaddrinfo);
}

}  // namespace

absl::StatusOr<ListeningSockets> ListeningSockets::Bind(const std::string& address) {
  absl::string_view path = address;
  return absl::ConsumePrefix(&path, kUnix) ? BindUnix(std::string(path)) : BindTcp(address);
}

absl::StatusOr<ListeningSockets> ListeningSockets::BindUnix(const std::string& path) {
  sockaddr_storage address = {};
  auto& unix_address = reinterpret_cast<sockaddr_un&>(address);
  unix_address.sun_family = AF_UNIX;
  const std::string name = absl::StrCat(kUnix, path);
  if (path.empty() || path.size() >= sizeof(unix_address.sun_path)) {
    return CannotListen(name, "the path is empty or too long");
  }
  std::memcpy(unix_address.sun_path, path.data(), path.size());
  RemoveAbandoned(unix_address);
  ListeningSockets sockets;
  Descriptor made = Listen(address, sizeof(unix_address));
  if (!made.is_open()) return CannotListen(name, std::strerror(errno));
  sockets.descriptors_.push_back(std::move(made));
  return sockets;
}

absl::StatusOr<ListeningSockets> ListeningSockets::BindTcp(const std::string& address) {
  FAREBOX_ASSIGN_OR_RETURN(const Addresses found, Resolve(address));
  ListeningSockets sockets;
  int last_error = 0;
  for (const addrinfo* one = found.get(); one != nullptr; one = one->ai_next) {
    if (IsRepeated(found.get(), *one)) continue;
    sockaddr_storage place = {};
    std::memcpy(&place, one->ai_addr, one->ai_addrlen);
    // All addresses of a name have one port.
    if (PortOf(place) == 0) SetPort(sockets.port_, &place);
    Descriptor made = Listen(place, one->ai_addrlen);
    if (made.is_open()) {
      sockets.port_ = BoundPort(made.get());
      sockets.descriptors_.push_back(std::move(made));
      continue;
    }
    last_error = errno;
    // A machine without IPv6 still knows its names.
    const bool is_foreign = last_error == EADDRNOTAVAIL || last_error == EAFNOSUPPORT;
    if (!is_foreign) return CannotListen(address, std::strerror(last_error));
  }
  if (sockets.descriptors_.empty()) return CannotListen(address, std::strerror(last_error));
  return sockets;
}

absl::StatusOr<ListeningSockets> ListeningSockets::Adopt(const std::vector<int>& descriptors) {
  ListeningSockets sockets;
  for (const int fd : descriptors) sockets.descriptors_.emplace_back(fd);
  for (const int fd : descriptors) {
    if (!HasOption(fd, SO_ACCEPTCONN, 1) || !HasOption(fd, SO_TYPE, SOCK_STREAM)) {
      return absl::InvalidArgumentError(
          absl::StrCat("descriptor ", fd, " is no stream socket that listens"));
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  }
  if (!descriptors.empty()) sockets.port_ = BoundPort(descriptors.front());
  return sockets;
}

void ListeningSockets::Close() { descriptors_.clear(); }

}  // namespace farebox::server
