#ifndef FAREBOX_SERVER_BASE_DUE_THREAD_H_
#define FAREBOX_SERVER_BASE_DUE_THREAD_H_

#include <thread>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "storage/mutex.h"

namespace farebox::server {

// A thread for work that is due now and then: it works, waits for as long as the work has said, and
// works again; sooner where it is woken. Pauses are finite. Thread-safe; the work must call neither
// StopWithin() nor Stop().
class DueThread {
 public:
  // Does all that is due, and returns how long to wait for more.
  using Work = absl::AnyInvocable<absl::Duration()>;

  // `name` as StartThread() has it. Nothing is done before Start().
  DueThread(const char* name, Work work);
  // Stops.
  ~DueThread();
  DueThread(const DueThread&) = delete;
  DueThread& operator=(const DueThread&) = delete;

  // Works for the first time after `pause`. To be called once.
  void Start(absl::Duration pause = absl::ZeroDuration());

  // Has it work soon: after what it is doing, where it is doing something.
  void Wake();

  // Whether work that goes on for long is to break off.
  bool IsStopping() const;

  // Begins no more work, and waits for what it is doing, but not for longer than this. Whether that
  // has ended.
  bool StopWithin(absl::Duration patience);

  // Begins no more work, and returns when what it is doing has ended. Idempotent.
  void Stop();

 private:
  void BeginStop();
  void Loop(absl::Duration pause);
  // False once it is to stop.
  bool AwaitTurn(absl::Duration pause);

  // Constant after construction.
  const char* const name_;

  Work work_;  // Used only on the thread.

  mutable Mutex mu_;
  CondVar changed_;  // Signalled when it is woken or to stop.
  CondVar ended_;    // Signalled when is_running_ changes.
  bool is_woken_ ABSL_GUARDED_BY(mu_) = false;
  bool is_running_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  Mutex thread_mu_;  // Held by the one that starts or joins the thread.
  std::thread thread_ ABSL_GUARDED_BY(thread_mu_);
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_DUE_THREAD_H_
