#ifndef FAREBOX_CLIENT_CPP_WATCH_H_
#define FAREBOX_CLIENT_CPP_WATCH_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "farebox/v1/billing.pb.h"

namespace farebox::client {

struct WatchOptions {
  // How long the server may be out of reach before the watch ends with UNAVAILABLE.
  absl::Duration patience = absl::InfiniteDuration();
};

// Follows one account or all. Made by Client::WatchAccount. Thread-safe.
//
// When the stream breaks, or the server finds this reader too slow, it is opened again from the
// last entry that came: each entry comes once, in order. Where nothing had come yet and the request
// did not say from where, and for signals, what happens meanwhile is not told.
class Watch {
 public:
  // Called for each event by one thread of the watch. May call Stop(), and nothing else of it.
  using OnEvent = std::function<void(const v1::WatchAccountResponse&)>;

  virtual ~Watch() = default;  // Stops, and waits for a running OnEvent.

  // Waits for the end: OK after Stop(); otherwise why the server refused, or UNAVAILABLE.
  virtual absl::Status Wait() = 0;

  // Ends the watch. Does not wait for an OnEvent that runs or is about to.
  virtual void Stop() = 0;
};

}  // namespace farebox::client

#endif  // FAREBOX_CLIENT_CPP_WATCH_H_
