#include "server/termination.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <utility>

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

sigset_t AllSignals() {
  sigset_t signals = EndSignals();
  sigaddset(&signals, SIGUSR2);
  return signals;
}

// Does what the signal does to a process that does not care for it.
[[noreturn]] void EndBy(int signal) {
  const sigset_t signals = EndSignals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  raise(signal);
  // Still here: the first process of a container, which the kernel ends by no signal of its own.
  _exit(128 + signal);
}

}  // namespace

Termination::Termination() {
  const sigset_t signals = AllSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signals_ = StartThread("fbx-signals", [this] { TakeSignals(); });
}

Termination::~Termination() {
  {
    MutexLock lock(&mu_);
    is_over_ = true;
  }
  // Wakes the thread: one that is sent to it alone, and waited for there.
  // NOLINTNEXTLINE(bugprone-bad-signal-to-kill-thread)
  pthread_kill(signals_.native_handle(), SIGTERM);
  signals_.join();
}

void Termination::TakeSignals() {
  const sigset_t signals = AllSignals();
  while (true) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    {
      MutexLock lock(&mu_);
      if (is_over_) return;
      if (signal != SIGUSR2 && is_ending_) EndBy(signal);
      (signal == SIGUSR2 ? is_hand_over_wanted_ : is_ending_) = true;
    }
    changed_.SignalAll();
  }
}

void Termination::ReportFailure(const absl::Status& status) {
  {
    MutexLock lock(&mu_);
    failure_ = status;
  }
  changed_.SignalAll();
}

void Termination::ReportSuccessor(const absl::Status& status) {
  {
    MutexLock lock(&mu_);
    successor_ = status;
    is_successor_decided_ = true;
  }
  changed_.SignalAll();
}

absl::Status Termination::failure() {
  MutexLock lock(&mu_);
  return failure_;
}

absl::Status Termination::successor() {
  MutexLock lock(&mu_);
  return successor_;
}

bool Termination::is_ending() {
  MutexLock lock(&mu_);
  return is_ending_;
}

std::optional<Termination::Event> Termination::Next() {
  if (!failure_.ok()) return Event::kFailure;
  if (is_ending_) return Event::kSignal;
  if (std::exchange(is_hand_over_wanted_, false)) return Event::kHandOverWanted;
  if (!std::exchange(is_successor_decided_, false)) return std::nullopt;
  return successor_.ok() ? Event::kSuccessorReady : Event::kSuccessorFailed;
}

Termination::Event Termination::Wait() {
  MutexLock lock(&mu_);
  std::optional<Event> event;
  while (!(event = Next()).has_value()) changed_.Wait(&mu_);
  return *event;
}

}  // namespace farebox::server
