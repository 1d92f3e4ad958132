#include "server/hand_over/passed_sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "server/base/log.h"

namespace farebox::server {
namespace {

// Empty where it is not set.
std::string Variable(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? "" : value;
}

bool IsForThisProcess() {
  pid_t wanted = 0;
  return absl::SimpleAtoi(Variable("LISTEN_PID"), &wanted) && wanted == getpid();
}

bool IsFor(const PassedSocket& socket, const SocketShelf::Place& place) {
  if (place.address.empty()) return false;
  return socket.name == place.SocketName() || AddressOf(socket.descriptor) == place.address;
}

}  // namespace

std::vector<PassedSocket> TakePassedSockets(bool has_predecessor) {
  std::vector<PassedSocket> sockets;
  int count = 0;
  const bool is_ours = has_predecessor || IsForThisProcess();
  if (is_ours && absl::SimpleAtoi(Variable("LISTEN_FDS"), &count)) {
    const std::vector<std::string> names = absl::StrSplit(Variable("LISTEN_FDNAMES"), ':');
    for (int i = 0; i < count; ++i) {
      const auto place = static_cast<size_t>(i);
      sockets.push_back({.name = place < names.size() ? names[place] : "",
                         .descriptor = kFirstPassedDescriptor + i});
    }
  }
  // Before any thread: nobody else reads the environment now.
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
    unsetenv(name);  // NOLINT(concurrency-mt-unsafe)
  }
  return sockets;
}

std::string AddressOf(int socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return "";
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_UNIX) {
    const auto& address = reinterpret_cast<const sockaddr_un&>(storage);
    return absl::StrCat("unix:", address.sun_path);
  }
  if (storage.ss_family == AF_INET) {
    const auto& address = reinterpret_cast<const sockaddr_in&>(storage);
    inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
    return absl::StrCat(text.data(), ":", ntohs(address.sin_port));
  }
  if (storage.ss_family == AF_INET6) {
    const auto& address = reinterpret_cast<const sockaddr_in6&>(storage);
    inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
    return absl::StrCat("[", text.data(), "]:", ntohs(address.sin6_port));
  }
  return "";
}

std::string SocketShelf::Place::SocketName() const {
  return absl::StrReplaceAll(absl::StrCat(purpose, "-", address), {{":", "="}});
}

SocketShelf::~SocketShelf() {
  for (const PassedSocket& socket : adopted_) close(socket.descriptor);
}

void SocketShelf::Adopt(const std::vector<PassedSocket>& sockets,
                        const std::vector<Place>& places) {
  for (const PassedSocket& socket : sockets) {
    const auto place = std::find_if(places.begin(), places.end(),
                                    [&](const Place& one) { return IsFor(socket, one); });
    if (place != places.end()) {
      adopted_.push_back({.name = place->SocketName(), .descriptor = socket.descriptor});
      continue;
    }
    Log(LogLevel::kWarning, "socket_refused",
        {{"name", socket.name}, {"address", AddressOf(socket.descriptor)}});
    close(socket.descriptor);
  }
}

std::vector<int> SocketShelf::Take(const Place& place) {
  std::vector<int> taken;
  const auto is_of_place = [&](const PassedSocket& socket) {
    if (socket.name != place.SocketName()) return false;
    taken.push_back(socket.descriptor);
    return true;
  };
  adopted_.erase(std::remove_if(adopted_.begin(), adopted_.end(), is_of_place), adopted_.end());
  return taken;
}

void SocketShelf::Keep(const Place& place, int descriptor) {
  kept_.push_back({.name = place.SocketName(),
                   .descriptor = Descriptor(fcntl(descriptor, F_DUPFD_CLOEXEC, 0))});
}

std::vector<PassedSocket> SocketShelf::ToPass() const {
  std::vector<PassedSocket> sockets;
  for (const Kept& kept : kept_) {
    sockets.push_back({.name = kept.name, .descriptor = kept.descriptor.get()});
  }
  return sockets;
}

}  // namespace farebox::server
