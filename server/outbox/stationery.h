#ifndef FAREBOX_SERVER_OUTBOX_STATIONERY_H_
#define FAREBOX_SERVER_OUTBOX_STATIONERY_H_

#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/mail/mail_templates.h"
#include "storage/books.h"
#include "storage/document.h"

namespace farebox::server {

// Writes mails to the owners of accounts, as documents of the outbox: to be put together with what
// they are about, so that there is one or the other never alone. Thread-safe.
class Stationery {
 public:
  struct Options {
    // Nobody is written to where it is off.
    bool enabled = true;
    // Who writes, as customers know them, and the domain of their address.
    std::string sender_name;
    std::string sender_domain = "localhost.localdomain";
    // Where customers see to cards and settings. May be empty.
    std::string account_url;
    // Whether each recharge has a receipt.
    bool receipts = false;
  };
  explicit Stationery(Options options) : options_(std::move(options)) {}

  const Options& options() const { return options_; }

  // `what` is one of the structs of mail_templates.h. The key names what the mail is about, for
  // ever: the outbox takes one mail by it, and the Message-ID is made of it. None where there is no
  // address.
  template <typename What>
  DocumentGroup Write(absl::string_view key, const AccountFacts& account, absl::string_view address,
                      const What& what, absl::Time now) const {
    if (!options_.enabled || address.empty()) return {};
    return {Envelop(key, account, mail::Write(HeadOf(key, account, address), what), now)};
  }

 private:
  mail::Letterhead HeadOf(absl::string_view key, const AccountFacts& account,
                          absl::string_view address) const;
  static Document Envelop(absl::string_view key, const AccountFacts& account, mail::Mail mail,
                          absl::Time now);

  const Options options_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_OUTBOX_STATIONERY_H_
