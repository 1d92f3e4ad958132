#ifndef FAREBOX_SERVER_MAIL_MAIL_H_
#define FAREBOX_SERVER_MAIL_MAIL_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace farebox::mail {

// A mail to one person: the same content as text and as HTML, UTF-8, with LF for line breaks.
struct Mail {
  std::string to;
  std::string subject;
  std::string text;
  std::string html;
  // Without angle brackets. The same for each try to send a mail, so that the reader's side can
  // drop a second copy. See MessageId().
  std::string message_id;

  friend bool operator==(const Mail&, const Mail&) = default;
};

// Whether mail can be sent to `address`: a local part as RFC 5321 has it without quotes, an @ and
// a domain with a dot. INVALID_ARGUMENT with what it must be, for whoever typed it. Nothing that
// passes can end a header or an SMTP command.
absl::Status CheckAddress(absl::string_view address);

// Whether every part of `mail` can be sent as it is; every sender asks. INVALID_ARGUMENT names the
// part: an address that is none, a subject of two lines, text that is no UTF-8.
absl::Status CheckMail(const Mail& mail);

// A message id for the mail that its sender knows as `key`: the same for the same key, another for
// another. `domain` is the part after the @ of the address that it comes from, and passes
// CheckAddress with it.
std::string MessageId(absl::string_view key, absl::string_view domain);

}  // namespace farebox::mail

#endif  // FAREBOX_SERVER_MAIL_MAIL_H_
