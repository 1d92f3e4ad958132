#include "server/hand_over/passed_sockets.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "server/transport/listening_sockets.h"

namespace farebox::server {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

bool IsOpen(int descriptor) { return fcntl(descriptor, F_GETFD) != -1; }

class SocketShelfTest : public ::testing::Test {
 protected:
  // As it arrives in another process.
  static int Listen() {
    const auto bound = ListeningSockets::Bind("127.0.0.1:0");
    return dup(bound->descriptors().front().get());
  }

  const SocketShelf::Place calls_{.purpose = "calls", .address = "127.0.0.1:0"};
  const SocketShelf::Place http_{.purpose = "http", .address = "127.0.0.1:0"};
  SocketShelf shelf_;
};

// The address of the settings says nothing about the port.
TEST_F(SocketShelfTest, SocketsOfAServerAreKnownByTheirPlace) {
  const int for_calls = Listen();
  const int for_http = Listen();

  shelf_.Adopt({{http_.SocketName(), for_http}, {calls_.SocketName(), for_calls}}, {calls_, http_});

  EXPECT_EQ(shelf_.Take(calls_), std::vector<int>{for_calls});
  EXPECT_EQ(shelf_.Take(http_), std::vector<int>{for_http});
  EXPECT_THAT(shelf_.Take(calls_), IsEmpty());
  close(for_calls);
  close(for_http);
}

TEST_F(SocketShelfTest, SocketsOfAServiceManagerAreKnownByTheirAddress) {
  const int socket = Listen();
  const SocketShelf::Place place{.purpose = "calls", .address = AddressOf(socket)};

  shelf_.Adopt({{"farebox.socket", socket}}, {place});

  EXPECT_EQ(shelf_.Take(place), std::vector<int>{socket});
  close(socket);
}

TEST_F(SocketShelfTest, OthersAreClosed) {
  const int foreign = Listen();

  shelf_.Adopt({{"farebox.socket", foreign}}, {calls_, {.purpose = "http", .address = ""}});

  EXPECT_FALSE(IsOpen(foreign));
}

TEST_F(SocketShelfTest, WhatNobodyTakesIsClosed) {
  const int socket = Listen();
  {
    SocketShelf shelf;
    shelf.Adopt({{calls_.SocketName(), socket}}, {calls_});
  }

  EXPECT_FALSE(IsOpen(socket));
}

TEST_F(SocketShelfTest, WhatIsKeptOutlivesTheOneThatListens) {
  const int socket = Listen();
  const std::string address = AddressOf(socket);

  shelf_.Keep(calls_, socket);
  close(socket);

  ASSERT_THAT(shelf_.ToPass(), SizeIs(1));
  EXPECT_EQ(shelf_.ToPass()[0].name, calls_.SocketName());
  EXPECT_EQ(AddressOf(shelf_.ToPass()[0].descriptor), address);
  shelf_.Close();
  EXPECT_THAT(shelf_.ToPass(), IsEmpty());
}

// In the environment colons part the names.
TEST_F(SocketShelfTest, NamesHaveNoColons) {
  const SocketShelf::Place place{.purpose = "calls", .address = "[::1]:50051"};

  EXPECT_FALSE(absl::StrContains(place.SocketName(), ":"));
}

TEST(AddressOf, IsAsTheSettingsHaveIt) {
  const auto v6 = ListeningSockets::Bind("[::1]:0");
  ASSERT_TRUE(v6.ok());

  EXPECT_EQ(AddressOf(v6->descriptors().front().get()), absl::StrCat("[::1]:", v6->port()));
  EXPECT_EQ(AddressOf(-1), "");
}

}  // namespace
}  // namespace farebox::server
