#ifndef FAREBOX_SERVER_TERMINATION_H_
#define FAREBOX_SERVER_TERMINATION_H_

#include <optional>
#include <thread>

#include "absl/status/status.h"
#include "storage/mutex.h"

namespace farebox::server {

// Why the process is to end: SIGTERM or SIGINT, or a failure. Made before any other thread, so
// that all of them leave the signals to it. One a process. Thread-safe.
class Termination {
 public:
  Termination();
  ~Termination();
  Termination(const Termination&) = delete;
  Termination& operator=(const Termination&) = delete;

  void ReportFailure(const absl::Status& status);

  // OK for a signal, otherwise the failure, whichever was first. After a signal the next one has
  // its default action: it kills. Called on the thread that made this.
  absl::Status Wait();

  // What was reported, also where a signal came first; OK where nothing was.
  absl::Status failure();

 private:
  void WaitForSignal();
  void End(const absl::Status& status);

  Mutex mu_;
  CondVar ended_;  // Signalled when end_ is set.
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mu_);
  absl::Status failure_ ABSL_GUARDED_BY(mu_);

  std::thread signals_;  // Last: starts when all above is built.
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_TERMINATION_H_
