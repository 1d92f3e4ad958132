#include "server/outbox/mail_states.h"

#include <algorithm>
#include <string>

#include "server/base/limits.h"
#include "server/mail/letter.h"
#include "server/mail/limits.h"

namespace farebox::server {
namespace {

using stored::v1::StoredMail;
using Outcome = mail::MailSender::Outcome;

absl::Duration PauseAfter(int32_t delays) {
  absl::Duration pause = limits::kMailPauseMin;
  for (int32_t i = 1; i < delays && pause < limits::kMailPauseMax; ++i) pause *= 2;
  return std::min(pause, limits::kMailPauseMax);
}

absl::Time NoteGivenUp(absl::Time now, StoredMail* mail) {
  mail->set_given_up_micros(absl::ToUnixMicros(now));
  return now + limits::kMailContentKept;
}

}  // namespace

bool IsWaiting(const StoredMail& mail) {
  return mail.sent_micros() == 0 && mail.given_up_micros() == 0;
}

absl::Time NoteTry(const mail::MailSender::Result& result, absl::Time now, StoredMail* mail) {
  mail->set_tries(mail->tries() + 1);
  // Bytes that are no UTF-8 would make the document one that cannot be read.
  mail->set_last_answer(mail::OneLine(result.words, mail::kServerWordsBytesMax));
  switch (result.outcome) {
    case Outcome::kSent:
      mail->set_sent_micros(absl::ToUnixMicros(now));
      return now + limits::kMailContentKept;
    case Outcome::kTryLater:
      mail->set_delays(mail->delays() + 1);
      if (mail->delays() > limits::kMailDelaysMax) break;
      return now + PauseAfter(mail->delays());
    case Outcome::kMisconfigured:
      return now + limits::kMailSettingsRest;
    case Outcome::kRefused:
      break;
  }
  return NoteGivenUp(now, mail);
}

bool IsTooOld(const StoredMail& mail, absl::Time now) {
  return now - absl::FromUnixMicros(mail.create_micros()) > limits::kMailAgeMax;
}

absl::Time GiveUp(absl::string_view why, absl::Time now, StoredMail* mail) {
  mail->set_last_answer(std::string(why));
  return NoteGivenUp(now, mail);
}

void Strip(StoredMail* mail) {
  mail->clear_to();
  mail->clear_subject();
  mail->clear_text();
  mail->clear_html();
}

}  // namespace farebox::server
