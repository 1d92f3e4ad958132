#ifndef FAREBOX_SERVER_SERVICES_OPEN_STREAMS_H_
#define FAREBOX_SERVER_SERVICES_OPEN_STREAMS_H_

#include <cstddef>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "storage/mutex.h"

namespace farebox::server {

// A call that goes on until somebody ends it.
class OpenStream {
 public:
  virtual ~OpenStream() = default;
  // Takes nothing new, answers what is in flight, and ends with SHUTTING_DOWN. Thread-safe.
  virtual void EndSoon() = 0;
};

// The streams that a drain has to end. Thread-safe.
class OpenStreams {
 public:
  explicit OpenStreams(size_t streams_max) : streams_max_(streams_max) {}

  // Fails with OVERLOADED where there are too many, and with SHUTTING_DOWN.
  absl::Status Enter(const std::shared_ptr<OpenStream>& stream);
  void Leave(OpenStream* stream);

  // Ends all of them soon, and lets none in any more.
  void EndAll();

 private:
  const size_t streams_max_;

  Mutex mu_;
  absl::flat_hash_map<OpenStream*, std::shared_ptr<OpenStream>> streams_ ABSL_GUARDED_BY(mu_);
  bool is_ending_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_OPEN_STREAMS_H_
