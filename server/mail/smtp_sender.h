#ifndef FAREBOX_SERVER_MAIL_SMTP_SENDER_H_
#define FAREBOX_SERVER_MAIL_SMTP_SENDER_H_

#include <atomic>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/mail/mail_sender.h"
#include "server/mail/message.h"
#include "storage/clock.h"

namespace farebox::mail {

enum class SmtpSecurity {
  kStartTls,           // STARTTLS, or no mail. Usually port 587.
  kStartTlsIfOffered,  // Whoever is between can take the offer away.
  kTls,                // TLS from the first byte. Usually port 465.
  kNone,               // For a server on this machine.
};

struct SmtpOptions {
  std::string host;
  int port = 587;
  SmtpSecurity security = SmtpSecurity::kStartTls;
  // Without a user the server must take mail from this machine as it is.
  std::string user;
  std::string password;
  Author author;
  // Who may vouch for the server, as PEM; empty: whom the system trusts.
  std::string ca_file;
  absl::Duration connect_timeout = absl::Seconds(10);
  // For all of it, from the look-up of the name to the server's word that it has the mail. Some
  // look for viruses before they say so; who does not wait sends it twice.
  absl::Duration timeout = absl::Minutes(2);
};

// INVALID_ARGUMENT names the option and says what it must be. A password is refused where it could
// cross a network in the clear.
absl::Status CheckSmtpOptions(const SmtpOptions& options);

// Sends by SMTP, over a new connection for each mail. Thread-safe.
class SmtpSender : public MailSender {
 public:
  // CheckSmtpOptions takes the options, and the clock outlives this object.
  SmtpSender(SmtpOptions options, const Clock* clock);

  Result Send(const Mail& mail) override;
  void BreakOff() override { is_broken_off_.store(true); }

 private:
  // Constant after construction.
  const SmtpOptions options_;
  const Clock* const clock_;

  std::atomic<bool> is_broken_off_ = false;
};

}  // namespace farebox::mail

#endif  // FAREBOX_SERVER_MAIL_SMTP_SENDER_H_
