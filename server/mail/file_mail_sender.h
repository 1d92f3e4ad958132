#ifndef FAREBOX_SERVER_MAIL_FILE_MAIL_SENDER_H_
#define FAREBOX_SERVER_MAIL_FILE_MAIL_SENDER_H_

#include <string>

#include "server/mail/mail_sender.h"
#include "server/mail/message.h"
#include "storage/clock.h"

namespace farebox::mail {

// Writes each mail as an .eml file into a directory, for whoever has no mail server. The file is
// named by the message id, so that a mail that is sent twice is one file, and is never seen
// half-written. Thread-safe.
class FileMailSender : public MailSender {
 public:
  // The directory exists, CheckAuthor takes the author, and the clock outlives this object.
  FileMailSender(std::string directory, Author author, const Clock* clock);

  Result Send(const Mail& mail) override;

 private:
  // Constant after construction.
  const std::string directory_;
  const Author author_;
  const Clock* const clock_;
};

}  // namespace farebox::mail

#endif  // FAREBOX_SERVER_MAIL_FILE_MAIL_SENDER_H_
