#include "server/transport/listening_sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/support/temporary_directory.h"

namespace farebox::server {
namespace {

// Whether somebody listens at the port of 127.0.0.1.
bool IsAnswered(int port) {
  const Descriptor client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

TEST(ListeningSockets, PortZeroTakesAFreeOne) {
  const auto sockets = ListeningSockets::Bind("127.0.0.1:0");

  ASSERT_TRUE(sockets.ok()) << sockets.status();
  EXPECT_GT(sockets->port(), 0);
  EXPECT_TRUE(IsAnswered(sockets->port()));
}

TEST(ListeningSockets, AllAddressesOfANameHaveOnePort) {
  const auto sockets = ListeningSockets::Bind("localhost:0");

  ASSERT_TRUE(sockets.ok()) << sockets.status();
  EXPECT_TRUE(IsAnswered(sockets->port()));
}

TEST(ListeningSockets, APortIsNotShared) {
  const auto first = ListeningSockets::Bind("127.0.0.1:0");
  ASSERT_TRUE(first.ok());

  const auto second = ListeningSockets::Bind(absl::StrCat("127.0.0.1:", first->port()));

  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
  EXPECT_TRUE(absl::StrContains(second.status().message(), "Address already in use"));
}

TEST(ListeningSockets, APortIsFreeWhenItsSocketsAreClosed) {
  auto first = ListeningSockets::Bind("127.0.0.1:0");
  ASSERT_TRUE(first.ok());
  const int port = first->port();
  // Leaves a connection in TIME_WAIT behind.
  ASSERT_TRUE(IsAnswered(port));

  first->Close();

  EXPECT_FALSE(IsAnswered(port));
  EXPECT_TRUE(ListeningSockets::Bind(absl::StrCat("127.0.0.1:", port)).ok());
}

TEST(ListeningSockets, AnyOfIpv6TakesIpv4Too) {
  const auto sockets = ListeningSockets::Bind("[::]:0");

  ASSERT_TRUE(sockets.ok()) << sockets.status();
  EXPECT_TRUE(IsAnswered(sockets->port()));
}

TEST(ListeningSockets, WhatIsNoAddressIsRefusedByName) {
  for (const std::string address : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                                    "127.0.0.1:http", "[::1:0", ":0", "unix:", "no such host:1"}) {
    const auto sockets = ListeningSockets::Bind(address);

    EXPECT_TRUE(absl::IsUnavailable(sockets.status())) << address;
    EXPECT_TRUE(absl::StrContains(sockets.status().message(), address)) << sockets.status();
  }
  EXPECT_FALSE(ListeningSockets::Bind(absl::StrCat("unix:", std::string(200, 'x'))).ok());
}

TEST(ListeningSockets, ASocketFileThatNobodyListensOnIsReplaced) {
  const testing::TemporaryDirectory directory;
  const std::string address = absl::StrCat("unix:", directory.path(), "/socket");
  auto first = ListeningSockets::Bind(address);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->port(), 0);

  EXPECT_TRUE(absl::IsUnavailable(ListeningSockets::Bind(address).status()));
  first->Close();
  EXPECT_TRUE(ListeningSockets::Bind(address).ok());
}

TEST(ListeningSockets, ThoseOfSomebodyElseAreTakenOver) {
  const auto bound = ListeningSockets::Bind("127.0.0.1:0");
  ASSERT_TRUE(bound.ok());

  const auto sockets = ListeningSockets::Adopt({dup(bound->descriptors()[0].get())});

  ASSERT_TRUE(sockets.ok()) << sockets.status();
  EXPECT_EQ(sockets->port(), bound->port());
}

TEST(ListeningSockets, WhatDoesNotListenIsNotTakenOver) {
  const int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  EXPECT_TRUE(absl::IsInvalidArgument(ListeningSockets::Adopt({socket_fd}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ListeningSockets::Adopt({-1}).status()));
}

}  // namespace
}  // namespace farebox::server
