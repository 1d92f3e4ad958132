#include "server/transport/peer_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "gmock/gmock.h"

namespace farebox::server {
namespace {

PeerAddress Ipv4(const char* text, uint16_t port) {
  sockaddr_storage address = {};
  auto& ipv4 = reinterpret_cast<sockaddr_in&>(address);
  ipv4.sin_family = AF_INET;
  ipv4.sin_port = htons(port);
  inet_pton(AF_INET, text, &ipv4.sin_addr);
  return DescribePeer(address);
}

PeerAddress Ipv6(const char* text, uint16_t port, uint32_t scope = 0) {
  sockaddr_storage address = {};
  auto& ipv6 = reinterpret_cast<sockaddr_in6&>(address);
  ipv6.sin6_family = AF_INET6;
  ipv6.sin6_port = htons(port);
  ipv6.sin6_scope_id = scope;
  inet_pton(AF_INET6, text, &ipv6.sin6_addr);
  return DescribePeer(address);
}

TEST(PeerAddress, HasTheNameThatCallsHaveForIt) {
  EXPECT_EQ(Ipv4("192.0.2.1", 40000).name, "ipv4:192.0.2.1:40000");
  EXPECT_EQ(Ipv6("2001:db8::1", 40000).name, "ipv6:%5B2001:db8::1%5D:40000");
  EXPECT_EQ(Ipv6("::ffff:192.0.2.1", 1).name, "ipv4:192.0.2.1:1");
  EXPECT_EQ(Ipv6("fe80::1", 1, 2).name, "ipv6:%5Bfe80::1%252%5D:1");
}

TEST(PeerAddress, OfIpv6ANetworkIsOneHost) {
  EXPECT_EQ(Ipv6("2001:db8::1", 1).host, Ipv6("2001:db8::ffff:2", 2).host);
  EXPECT_NE(Ipv6("2001:db8::1", 1).host, Ipv6("2001:db8:0:1::1", 1).host);
  EXPECT_EQ(Ipv6("::ffff:192.0.2.1", 1).host, Ipv4("192.0.2.1", 2).host);
  EXPECT_NE(Ipv4("192.0.2.1", 1).host, Ipv4("192.0.2.2", 1).host);
}

TEST(PeerAddress, KnowsThisMachine) {
  EXPECT_TRUE(Ipv4("127.0.0.1", 1).is_local);
  EXPECT_TRUE(Ipv4("127.9.9.9", 1).is_local);
  EXPECT_TRUE(Ipv6("::1", 1).is_local);
  EXPECT_TRUE(Ipv6("::ffff:127.0.0.1", 1).is_local);
  EXPECT_FALSE(Ipv4("192.0.2.1", 1).is_local);
  EXPECT_FALSE(Ipv6("2001:db8::1", 1).is_local);
}

TEST(PeerAddress, AUnixSocketHasNoName) {
  sockaddr_storage address = {};
  address.ss_family = AF_UNIX;

  EXPECT_EQ(DescribePeer(address).name, "unix:");
  EXPECT_TRUE(DescribePeer(address).is_unix);
}

}  // namespace
}  // namespace farebox::server
