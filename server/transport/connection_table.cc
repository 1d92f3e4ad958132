#include "server/transport/connection_table.h"

#include <utility>

#include "absl/hash/hash.h"

namespace farebox::server {

ConnectionTable::Shard& ConnectionTable::ShardOf(const std::string& peer) {
  return shards_[absl::Hash<absl::string_view>{}(peer) % kShards];
}

const ConnectionTable::Shard& ConnectionTable::ShardOf(const std::string& peer) const {
  return shards_[absl::Hash<absl::string_view>{}(peer) % kShards];
}

void ConnectionTable::Open(const std::string& peer, ClientSocketPtr socket) {
  Shard& shard = ShardOf(peer);
  MutexLock lock(&shard.mu);
  Watched& watched = shard.by_peer[peer];
  ++watched.connections;
  watched.socket = std::move(socket);
}

void ConnectionTable::Close(const std::string& peer) {
  Shard& shard = ShardOf(peer);
  MutexLock lock(&shard.mu);
  const auto found = shard.by_peer.find(peer);
  if (found != shard.by_peer.end() && --found->second.connections == 0) shard.by_peer.erase(found);
}

ClientSocketPtr ConnectionTable::NoteCall(const std::string& peer, size_t request_bytes,
                                          bool is_known) {
  Shard& shard = ShardOf(peer);
  MutexLock lock(&shard.mu);
  const auto found = shard.by_peer.find(peer);
  if (found == shard.by_peer.end()) return nullptr;
  CallTraffic& traffic = found->second.traffic;
  ++traffic.calls;
  traffic.request_bytes += request_bytes;
  traffic.is_known |= is_known;
  return found->second.socket;
}

void ConnectionTable::NoteBytes(const std::string& peer, size_t request_bytes) {
  Shard& shard = ShardOf(peer);
  MutexLock lock(&shard.mu);
  const auto found = shard.by_peer.find(peer);
  if (found != shard.by_peer.end()) found->second.traffic.request_bytes += request_bytes;
}

void ConnectionTable::NoteReset(const std::string& peer) {
  Shard& shard = ShardOf(peer);
  MutexLock lock(&shard.mu);
  const auto found = shard.by_peer.find(peer);
  if (found != shard.by_peer.end()) ++found->second.traffic.resets;
}

CallTraffic ConnectionTable::Of(const std::string& peer) const {
  const Shard& shard = ShardOf(peer);
  MutexLock lock(&shard.mu);
  const auto found = shard.by_peer.find(peer);
  return found == shard.by_peer.end() ? CallTraffic() : found->second.traffic;
}

}  // namespace farebox::server
