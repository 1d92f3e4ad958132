#include "server/web/connection_limiter.h"

#include <algorithm>

#include "server/base/limits.h"
#include "storage/clock.h"

namespace farebox::web {

ConnectionLimiter::Verdict ConnectionLimiter::Enter(const server::PeerAddress& peer) {
  accepted_.fetch_add(1);
  // At the bound, one that waits for nothing makes room; where none does, nobody is let in.
  const bool is_full = open_.load() >= connections_max_ + limits::kHttpConnectionsSlack;
  if (is_full || !CountPeer(peer)) {
    refused_.fetch_add(1);
    return Verdict::kRefused;
  }
  return open_.fetch_add(1) >= connections_max_ ? Verdict::kTakenForIdle : Verdict::kTaken;
}

bool ConnectionLimiter::CountPeer(const server::PeerAddress& peer) {
  // A proxy on this machine stands for many.
  if (peer.is_local) return true;
  MutexLock lock(&mu_);
  size_t& count = by_peer_[peer.host];
  if (count >= connections_per_peer_max_) return false;
  ++count;
  return true;
}

void ConnectionLimiter::Leave(const server::PeerAddress& peer) {
  // Under the lock: who waits for the last one may destroy this right after.
  MutexLock lock(&mu_);
  open_.fetch_sub(1);
  ended_.SignalAll();
  if (peer.is_local) return;
  const auto found = by_peer_.find(peer.host);
  if (found != by_peer_.end() && --found->second == 0) by_peer_.erase(found);
}

void ConnectionLimiter::AwaitNone(absl::Duration patience) {
  const SystemClock clock;
  const absl::Time end = clock.Now() + patience;
  MutexLock lock(&mu_);
  while (open_.load() > 0) {
    const absl::Duration left = end - clock.Now();
    if (left <= absl::ZeroDuration()) return;
    ended_.WaitFor(&mu_, std::min(left, absl::Seconds(1)));
  }
}

}  // namespace farebox::web
