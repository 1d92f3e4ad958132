#include "server/outbox/mail_worker.h"

#include <utility>

#include "storage/thread.h"

namespace farebox::server {

MailWorker::MailWorker(Parts parts)
    : parts_(std::move(parts)), thread_(StartThread("fbx-mails", [this] { Loop(); })) {}

MailWorker::~MailWorker() { Drain(); }

void MailWorker::Drain() {
  bool has_ended = false;
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    changed_.SignalAll();
    if (!has_ended_) changed_.WaitFor(&mu_, parts_.drain_timeout);
    has_ended = has_ended_;
  }
  if (!has_ended) parts_.mailer->BreakOff();
  MutexLock lock(&drain_mu_);
  if (thread_.joinable()) thread_.join();
}

bool MailWorker::IsStopping() const {
  MutexLock lock(&mu_);
  return stopping_;
}

absl::Duration MailWorker::SendAllDue() {
  while (!IsStopping()) {
    const absl::StatusOr<bool> step = parts_.mailer->Step();
    if (!step.ok()) {
      parts_.on_error(step.status());
      return limits::kMailFailurePause;
    }
    if (!*step) break;
  }
  return limits::kMailDuePause;
}

void MailWorker::Loop() {
  while (!IsStopping()) {
    const absl::Duration pause = SendAllDue();
    MutexLock lock(&mu_);
    if (!stopping_) changed_.WaitFor(&mu_, pause);
  }
  MutexLock lock(&mu_);
  has_ended_ = true;
  changed_.SignalAll();
}

}  // namespace farebox::server
