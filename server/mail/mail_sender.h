#ifndef FAREBOX_SERVER_MAIL_MAIL_SENDER_H_
#define FAREBOX_SERVER_MAIL_MAIL_SENDER_H_

#include <string>

#include "server/mail/mail.h"

namespace farebox::mail {

// Hands mails to whoever delivers them.
//
// Thread-safe. Send() blocks for as long as that takes, bounded by the sender's own time-outs.
class MailSender {
 public:
  enum class Outcome {
    // It was taken over.
    kSent,
    // Not now: nobody answers, the connection was lost, or the server says to come again. Where
    // the connection was lost at the very end the mail may have been taken; the next try carries
    // the same message id.
    kTryLater,
    // No mail at all gets out before somebody mends the settings: the password is wrong, the
    // certificate is not trusted, the sender's address is not allowed. Try later, and say it
    // loudly.
    kMisconfigured,
    // This mail is never taken: the recipient does not exist, the message is refused.
    kRefused,
  };

  struct Result {
    Outcome outcome = Outcome::kTryLater;
    // Why, as far as possible in the server's own words: one line of UTF-8 of at most
    // kServerWordsBytesMax. Never has the password.
    std::string words;
  };

  virtual ~MailSender() = default;

  virtual Result Send(const Mail& mail) = 0;

  // Breaks off what is being sent, for good: Send() ends soon, with kTryLater where the mail has
  // not been taken. By default it takes the time it takes.
  virtual void BreakOff() {}
};

}  // namespace farebox::mail

#endif  // FAREBOX_SERVER_MAIL_MAIL_SENDER_H_
