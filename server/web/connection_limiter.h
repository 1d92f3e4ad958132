#ifndef FAREBOX_SERVER_WEB_CONNECTION_LIMITER_H_
#define FAREBOX_SERVER_WEB_CONNECTION_LIMITER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "server/transport/peer_address.h"
#include "storage/mutex.h"

namespace farebox::web {

// Counts a listener's connections, in all and of each peer, and says whose are too many.
// Thread-safe.
class ConnectionLimiter {
 public:
  ConnectionLimiter(size_t connections_max, size_t connections_per_peer_max)
      : connections_max_(static_cast<int64_t>(connections_max)),
        connections_per_peer_max_(connections_per_peer_max) {}

  enum class Verdict {
    kRefused,
    kTaken,
    kTakenForIdle,  // And one that waits for nothing is to make room.
  };
  // Of one that has come. What is taken is to Leave() when it has ended.
  Verdict Enter(const server::PeerAddress& peer);
  // It may be the last thing that is done here: whoever waits for it destroys this.
  void Leave(const server::PeerAddress& peer);

  int64_t open() const { return open_.load(); }
  // Since the start; of them, refused.
  int64_t accepted() const { return accepted_.load(); }
  int64_t refused() const { return refused_.load(); }

  // Returns when none is open, or the time is over.
  void AwaitNone(absl::Duration patience);

 private:
  bool CountPeer(const server::PeerAddress& peer);

  // Constant after construction.
  const int64_t connections_max_;
  const size_t connections_per_peer_max_;

  // Synchronise themselves.
  std::atomic<int64_t> open_{0};
  std::atomic<int64_t> accepted_{0};
  std::atomic<int64_t> refused_{0};

  Mutex mu_;
  CondVar ended_;  // Signalled when a connection has ended.
  absl::flat_hash_map<std::string, size_t> by_peer_ ABSL_GUARDED_BY(mu_);
};

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_CONNECTION_LIMITER_H_
