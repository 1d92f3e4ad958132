#ifndef FAREBOX_SERVER_OUTBOX_MAIL_WORKER_H_
#define FAREBOX_SERVER_OUTBOX_MAIL_WORKER_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/due_thread.h"
#include "server/base/limits.h"
#include "server/outbox/mailer.h"

namespace farebox::server {

// The one thread that sends mails. Thread-safe.
class MailWorker {
 public:
  // All outlive it.
  struct Parts {
    Mailer* mailer = nullptr;
    // What could not be read or written; it is tried again.
    std::function<void(const absl::Status&)> on_error;
    // How long a mail that is being sent may take to end while draining.
    absl::Duration drain_timeout = limits::kMailDrainTimeout;
  };
  // Begins.
  explicit MailWorker(Parts parts);
  ~MailWorker();
  MailWorker(const MailWorker&) = delete;
  MailWorker& operator=(const MailWorker&) = delete;

  // Lets the mail that is being sent end, or breaks it off where that takes long; the rest is sent
  // after the next start. Idempotent.
  void Drain();

 private:
  // How long to wait before looking again.
  absl::Duration SendAllDue();

  const Parts parts_;

  DueThread thread_{"fbx-mails", [this] { return SendAllDue(); }};
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_OUTBOX_MAIL_WORKER_H_
