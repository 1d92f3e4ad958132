#ifndef FAREBOX_SERVER_SERVICES_ACCOUNT_FIELDS_H_
#define FAREBOX_SERVER_SERVICES_ACCOUNT_FIELDS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "farebox/v1/account.pb.h"

// The rules for the fields of accounts, as fields.h has those for others.
namespace farebox::server {

// One that a caller may set and change; `field` is relative to `account`.
absl::Status CheckAccountField(const v1::Account& account, absl::string_view field);

// An account that is to be opened.
absl::Status CheckNewAccount(const v1::Account& account);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_ACCOUNT_FIELDS_H_
