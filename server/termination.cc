#include "server/termination.h"

#include <pthread.h>

#include <csignal>

#include "storage/thread.h"

namespace farebox::server {
namespace {

sigset_t EndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

}  // namespace

Termination::Termination() {
  const sigset_t signals = EndSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signals_ = StartThread("fbx-signals", [this] { WaitForSignal(); });
}

Termination::~Termination() {
  // Wakes the thread where no signal came: one that is sent to it alone, and waited for there.
  End(absl::OkStatus());
  // NOLINTNEXTLINE(bugprone-bad-signal-to-kill-thread)
  pthread_kill(signals_.native_handle(), SIGTERM);
  signals_.join();
}

void Termination::WaitForSignal() {
  const sigset_t signals = EndSignals();
  int signal = 0;
  while (sigwait(&signals, &signal) != 0) {
  }
  End(absl::OkStatus());
}

void Termination::ReportFailure(const absl::Status& status) {
  {
    MutexLock lock(&mu_);
    failure_ = status;
  }
  End(status);
}

absl::Status Termination::failure() {
  MutexLock lock(&mu_);
  return failure_;
}

void Termination::End(const absl::Status& status) {
  MutexLock lock(&mu_);
  if (!end_.has_value()) end_ = status;
  ended_.SignalAll();
}

absl::Status Termination::Wait() {
  MutexLock lock(&mu_);
  while (!end_.has_value()) ended_.Wait(&mu_);
  if (end_->ok()) {
    const sigset_t signals = EndSignals();
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  }
  return *end_;
}

}  // namespace farebox::server
