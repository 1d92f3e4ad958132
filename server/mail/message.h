#ifndef FAREBOX_SERVER_MAIL_MESSAGE_H_
#define FAREBOX_SERVER_MAIL_MESSAGE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/mail/mail.h"

// A mail as RFC 5322 writes it. Everything here wants a mail that passed CheckMail and an author
// that passed CheckAuthor.
namespace farebox::mail {

// Who a mail comes from.
struct Author {
  std::string address;
  // What readers see beside the address. May be empty.
  std::string name;
};

// INVALID_ARGUMENT with what it must be.
absl::Status CheckAuthor(const Author& author);

// The header fields but Content-Type, which is its writer's; without line ends, though a long one
// may be folded.
std::vector<std::string> HeaderFields(const Author& author, const Mail& mail, absl::Time date);

// LF as CRLF.
std::string WithNetworkLineEnds(absl::string_view text);

// The whole message, its parts as they are (8bit), readable in any editor.
std::string PlainMessage(const Author& author, const Mail& mail, absl::Time date);

}  // namespace farebox::mail

#endif  // FAREBOX_SERVER_MAIL_MESSAGE_H_
