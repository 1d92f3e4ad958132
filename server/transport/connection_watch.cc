#include "server/transport/connection_watch.h"

#include <fcntl.h>
// The kernel's own header: that of the C library ends before the counts of bytes.
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/transport/descriptor.h"
#include "server/transport/flood_limits.h"

namespace farebox::server {
namespace {

// States of a TCP connection as the kernel numbers them.
constexpr int kFinWait1 = 4;
constexpr int kTimeWait = 6;
constexpr int kClosing = 11;

std::optional<tcp_info> KernelView(int fd) {
  tcp_info info = {};
  socklen_t size = sizeof(info);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  return info;
}

uint64_t CountUnread(int fd) {
  int bytes = 0;
  return ioctl(fd, SIOCINQ, &bytes) == 0 ? static_cast<uint64_t>(bytes) : 0;
}

// Unlike shutdown(), this also throws away what has been received and not been read: gRPC would
// work through megabytes of it.
void Abort(int fd) {
  sockaddr nobody = {};
  nobody.sa_family = AF_UNSPEC;
  if (connect(fd, &nobody, sizeof(nobody)) != 0) shutdown(fd, SHUT_RDWR);
}

// As far as the kernel still knows.
bool WasEndedHere(int fd) {
  const std::optional<tcp_info> info = KernelView(fd);
  if (!info.has_value()) return false;
  const int state = info->tcpi_state;
  return (state >= kFinWait1 && state <= kTimeWait) || state == kClosing;
}

}  // namespace

ConnectionWatch::~ConnectionWatch() {
  for (auto& [key, connection] : connections_) Forget(&connection);
}

absl::Status ConnectionWatch::Add(int fd, PeerAddress peer) {
  Connection connection = {
      .peer = std::move(peer),
      .socket = std::make_shared<ClientSocket>(Descriptor(fcntl(fd, F_DUPFD_CLOEXEC, 0))),
      .conduct = Conduct(parts_.calls_per_connection_max)};
  const uint64_t key = next_key_++;
  epoll_event event = {};
  // The end of a connection is always told.
  event.events = 0;
  event.data.u64 = key;
  if (connection.socket->fd() < 0 ||
      epoll_ctl(parts_.epoll, EPOLL_CTL_ADD, connection.socket->fd(), &event) != 0) {
    return absl::ResourceExhaustedError(std::strerror(errno));
  }
  if (!connection.peer.is_unix) parts_.table->Open(connection.peer.name, connection.socket);
  connections_.emplace(key, std::move(connection));
  parts_.metrics->SetOpen(connections_.size());
  return absl::OkStatus();
}

void ConnectionWatch::OnEvent(uint64_t key) {
  const auto found = connections_.find(key);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  if (!connection.is_cut) {
    const bool was_used =
        connection.peer.is_unix || parts_.table->Of(connection.peer.name).calls > 0;
    parts_.metrics->Ended(WasEndedHere(connection.socket->fd()), was_used);
  }
  Forget(&connection);
  connections_.erase(found);
  parts_.metrics->SetOpen(connections_.size());
}

void ConnectionWatch::Forget(Connection* connection) {
  // gRPC or a call may still have a descriptor: closing ours would not end the events.
  epoll_ctl(parts_.epoll, EPOLL_CTL_DEL, connection->socket->fd(), nullptr);
  connection->socket.reset();
  if (!connection->peer.is_unix) parts_.table->Close(connection->peer.name);
  parts_.admission->Leave(connection->peer);
}

void ConnectionWatch::Look(int64_t looks) {
  for (auto& [key, connection] : connections_) {
    // The kernel tells nothing of Unix sockets; who may open their file is known.
    if (connection.is_cut || connection.peer.is_unix) continue;
    connection.looks_since += looks;
    const int64_t pause = connection.conduct.is_quiet() ? limits::kLooksBetweenQuiet : 1;
    if (connection.looks_since >= pause) LookAt(&connection);
  }
}

void ConnectionWatch::LookAt(Connection* connection) {
  const std::optional<tcp_info> info = KernelView(connection->socket->fd());
  if (!info.has_value()) return;
  const Conduct::Seen seen = {.bytes_received = info->tcpi_bytes_received,
                              .bytes_sent = info->tcpi_bytes_sent,
                              .bytes_unread = CountUnread(connection->socket->fd()),
                              .calls = parts_.table->Of(connection->peer.name)};
  const std::optional<Conduct::Offence> offence =
      connection->conduct.Look(seen, std::exchange(connection->looks_since, 0));
  if (offence.has_value()) Cut(connection, *offence);
}

void ConnectionWatch::Cut(Connection* connection, Conduct::Offence offence) {
  const CallTraffic calls = parts_.table->Of(connection->peer.name);
  Log(LogLevel::kWarning, "connection_cut",
      {{"peer", connection->peer.name},
       {"flood_of", offence == Conduct::Offence::kResets ? "resets" : "bytes"},
       {"calls", static_cast<int64_t>(calls.calls)},
       {"request_bytes", static_cast<int64_t>(calls.request_bytes)},
       {"resets", static_cast<int64_t>(calls.resets)}});
  parts_.metrics->Cut(offence);
  parts_.admission->NoteCut(connection->peer);
  connection->is_cut = true;
  Abort(connection->socket->fd());
}

}  // namespace farebox::server
