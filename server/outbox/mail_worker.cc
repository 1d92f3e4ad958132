#include "server/outbox/mail_worker.h"

#include <utility>

namespace farebox::server {

MailWorker::MailWorker(Parts parts) : parts_(std::move(parts)) { thread_.Start(); }

MailWorker::~MailWorker() { Drain(); }

void MailWorker::Drain() {
  if (!thread_.StopWithin(parts_.drain_timeout)) parts_.mailer->BreakOff();
  thread_.Stop();
}

absl::Duration MailWorker::SendAllDue() {
  while (!thread_.IsStopping()) {
    const absl::StatusOr<bool> step = parts_.mailer->Step();
    if (!step.ok()) {
      parts_.on_error(step.status());
      return limits::kMailFailurePause;
    }
    if (!*step) break;
  }
  return limits::kMailDuePause;
}

}  // namespace farebox::server
