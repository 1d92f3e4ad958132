#ifndef FAREBOX_SERVER_SERVICES_OPEN_STREAMS_H_
#define FAREBOX_SERVER_SERVICES_OPEN_STREAMS_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
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
  struct Bounds {
    size_t streams_max = 0;
    // For each account, of its customer's; and limits::kCustomersPlacesPercent for those of all.
    size_t per_account_max = 0;
  };
  explicit OpenStreams(const Bounds& bounds) : bounds_(bounds) {}

  // `account_id` is that of the customer who asks; empty for others. Fails with OVERLOADED
  // where there are too many, and with SHUTTING_DOWN.
  absl::Status Enter(const std::shared_ptr<OpenStream>& stream, absl::string_view account_id = "");
  void Leave(OpenStream* stream);

  // Ends all of them soon, and lets none in any more.
  void EndAll();

 private:
  struct Place {
    std::shared_ptr<OpenStream> stream;
    std::string account_id;
  };

  bool HasRoom(absl::string_view account_id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Bounds bounds_;

  Mutex mu_;
  absl::flat_hash_map<OpenStream*, Place> places_ ABSL_GUARDED_BY(mu_);
  bool is_ending_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_OPEN_STREAMS_H_
