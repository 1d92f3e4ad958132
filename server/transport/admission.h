#ifndef FAREBOX_SERVER_TRANSPORT_ADMISSION_H_
#define FAREBOX_SERVER_TRANSPORT_ADMISSION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "server/transport/peer_address.h"

namespace farebox::server {

// Who may have one more connection: pure rules, in looks as those of Conduct. Thread-compatible.
class Admission {
 public:
  struct Options {
    size_t connections_max = 0;
    // How many one host may have; those of this machine are not counted.
    size_t connections_per_host_max = 0;
  };

  enum class Refusal { kTotal, kHost, kResting };

  explicit Admission(const Options& options) : options_(options) {}

  // A connection came in; Leave() when it is over, unless it was refused.
  std::optional<Refusal> Enter(const PeerAddress& peer);
  void Leave(const PeerAddress& peer);

  // A connection of the host was cut: it gets no other one for a while. A proxy on this machine
  // speaks for many and is not punished.
  void NoteCut(const PeerAddress& peer);

  void Pass(int64_t looks);

  size_t connections() const { return connections_; }

 private:
  struct Host {
    size_t connections = 0;
    int64_t resting_looks = 0;
  };

  const Options options_;
  size_t connections_ = 0;
  // Hosts elsewhere that have connections or rest.
  absl::flat_hash_map<std::string, Host> hosts_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_TRANSPORT_ADMISSION_H_
