#ifndef FAREBOX_SERVER_TRANSPORT_CONNECTION_TABLE_H_
#define FAREBOX_SERVER_TRANSPORT_CONNECTION_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/transport/client_socket.h"
#include "storage/mutex.h"

namespace farebox::server {

// What came of what a connection sent, since it was opened.
struct CallTraffic {
  uint64_t calls = 0;
  uint64_t request_bytes = 0;
  // Calls that were given up long before their deadlines.
  uint64_t resets = 0;
  // Somebody was let in by it.
  bool is_known = false;
};

// The connections that are watched, by their peer's name as ServerContext::peer() has it. Calls
// tell what came of theirs and learn by which socket they came; who watches them reads it. A call
// that came by none, as those within the process, is not counted. Thread-safe.
class ConnectionTable {
 public:
  // One more connection of the name is watched, one less.
  void Open(const std::string& peer, ClientSocketPtr socket);
  void Close(const std::string& peer);

  // A call came whole, with a request of so many bytes; or those of a stream so far did. The call's
  // connection, or null where nobody watches it.
  ClientSocketPtr NoteCall(const std::string& peer, size_t request_bytes, bool is_known);
  void NoteBytes(const std::string& peer, size_t request_bytes);
  void NoteReset(const std::string& peer);

  CallTraffic Of(const std::string& peer) const;

 private:
  // Calls of different connections seldom wait for each other.
  static constexpr size_t kShards = 16;

  struct Watched {
    CallTraffic traffic;
    // A name can be in use again before its old connection is done with: the socket is the newest.
    int connections = 0;
    ClientSocketPtr socket;
  };

  struct Shard {
    mutable Mutex mu;
    absl::flat_hash_map<std::string, Watched> by_peer ABSL_GUARDED_BY(mu);
  };

  Shard& ShardOf(const std::string& peer);
  const Shard& ShardOf(const std::string& peer) const;

  std::array<Shard, kShards> shards_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_TRANSPORT_CONNECTION_TABLE_H_
