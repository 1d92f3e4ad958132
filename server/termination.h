#ifndef FAREBOX_SERVER_TERMINATION_H_
#define FAREBOX_SERVER_TERMINATION_H_

#include <optional>
#include <thread>

#include "absl/status/status.h"
#include "storage/mutex.h"

namespace farebox::server {

// What is to become of the process: SIGTERM or SIGINT ends it, and so does a failure; SIGUSR2 wants
// it to hand over to a new one. A second SIGTERM or SIGINT kills, whatever is done just then. Made
// before any other thread, so that all of them leave the signals to it. One a process. Thread-safe.
class Termination {
 public:
  Termination();
  ~Termination();
  Termination(const Termination&) = delete;
  Termination& operator=(const Termination&) = delete;

  enum class Event {
    // A failure was reported.
    kFailure,
    // SIGTERM or SIGINT.
    kSignal,
    // SIGUSR2.
    kHandOverWanted,
    // What was reported of the one that was started.
    kSuccessorReady,
    kSuccessorFailed,
  };

  void ReportFailure(const absl::Status& status);
  // OK where it could take over now.
  void ReportSuccessor(const absl::Status& status);

  // Waits for the next of these; where there are several, for the one that is first in the list
  // above. Failures and ends stay; the others are told once.
  Event Wait();

  // What was reported; OK where nothing was.
  absl::Status failure();
  absl::Status successor();
  // Whether SIGTERM or SIGINT came.
  bool is_ending();

 private:
  void TakeSignals();
  std::optional<Event> Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Mutex mu_;
  CondVar changed_;  // Signalled when any of these changes.
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  bool is_over_ ABSL_GUARDED_BY(mu_) = false;
  bool is_ending_ ABSL_GUARDED_BY(mu_) = false;
  bool is_hand_over_wanted_ ABSL_GUARDED_BY(mu_) = false;
  bool is_successor_decided_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status successor_ ABSL_GUARDED_BY(mu_);

  std::thread signals_;  // Last: starts when all above is built.
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_TERMINATION_H_
