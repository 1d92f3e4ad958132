#ifndef FAREBOX_TESTS_SERVER_THREAD_GATE_H_
#define FAREBOX_TESTS_SERVER_THREAD_GATE_H_

#include "absl/status/status.h"
#include "storage/catalog.h"
#include "storage/ledger.h"
#include "storage/mutex.h"

namespace farebox::server {

// Holds up one thread until it is let go.
class ThreadGate {
 public:
  ThreadGate() = default;
  // Opens, and waits for who is still on the way through.
  ~ThreadGate() {
    Open();
    MutexLock lock(&mu_);
    while (waiting_ > 0) changed_.Wait(&mu_);
  }
  ThreadGate(const ThreadGate&) = delete;
  ThreadGate& operator=(const ThreadGate&) = delete;

  void Wait() {
    MutexLock lock(&mu_);
    is_reached_ = true;
    ++waiting_;
    changed_.SignalAll();
    while (!is_open_) changed_.Wait(&mu_);
    --waiting_;
    changed_.SignalAll();
  }
  void AwaitReached() {
    MutexLock lock(&mu_);
    while (!is_reached_) changed_.Wait(&mu_);
  }
  void Open() {
    MutexLock lock(&mu_);
    is_open_ = true;
    changed_.SignalAll();
  }

 private:
  Mutex mu_;
  CondVar changed_;
  bool is_reached_ ABSL_GUARDED_BY(mu_) = false;
  int waiting_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_open_ ABSL_GUARDED_BY(mu_) = false;
};

// Has the ledger's writer wait at the gate; returns when it does.
inline void HoldUpWriter(Ledger* ledger, ThreadGate* gate) {
  ledger->SubmitCatalogChange(
      [gate](Catalog&) {
        gate->Wait();
        return absl::OkStatus();
      },
      [](const absl::Status&) {});
  gate->AwaitReached();
}

}  // namespace farebox::server

#endif  // FAREBOX_TESTS_SERVER_THREAD_GATE_H_
