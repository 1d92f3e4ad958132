#ifndef FAREBOX_SERVER_MAILING_H_
#define FAREBOX_SERVER_MAILING_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "server/mail/mail_sender.h"
#include "server/mail/smtp_sender.h"
#include "server/metrics/outcome_metrics.h"
#include "server/notices/notice_worker.h"
#include "server/notices/notices.h"
#include "server/outbox/mail_worker.h"
#include "server/outbox/mailer.h"
#include "server/outbox/stationery.h"
#include "storage/clock.h"
#include "storage/document_store.h"
#include "storage/journal.h"
#include "storage/ledger.h"
#include "storage/restored_mark.h"

namespace farebox::server {

// How mails get out.
enum class MailRoute {
  // Not at all: none is written, and those that wait are kept as they are.
  kNone,
  // Each as a file, for whoever has no mail server.
  kFile,
  kSmtp,
};

// All of mails, put together: what they look like, the outbox that sends them, and what is told to
// owners of accounts without having been asked. Others write into the outbox with stationery().
// Thread-safe.
class Mailing {
 public:
  struct Options {
    MailRoute route = MailRoute::kNone;
    // For files; it exists.
    std::string directory;
    // For SMTP; the author is that of files too.
    mail::SmtpOptions smtp;
    // Where customers see to cards and settings. May be empty.
    std::string account_url;
    // Whether each recharge has a receipt.
    bool receipts = false;
  };
  // What it stands on. All outlive it.
  struct Parts {
    Ledger* ledger = nullptr;
    Journal* journal = nullptr;
    const Clock* clock = nullptr;
    MailMetrics* metrics = nullptr;
    const RestoredMark* restored = nullptr;
  };
  // The options have passed CompleteMailOptions (mail_options.h).
  Mailing(const Options& options, const Parts& parts);
  ~Mailing();
  Mailing(const Mailing&) = delete;
  Mailing& operator=(const Mailing&) = delete;

  const Stationery& stationery() const { return stationery_; }

  // Ends what is being sent; the rest is sent after the next start. Idempotent.
  void Drain();

 private:
  void LogDelivery(const Mailer::Delivery& delivery);
  std::string AccountOf(const Document& document) const;

  const Parts parts_;

  // In this order: what is below uses what is above. The pointers are null where there is no route.
  const Stationery stationery_;
  DocumentStore documents_;
  std::unique_ptr<mail::MailSender> sender_;
  // What is wrong with the settings, as it was said last. Used only on the mailer's thread.
  std::string settings_problem_;
  std::unique_ptr<Mailer> mailer_;
  std::unique_ptr<MailWorker> mail_worker_;
  std::unique_ptr<Notices> notices_;
  std::unique_ptr<NoticeWorker> notice_worker_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_MAILING_H_
