#include "server/web/sign_in_guard.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/limits.h"

namespace farebox::web {
namespace {

// Bytes of an IPv6 address that are one customer's network.
constexpr size_t kNetworkBytes = 8;

// Of all ports of one IPv4 address, or of one IPv6 network, the same.
std::string AddressOf(absl::string_view peer) {
  const absl::string_view address = peer.substr(0, peer.rfind(':'));
  absl::string_view text = address;
  if (!absl::ConsumePrefix(&text, "ipv6:%5B")) return std::string(address);
  in6_addr parsed;
  const std::string plain(text.substr(0, text.find('%')));
  if (inet_pton(AF_INET6, plain.c_str(), &parsed) != 1) return std::string(address);
  return absl::StrCat(
      "ipv6:", absl::string_view(reinterpret_cast<const char*>(parsed.s6_addr), kNetworkBytes));
}

}  // namespace

absl::Duration SignInGuard::Wait(absl::string_view peer) const {
  const absl::Duration leniency = limits::kSignInFailuresMax * limits::kSignInFailurePause;
  MutexLock lock(&mu_);
  const auto found = forgiven_.find(AddressOf(peer));
  if (found == forgiven_.end()) return absl::ZeroDuration();
  // At the bound, one failure less has to be forgiven first.
  const absl::Duration over = found->second - clock_->Now() - leniency;
  return std::max(absl::ZeroDuration(), over + limits::kSignInFailurePause);
}

void SignInGuard::NoteFailure(absl::string_view peer) {
  const absl::Time now = clock_->Now();
  MutexLock lock(&mu_);
  if (forgiven_.size() >= limits::kSignInPeersMax) {
    absl::erase_if(forgiven_, [now](const auto& one) { return one.second <= now; });
  }
  // Where so many fail at once, it is no single one that is to be slowed down.
  if (forgiven_.size() >= limits::kSignInPeersMax) forgiven_.clear();
  absl::Time& forgiven = forgiven_[AddressOf(peer)];
  forgiven = std::max(forgiven, now) + limits::kSignInFailurePause;
}

}  // namespace farebox::web
