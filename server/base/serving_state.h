#ifndef FAREBOX_SERVER_BASE_SERVING_STATE_H_
#define FAREBOX_SERVER_BASE_SERVING_STATE_H_

#include <atomic>

#include "grpcpp/health_check_service_interface.h"
#include "storage/mutex.h"

namespace farebox::server {

// Whether calls are better sent elsewhere, and why. grpc.health.v1.Health and /readyz both say what
// this says, so that balancers hear the same whichever they ask. Thread-safe.
//
//   state                      comes with             ends            serving   calls
//   the journal is locked      another program        with its lock   no        answered
//   the disk is slow           one long write         with it         no        answered
//   leaving                    a drain, a failure     never           no        answered
//   closing                    the same, a hand-over  never           as before SHUTTING_DOWN
//
// A hand-over closes and does not leave: a tenth of a second later the successor answers at the
// same address. A balancer that heard of it would send nothing there until it has asked some times
// more, and make seconds of a moment that callers only wait for.
class ServingState {
 public:
  struct Verdict {
    bool is_serving = true;
    // In a few words for people.
    const char* reason = "ready";
  };

  ServingState() = default;
  ServingState(const ServingState&) = delete;
  ServingState& operator=(const ServingState&) = delete;

  // From now on `health` is told each change; at once, what came before. It is used until the last
  // change, not by the destructor.
  void TellFromNowOn(grpc::HealthCheckServiceInterface* health);

  void SetJournalLocked(bool is_locked);
  void SetDiskSlow(bool is_slow);
  // For good: a disk that recovers, or a lock that is given back, does not change it.
  void Leave();
  // Calls are turned away, for good.
  void Close() { is_closing_.store(true); }

  Verdict verdict() const;
  // What each call looks at; lives as long as this object.
  const std::atomic<bool>* is_closing() const { return &is_closing_; }

 private:
  Verdict Judge() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Tell() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Synchronises itself.
  std::atomic<bool> is_closing_{false};

  mutable Mutex mu_;  // Held while health is told, so that the newest is told last.
  // Null while nobody is served.
  grpc::HealthCheckServiceInterface* health_ ABSL_GUARDED_BY(mu_) = nullptr;
  bool is_journal_locked_ ABSL_GUARDED_BY(mu_) = false;
  bool is_disk_slow_ ABSL_GUARDED_BY(mu_) = false;
  bool is_leaving_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_SERVING_STATE_H_
