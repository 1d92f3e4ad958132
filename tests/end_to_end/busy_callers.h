#ifndef FAREBOX_TESTS_END_TO_END_BUSY_CALLERS_H_
#define FAREBOX_TESTS_END_TO_END_BUSY_CALLERS_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "storage/mutex.h"

namespace farebox {

// Callers as people write them: one client of the library with its own settings, which repeats what
// was not answered, and threads that debit a micro after the other. What they notice of whatever
// happens to the server.
class BusyCallers {
 public:
  struct Options {
    std::string address;
    std::vector<std::string> account_ids;
    int callers = 4;
    // What a call may take in all.
    absl::Duration timeout = client::ClientOptions().timeout;
    // Between two calls of a caller, at random up to this, so that some always begin.
    absl::Duration pause_max = absl::ZeroDuration();
  };
  struct Report {
    int64_t calls = 0;
    int64_t failures = 0;
    std::string first_failure;
    absl::Duration longest;
    // Between two answers, whoever they were for.
    absl::Duration longest_silence;
  };

  explicit BusyCallers(Options options);
  // Ends them, each after its call.
  ~BusyCallers();
  BusyCallers(const BusyCallers&) = delete;
  BusyCallers& operator=(const BusyCallers&) = delete;

  // Since the last time that this was asked.
  Report TakeReport();

  // Returns when so many calls more have ended.
  void AwaitCalls(int64_t more);

 private:
  void Loop(size_t caller);

  const Options options_;
  client::Client client_;
  std::atomic<bool> is_stopping_{false};
  Mutex mu_;
  CondVar ended_;  // Signalled when ended_calls_ changes.
  int64_t ended_calls_ ABSL_GUARDED_BY(mu_) = 0;
  Report report_ ABSL_GUARDED_BY(mu_);
  absl::Time last_answer_ ABSL_GUARDED_BY(mu_) = absl::InfiniteFuture();
  std::vector<std::thread> threads_;  // Last: they start when all above is built.
};

}  // namespace farebox

#endif  // FAREBOX_TESTS_END_TO_END_BUSY_CALLERS_H_
