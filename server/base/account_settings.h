#ifndef FAREBOX_SERVER_BASE_ACCOUNT_SETTINGS_H_
#define FAREBOX_SERVER_BASE_ACCOUNT_SETTINGS_H_

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "farebox/stored/v1/stored.pb.h"
#include "storage/books.h"

namespace farebox::server {

// What the ledger keeps of an account as bytes. Settings that cannot be read are empty: such an
// account has no deck, and nothing is priced.
stored::v1::AccountSettings SettingsOf(absl::string_view bytes);

// Where its days begin; UTC where the zone is not known here.
absl::TimeZone TimeZoneOf(const AccountFacts& account);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_ACCOUNT_SETTINGS_H_
