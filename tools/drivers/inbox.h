#ifndef FAREBOX_TOOLS_DRIVERS_INBOX_H_
#define FAREBOX_TOOLS_DRIVERS_INBOX_H_

#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "storage/mutex.h"

namespace farebox::drivers {

// Where the answers that come on other threads wait for the one thread that plays. Thread-safe.
template <typename Message>
class Inbox {
 public:
  void Post(Message message) {
    const MutexLock lock(&mu_);
    messages_.push_back(std::move(message));
    arrived_.SignalOne();
  }

  // All messages that are there; waits up to `timeout` for the first.
  std::vector<Message> Take(absl::Duration timeout) {
    const MutexLock lock(&mu_);
    if (messages_.empty() && timeout > absl::ZeroDuration()) arrived_.WaitFor(&mu_, timeout);
    return std::exchange(messages_, {});
  }

 private:
  Mutex mu_;
  CondVar arrived_;
  std::vector<Message> messages_ ABSL_GUARDED_BY(mu_);
};

}  // namespace farebox::drivers

#endif  // FAREBOX_TOOLS_DRIVERS_INBOX_H_
