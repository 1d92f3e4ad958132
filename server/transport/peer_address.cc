#include "server/transport/peer_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace farebox::server {
namespace {

PeerAddress DescribeIpv4(const in_addr& address, in_port_t port) {
  std::array<char, INET_ADDRSTRLEN> text = {};
  inet_ntop(AF_INET, &address, text.data(), text.size());
  constexpr uint32_t kLoopbackNet = 127;
  return {.name = absl::StrCat("ipv4:", text.data(), ":", ntohs(port)),
          .host = text.data(),
          .is_local = ntohl(address.s_addr) >> 24 == kLoopbackNet};
}

PeerAddress DescribeIpv6(const sockaddr_in6& address) {
  std::array<char, INET6_ADDRSTRLEN> text = {};
  inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
  const std::string zone =
      address.sin6_scope_id == 0 ? "" : absl::StrCat("%25", address.sin6_scope_id);
  in6_addr network = address.sin6_addr;
  std::memset(network.s6_addr + 8, 0, 8);
  std::array<char, INET6_ADDRSTRLEN> network_text = {};
  inet_ntop(AF_INET6, &network, network_text.data(), network_text.size());
  return {.name = absl::StrCat("ipv6:%5B", text.data(), zone, "%5D:", ntohs(address.sin6_port)),
          .host = absl::StrCat(network_text.data(), "/64"),
          .is_local = IN6_IS_ADDR_LOOPBACK(&address.sin6_addr)};
}

}  // namespace

PeerAddress DescribePeer(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(address);
    return DescribeIpv4(ipv4.sin_addr, ipv4.sin_port);
  }
  if (address.ss_family == AF_INET6) {
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (!IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) return DescribeIpv6(ipv6);
    in_addr mapped;
    std::memcpy(&mapped, ipv6.sin6_addr.s6_addr + 12, sizeof(mapped));
    return DescribeIpv4(mapped, ipv6.sin6_port);
  }
  return {.name = "unix:", .host = "unix", .is_local = true, .is_unix = true};
}

}  // namespace farebox::server
