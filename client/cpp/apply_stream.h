#ifndef FAREBOX_CLIENT_CPP_APPLY_STREAM_H_
#define FAREBOX_CLIENT_CPP_APPLY_STREAM_H_

#include <cstddef>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "farebox/v1/billing.pb.h"

namespace farebox::client {

struct ApplyStreamOptions {
  // Send waits while so many operations have no result yet. The server works on up to 1,024.
  size_t in_flight_max = 512;
};

// A stream of operations with many in flight. Made by Client::OpenApplyStream.
//
// A stream is not repeated by itself: when it breaks, what TakeUnanswered() gives is sent again on
// a new stream. That is safe, since every operation has a request id. Thread-safe.
class ApplyStream {
 public:
  // Called for each result, in the order in which the operations were sent, by one thread. Must
  // call nothing of this class but Stop(). StatusFromProto() reads a result's error, and ErrorOf()
  // of that the operation's request id.
  using OnResult = std::function<void(const v1::ApplyStreamResponse&)>;

  virtual ~ApplyStream() = default;  // Stops the stream where it has not ended.

  // Sends one operation, together with others that are waiting; fills in its request id where it
  // has none. Waits while too many are in flight, and for nothing else. Fails with how the stream
  // ended, once it has; the operation is then among the unanswered.
  virtual absl::Status Send(v1::ApplyStreamRequest request) = 0;

  // No operation follows: waits for the last result. OK where every operation has its result;
  // otherwise how the stream ended.
  virtual absl::Status Finish() = 0;

  // Breaks the stream off: whoever waits in Send or Finish gets CANCELLED. Does not wait.
  virtual void Stop() = 0;

  // The operations that have no result, in order, with their request ids. Final once Finish has
  // returned.
  virtual std::vector<v1::ApplyStreamRequest> TakeUnanswered() = 0;
};

}  // namespace farebox::client

#endif  // FAREBOX_CLIENT_CPP_APPLY_STREAM_H_
