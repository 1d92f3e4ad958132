// Over real connections: what has left is what the other end can read.

#include "server/transport/answers_together.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"

namespace farebox::server {
namespace {

// What is not there by then was held back. What leaves is there at once; the kernel lets go of the
// rest by itself after 200 ms.
constexpr int kHeldBackMillis = 50;
constexpr int kLeavesMillis = 100;

class TcpConnection {
 public:
  TcpConnection() {
    const Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(listener.get(), generic, size), 0);
    EXPECT_EQ(listen(listener.get(), 1), 0);
    EXPECT_EQ(getsockname(listener.get(), generic, &size), 0);
    client_ = Descriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(client_.get(), generic, size), 0);
    Descriptor accepted(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    // As gRPC does with its sockets.
    const int on = 1;
    EXPECT_EQ(setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    socket_ = std::make_shared<ClientSocket>(std::move(accepted));
  }

  // A byte for each.
  void Answer(int count = 1) {
    for (int i = 0; i < count; ++i) {
      AnswersTogether::BeforeAnswer(socket_);
      EXPECT_EQ(send(socket_->fd(), "x", 1, MSG_NOSIGNAL), 1);
    }
  }

  // How many answers come within that time, waiting for at most `count`.
  size_t Receive(size_t count, int millis = kLeavesMillis) {
    size_t received = 0;
    pollfd readable = {.fd = client_.get(), .events = POLLIN, .revents = 0};
    while (received < count && poll(&readable, 1, millis) == 1) {
      char bytes[64];
      const ssize_t got = recv(client_.get(), bytes, std::min(sizeof(bytes), count - received), 0);
      if (got <= 0) break;
      received += static_cast<size_t>(got);
    }
    return received;
  }

 private:
  Descriptor client_;
  ClientSocketPtr socket_;
};

TEST(AnswersTogether, LeaveInTheEnd) {
  TcpConnection connection;
  {
    const AnswersTogether together;
    connection.Answer(10);
    EXPECT_EQ(connection.Receive(10, kHeldBackMillis), 1U);
  }
  EXPECT_EQ(connection.Receive(9), 9U);
}

TEST(AnswersTogether, TheFirstIsNotHeldBack) {
  TcpConnection connection;
  const AnswersTogether together;
  connection.Answer();
  EXPECT_EQ(connection.Receive(1), 1U);
}

TEST(AnswersTogether, NoneWaitsForMoreThanSome) {
  TcpConnection connection;
  const AnswersTogether together;
  connection.Answer(34);
  EXPECT_EQ(connection.Receive(33), 33U);
  EXPECT_EQ(connection.Receive(1, kHeldBackMillis), 0U);
  connection.Answer(32);
  EXPECT_EQ(connection.Receive(32), 32U);
}

TEST(AnswersTogether, EachConnectionForItself) {
  TcpConnection one;
  TcpConnection other;
  {
    const AnswersTogether together;
    one.Answer(3);
    other.Answer(1);
    one.Answer(2);
    EXPECT_EQ(other.Receive(1), 1U);
    EXPECT_EQ(one.Receive(5, kHeldBackMillis), 1U);
  }
  EXPECT_EQ(one.Receive(4), 4U);
}

TEST(AnswersTogether, AfterwardsNothingIsHeldBack) {
  TcpConnection connection;
  {
    const AnswersTogether together;
    connection.Answer(2);
  }
  EXPECT_EQ(connection.Receive(2), 2U);
  connection.Answer();
  EXPECT_EQ(connection.Receive(1), 1U);
  connection.Answer();
  EXPECT_EQ(connection.Receive(1), 1U);
}

TEST(AnswersTogether, OtherThreadsAreNotHeldBack) {
  TcpConnection connection;
  const AnswersTogether together;
  std::thread([&] { connection.Answer(5); }).join();
  EXPECT_EQ(connection.Receive(5), 5U);
}

TEST(AnswersTogether, ConnectionsBeyondThoseItKeepsAreNotHeldBack) {
  std::vector<TcpConnection> connections(70);
  {
    const AnswersTogether together;
    for (TcpConnection& connection : connections) connection.Answer(3);
    EXPECT_EQ(connections.back().Receive(3), 3U);
    EXPECT_EQ(connections.front().Receive(3, kHeldBackMillis), 1U);
  }
  EXPECT_EQ(connections.front().Receive(2), 2U);
}

TEST(AnswersTogether, NoConnectionAndOneThatIsNoTcpAreNothing) {
  const AnswersTogether together;
  AnswersTogether::BeforeAnswer(nullptr);
  int ends[2] = {-1, -1};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const Descriptor client(ends[0]);
  const auto socket = std::make_shared<ClientSocket>(Descriptor(ends[1]));
  for (int i = 0; i < 3; ++i) {
    AnswersTogether::BeforeAnswer(socket);
    ASSERT_EQ(send(socket->fd(), "x", 1, MSG_NOSIGNAL), 1);
  }
  char bytes[3];
  EXPECT_EQ(recv(client.get(), bytes, sizeof(bytes), MSG_WAITALL), 3);
}

}  // namespace
}  // namespace farebox::server
