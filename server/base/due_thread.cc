#include "server/base/due_thread.h"

#include <utility>

#include "storage/check.h"
#include "storage/thread.h"

namespace farebox::server {

DueThread::DueThread(const char* name, Work work) : name_(name), work_(std::move(work)) {}

DueThread::~DueThread() { Stop(); }

void DueThread::Start(absl::Duration pause) {
  MutexLock thread_lock(&thread_mu_);
  FAREBOX_CHECK(!thread_.joinable());
  {
    MutexLock lock(&mu_);
    is_running_ = true;
  }
  thread_ = StartThread(name_, [this, pause] { Loop(pause); });
}

void DueThread::Wake() {
  MutexLock lock(&mu_);
  is_woken_ = true;
  changed_.SignalAll();
}

bool DueThread::IsStopping() const {
  MutexLock lock(&mu_);
  return stopping_;
}

void DueThread::BeginStop() {
  MutexLock lock(&mu_);
  stopping_ = true;
  changed_.SignalAll();
}

bool DueThread::StopWithin(absl::Duration patience) {
  BeginStop();
  MutexLock lock(&mu_);
  while (is_running_) {
    if (!ended_.WaitFor(&mu_, patience)) break;
  }
  return !is_running_;
}

void DueThread::Stop() {
  BeginStop();
  MutexLock lock(&thread_mu_);
  if (thread_.joinable()) thread_.join();
}

bool DueThread::AwaitTurn(absl::Duration pause) {
  MutexLock lock(&mu_);
  // Rather late than early, where it wakes up for no reason.
  while (!stopping_ && !is_woken_ && changed_.WaitFor(&mu_, pause)) {
  }
  // Before it works: what happens from now on is a reason to work again.
  is_woken_ = false;
  return !stopping_;
}

void DueThread::Loop(absl::Duration pause) {
  while (AwaitTurn(pause)) pause = work_();
  MutexLock lock(&mu_);
  is_running_ = false;
  ended_.SignalAll();
}

}  // namespace farebox::server
