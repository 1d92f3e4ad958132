#ifndef FAREBOX_SERVER_SERVICES_SERIAL_RUNNER_H_
#define FAREBOX_SERVER_SERVICES_SERIAL_RUNNER_H_

#include <atomic>
#include <cstdint>

namespace farebox::server {

// Runs one function from whichever thread finds a reason to, but never twice at a time: a thread
// that comes while another is at it leaves, and the other goes round once more. So a stream starts
// its reads, writes and its end in one order without holding a lock while it calls gRPC.
// Thread-safe.
class SerialRunner {
 public:
  template <typename Steps>
  void Run(const Steps& steps) {
    if (wanted_.fetch_add(1) != 0) return;
    int64_t taken = 1;
    while (taken > 0) {
      steps();
      taken = wanted_.fetch_sub(taken) - taken;
    }
  }

 private:
  std::atomic<int64_t> wanted_{0};
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_SERIAL_RUNNER_H_
