#ifndef FAREBOX_SERVER_OUTBOX_MAILER_H_
#define FAREBOX_SERVER_OUTBOX_MAILER_H_

#include <atomic>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "farebox/stored/v1/mail.pb.h"
#include "server/mail/mail_sender.h"
#include "storage/clock.h"
#include "storage/document.h"
#include "storage/document_store.h"

namespace farebox::server {

// Sends the mails of the outbox (kMails), the one that is due first before the others.
//
//   due -> handed to the mail server -> what it said on disk, with the time of the next try
//
// A mail that the server has taken is never sent again, but where the process dies before that is
// on disk: then it arrives twice, under the same Message-ID. Nothing is done in between, and where
// the disk refuses to take it, no other mail is sent before it does. A mail that was not taken
// stays, until it is too old. One that a clock has put off that ran ahead is due once that is
// noticed, also at a start.
//
// One mail at a time: a slow server delays other mails and nothing else. Used only on one thread,
// but for BreakOff().
class Mailer {
 public:
  // What became of a try.
  struct Delivery {
    const Document& document;
    // As it is now.
    const stored::v1::StoredMail& mail;
    mail::MailSender::Outcome outcome;
    // It is not tried again, and was not sent.
    bool is_given_up = false;
    // When all mails are tried again, where they rest after this.
    absl::Time rest_until = absl::InfinitePast();
  };

  // All outlive it.
  struct Parts {
    DocumentStore* documents = nullptr;
    mail::MailSender* sender = nullptr;
    const Clock* clock = nullptr;
    std::function<void(const Delivery&)> on_delivery = [](const Delivery&) {};
    // Tests end the process here. The names are those of the steps that have just been taken.
    std::function<void(absl::string_view point)> reached = [](absl::string_view) {};
  };
  explicit Mailer(Parts parts) : parts_(std::move(parts)) {}

  // Does the next thing that is due: tries a mail, or strips one. False where there is nothing, or
  // all mails rest.
  absl::StatusOr<bool> Step();

  // Ends a Step() that waits for the mail server, soon and for good. Any thread.
  void BreakOff();

 private:
  // Notices a clock that was set back.
  absl::Status LookAtClock(absl::Time now);
  // Has all mails tried now that are due later than any that this clock has delayed.
  absl::Status BringForward(absl::Time now);
  bool IsResting(absl::Time now) const;
  void NoteHealth(mail::MailSender::Outcome outcome, absl::Time now);
  absl::StatusOr<bool> Send(Document document, stored::v1::StoredMail mail);
  // Until it is on disk, nothing else is done.
  absl::Status Note(Document document, const stored::v1::StoredMail& mail);
  absl::Status NoteOnDisk();

  const Parts parts_;
  std::atomic<bool> is_broken_off_ = false;

  // A document that is to be written before anything else is done.
  std::optional<Document> to_note_;
  // The time of the newest look. At a start nobody knows how far the clock had been.
  absl::Time last_look_ = absl::InfiniteFuture();
  int delays_in_a_row_ = 0;
  absl::Time rest_until_ = absl::InfinitePast();
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_OUTBOX_MAILER_H_
