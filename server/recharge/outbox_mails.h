#ifndef FAREBOX_SERVER_RECHARGE_OUTBOX_MAILS_H_
#define FAREBOX_SERVER_RECHARGE_OUTBOX_MAILS_H_

#include <string>

#include "server/mail/mail_templates.h"
#include "server/recharge/recharge_mails.h"

namespace farebox::server {

// Mails about recharges as documents of the outbox. An event has one mail, by the name of what it
// is about, however often it is told. Thread-safe.
class OutboxMails : public RechargeMails {
 public:
  struct Options {
    // Who writes, as customers know them, and the domain of their address.
    std::string sender_name;
    std::string sender_domain = "localhost.localdomain";
    // Where customers see to cards and settings. May be empty.
    std::string account_url;
  };
  explicit OutboxMails(Options options) : options_(std::move(options)) {}

  DocumentGroup Write(RechargeEvent event, const AccountFacts& account,
                      const stored::v1::PaymentProfile& profile,
                      const stored::v1::RechargeAttempt* attempt, absl::Time now) const override;

 private:
  const Options options_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_OUTBOX_MAILS_H_
