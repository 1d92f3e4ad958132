#ifndef FAREBOX_SERVER_SERVICES_CALL_LOG_H_
#define FAREBOX_SERVER_SERVICES_CALL_LOG_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "server/base/limits.h"
#include "server/base/log_turns.h"
#include "server/services/call_context.h"
#include "storage/clock.h"

namespace farebox::server {

struct CallLogOptions {
  // A line for every call.
  bool has_all = false;
  // A line for calls that took as long, as a warning.
  absl::Duration slow = absl::InfiniteDuration();
};

// Log lines about calls that have ended: how, how long they took, whose they were and under which
// trace; nothing of what they asked for but the account and the request id. Thread-safe.
//
// A disk that is slow makes every call slow: of slow calls so many a second have a line, and the
// next one says how many had none. A stream is as long as its caller likes, and never slow.
class CallLog {
 public:
  // The clock outlives it.
  CallLog(const CallLogOptions& options, const Clock* clock)
      : options_(options), slow_turns_(clock, limits::kSlowCallLinesPerSecond) {}

  // Whether there may be a line to write.
  bool Wants(absl::Duration took) const { return options_.has_all || took >= options_.slow; }

  struct EndedCall {
    absl::string_view method;
    // From where it came.
    std::string peer;
    const absl::Status& status;
    // Null for a stream.
    const google::protobuf::Message* request = nullptr;
    absl::Duration took;
  };
  void Write(const EndedCall& ended, CallContext* call);

 private:
  // Constant after construction.
  const CallLogOptions options_;

  // Synchronises itself.
  LogTurns slow_turns_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_CALL_LOG_H_
