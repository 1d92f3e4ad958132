#ifndef FAREBOX_SERVER_TRANSPORT_CONNECTION_WATCH_H_
#define FAREBOX_SERVER_TRANSPORT_CONNECTION_WATCH_H_

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "server/transport/admission.h"
#include "server/transport/client_socket.h"
#include "server/transport/conduct.h"
#include "server/transport/connection_metrics.h"
#include "server/transport/connection_table.h"
#include "server/transport/peer_address.h"

namespace farebox::server {

// The connections that gRPC has, each by a descriptor of our own. Looks what the kernel has
// received and sent, against what the calls say came of it, and cuts a flood.
//
// Thread-compatible.
class ConnectionWatch {
 public:
  // Events of connections have these keys, and no others do.
  static constexpr uint64_t kFirstKey = uint64_t{1} << 32;

  // All outlive it. `epoll` is told of the sockets, and whoever waits for it calls OnEvent().
  struct Parts {
    int epoll = -1;
    Admission* admission = nullptr;
    ConnectionTable* table = nullptr;
    ConnectionMetrics* metrics = nullptr;
    int64_t calls_per_connection_max = 0;
  };

  explicit ConnectionWatch(const Parts& parts) : parts_(parts) {}
  ~ConnectionWatch();
  ConnectionWatch(const ConnectionWatch&) = delete;
  ConnectionWatch& operator=(const ConnectionWatch&) = delete;

  // Watches a connection that was admitted, before gRPC gets it. Fails where there is no
  // descriptor for that.
  absl::Status Add(int fd, PeerAddress peer);

  // Something has become of the connection with this key.
  void OnEvent(uint64_t key);

  // Time has passed: `looks` since the last one.
  void Look(int64_t looks);

 private:
  struct Connection {
    PeerAddress peer;
    ClientSocketPtr socket;
    Conduct conduct;
    int64_t looks_since = 0;
    bool is_cut = false;
  };

  void LookAt(Connection* connection);
  void Cut(Connection* connection, Conduct::Offence offence);
  void Forget(Connection* connection);

  const Parts parts_;
  uint64_t next_key_ = kFirstKey;
  absl::flat_hash_map<uint64_t, Connection> connections_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_TRANSPORT_CONNECTION_WATCH_H_
