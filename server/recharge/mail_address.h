#ifndef FAREBOX_SERVER_RECHARGE_MAIL_ADDRESS_H_
#define FAREBOX_SERVER_RECHARGE_MAIL_ADDRESS_H_

#include <string>

#include "farebox/stored/v1/recharge.pb.h"
#include "server/base/account_settings.h"
#include "storage/books.h"

// Where mails about an account go; empty where nobody is to be told.
namespace farebox::server {

// About what fails: whom the customer has named for that, else the account's own.
inline std::string FailureAddressOf(const AccountFacts& account,
                                    const stored::v1::PaymentProfile& profile) {
  const std::string& named = profile.auto_recharge().failure_email();
  return named.empty() ? SettingsOf(*account.settings).email() : named;
}

// About everything else: the account's own, else whom the customer has named.
inline std::string OwnerAddressOf(const AccountFacts& account,
                                  const stored::v1::PaymentProfile& profile) {
  const std::string own = SettingsOf(*account.settings).email();
  return own.empty() ? profile.auto_recharge().failure_email() : own;
}

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_MAIL_ADDRESS_H_
