#ifndef FAREBOX_SERVER_OUTBOX_MAIL_STATES_H_
#define FAREBOX_SERVER_OUTBOX_MAIL_STATES_H_

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "farebox/stored/v1/mail.pb.h"
#include "server/mail/mail_sender.h"

// How a mail of the outbox goes on. Pure: no disk, no network, no clock of their own.
//
//   waiting -> sent    -> stripped
//           -> given up -> stripped
namespace farebox::server {

// Whether it is still to be sent.
bool IsWaiting(const stored::v1::StoredMail& mail);

// A waiting mail was tried. Returns when it is to be looked at next.
absl::Time NoteTry(const mail::MailSender::Result& result, absl::Time now,
                   stored::v1::StoredMail* mail);

// Whether a waiting mail tells nothing new any more.
bool IsTooOld(const stored::v1::StoredMail& mail, absl::Time now);

// A waiting mail is never sent; `why` takes the place of the server's answer. Returns when it is to
// be looked at next.
absl::Time GiveUp(absl::string_view why, absl::Time now, stored::v1::StoredMail* mail);

// Forgets what a mail said, and to whom. It is not to be looked at again.
void Strip(stored::v1::StoredMail* mail);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_OUTBOX_MAIL_STATES_H_
