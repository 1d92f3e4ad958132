#include "tests/web/raw_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "storage/check.h"
#include "storage/clock.h"

namespace farebox::web {

RawConnection::RawConnection(int port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
  FAREBOX_CHECK(socket_ >= 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const bool is_connected =
      connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  FAREBOX_CHECK(is_connected);
}

RawConnection::~RawConnection() {
  if (socket_ >= 0) close(socket_);
}

RawConnection::RawConnection(RawConnection&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      unread_(std::move(other.unread_)),
      is_ended_(other.is_ended_) {}

bool RawConnection::Send(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

std::string RawConnection::ReadSome(absl::Duration patience) {
  pollfd wait = {.fd = socket_, .events = POLLIN, .revents = 0};
  if (poll(&wait, 1, static_cast<int>(absl::ToInt64Milliseconds(patience))) <= 0) return "";
  std::array<char, 65'536> bytes;
  const ssize_t count = recv(socket_, bytes.data(), bytes.size(), 0);
  is_ended_ = count <= 0;
  return count > 0 ? std::string(bytes.data(), static_cast<size_t>(count)) : "";
}

std::string RawConnection::ReadUntil(absl::string_view end, absl::Duration patience) {
  const SystemClock clock;
  const absl::Time until = clock.Now() + patience;
  while (!is_ended_ && clock.Now() < until) {
    const size_t found = end.empty() ? std::string::npos : unread_.find(std::string(end));
    if (found != std::string::npos) {
      std::string read = unread_.substr(0, found + end.size());
      unread_.erase(0, read.size());
      return read;
    }
    unread_ += ReadSome(until - clock.Now());
  }
  return std::exchange(unread_, "");
}

bool RawConnection::IsEndedWithin(absl::Duration patience) {
  const SystemClock clock;
  const absl::Time until = clock.Now() + patience;
  while (!is_ended_ && clock.Now() < until) ReadSome(until - clock.Now());
  return is_ended_;
}

void RawConnection::FinishSending() { shutdown(socket_, SHUT_WR); }

void RawConnection::Reset() {
  const linger at_once = {.l_onoff = 1, .l_linger = 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close(std::exchange(socket_, -1));
  is_ended_ = true;
}

}  // namespace farebox::web
