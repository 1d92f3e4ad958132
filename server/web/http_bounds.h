#ifndef FAREBOX_SERVER_WEB_HTTP_BOUNDS_H_
#define FAREBOX_SERVER_WEB_HTTP_BOUNDS_H_

#include <cstddef>

#include "absl/time/time.h"
#include "server/base/limits.h"

namespace farebox::web {

// How long a peer may take, and how much it may send. Tests take less than these.
struct HttpBounds {
  size_t header_bytes_max = limits::kHttpHeaderBytesMax;
  absl::Duration handshake_timeout = limits::kHandshakeTimeout;
  absl::Duration read_timeout = limits::kHttpReadTimeout;
  absl::Duration write_timeout = limits::kHttpWriteTimeout;
  absl::Duration idle_timeout = limits::kHttpIdleTimeout;
  size_t connections_max = limits::kHttpConnectionsMax;
  size_t connections_per_peer_max = limits::kHttpConnectionsPerPeerMax;
  size_t bodies_bytes_max = limits::kHttpBodiesBytesMax;
};

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_HTTP_BOUNDS_H_
