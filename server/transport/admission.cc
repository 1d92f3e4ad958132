#include "server/transport/admission.h"

#include <algorithm>

#include "server/transport/flood_limits.h"

namespace farebox::server {

std::optional<Admission::Refusal> Admission::Enter(const PeerAddress& peer) {
  if (connections_ >= options_.connections_max) return Refusal::kTotal;
  if (!peer.is_local) {
    const auto found = hosts_.find(peer.host);
    const Host host = found == hosts_.end() ? Host() : found->second;
    if (host.resting_looks > 0) return Refusal::kResting;
    if (host.connections >= options_.connections_per_host_max) return Refusal::kHost;
    ++hosts_[peer.host].connections;
  }
  ++connections_;
  return std::nullopt;
}

void Admission::Leave(const PeerAddress& peer) {
  --connections_;
  if (peer.is_local) return;
  const auto found = hosts_.find(peer.host);
  --found->second.connections;
  if (found->second.connections == 0 && found->second.resting_looks == 0) hosts_.erase(found);
}

void Admission::NoteCut(const PeerAddress& peer) {
  if (!peer.is_local) hosts_[peer.host].resting_looks = limits::kRestLooks;
}

void Admission::Pass(int64_t looks) {
  for (auto host = hosts_.begin(); host != hosts_.end();) {
    const auto passed = host++;
    Host& at = passed->second;
    at.resting_looks = std::max<int64_t>(at.resting_looks - looks, 0);
    if (at.connections == 0 && at.resting_looks == 0) hosts_.erase(passed);
  }
}

}  // namespace farebox::server
