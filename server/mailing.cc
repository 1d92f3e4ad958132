#include "server/mailing.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/log.h"
#include "server/mail/file_mail_sender.h"
#include "storage/check.h"

namespace farebox::server {
namespace {

using Outcome = mail::MailSender::Outcome;

Stationery::Options StationeryOf(const Mailing::Options& options) {
  const mail::Author& author = options.smtp.author;
  return {.enabled = options.route != MailRoute::kNone,
          .sender_name = author.name,
          .sender_domain = author.address.substr(author.address.rfind('@') + 1),
          .account_url = options.account_url,
          .receipts = options.receipts};
}

std::unique_ptr<mail::MailSender> NewSender(const Mailing::Options& options, const Clock* clock) {
  if (options.route == MailRoute::kSmtp) {
    return std::make_unique<mail::SmtpSender>(options.smtp, clock);
  }
  return std::make_unique<mail::FileMailSender>(options.directory, options.smtp.author, clock);
}

void LogFailure(absl::string_view event, const absl::Status& status) {
  Log(LogLevel::kError, event, {{"error", status.message()}});
}

std::string Moment(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

}  // namespace

Mailing::Mailing(const Options& options, const Parts& parts)
    : parts_(parts), stationery_(StationeryOf(options)), documents_(parts.ledger, parts.journal) {
  FAREBOX_CHECK(parts_.restored != nullptr);
  if (options.route == MailRoute::kNone) return;
  sender_ = NewSender(options, parts.clock);
  mailer_ = std::make_unique<Mailer>(
      Mailer::Parts{.documents = &documents_,
                    .sender = sender_.get(),
                    .clock = parts.clock,
                    .on_delivery = [this](const Mailer::Delivery& delivery) {
                      parts_.metrics->Count(delivery.outcome, delivery.is_given_up);
                      LogDelivery(delivery);
                    }});
  mail_worker_ = std::make_unique<MailWorker>(MailWorker::Parts{
      .mailer = mailer_.get(),
      .on_error = [](const absl::Status& status) { LogFailure("outbox_failed", status); }});
  notices_ = std::make_unique<Notices>(
      Notices::Parts{.ledger = parts.ledger,
                     .documents = &documents_,
                     .stationery = &stationery_,
                     .clock = parts.clock,
                     .is_held = [this] { return parts_.restored->IsThere(); }});
  notice_worker_ = std::make_unique<NoticeWorker>(NoticeWorker::Parts{
      .ledger = parts.ledger,
      .documents = &documents_,
      .notices = notices_.get(),
      .on_error = [](const absl::Status& status) { LogFailure("notice_failed", status); }});
}

Mailing::~Mailing() { Drain(); }

void Mailing::Drain() {
  if (notice_worker_ != nullptr) notice_worker_->Drain();
  if (mail_worker_ != nullptr) mail_worker_->Drain();
}

std::string Mailing::AccountOf(const Document& document) const {
  const absl::StatusOr<AccountFacts> account = parts_.ledger->FindAccount(document.account);
  return account.ok() ? account->account_id : "";
}

// A line for each try, without what the mail says and to whom.
void Mailing::LogDelivery(const Mailer::Delivery& delivery) {
  const std::string account_id = AccountOf(delivery.document);
  const absl::string_view key = delivery.document.key;
  const stored::v1::StoredMail& mail = delivery.mail;
  if (delivery.is_given_up) {
    Log(LogLevel::kError, "mail_given_up",
        {{"account_id", account_id},
         {"mail", key},
         {"tries", mail.tries()},
         {"answer", mail.last_answer()}});
    return;
  }
  switch (delivery.outcome) {
    case Outcome::kSent:
      Log(LogLevel::kInfo, "mail_sent",
          {{"account_id", account_id},
           {"mail", key},
           {"message_id", mail.message_id()},
           {"tries", mail.tries()},
           {"answer", mail.last_answer()}});
      settings_problem_.clear();
      break;
    case Outcome::kMisconfigured: {
      // Once; an operator who has read it needs no line every ten minutes.
      const bool is_news = settings_problem_ != mail.last_answer();
      settings_problem_ = mail.last_answer();
      Log(is_news ? LogLevel::kError : LogLevel::kDebug, "mail_settings_wrong",
          {{"account_id", account_id},
           {"mail", key},
           {"answer", mail.last_answer()},
           {"no_mail_before", Moment(delivery.rest_until)}});
      break;
    }
    case Outcome::kTryLater:
    case Outcome::kRefused:
      Log(LogLevel::kWarning, "mail_delayed",
          {{"account_id", account_id},
           {"mail", key},
           {"tries", mail.tries()},
           {"answer", mail.last_answer()},
           {"next_try", Moment(delivery.document.due)}});
      break;
  }
}

}  // namespace farebox::server
