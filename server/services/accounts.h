#ifndef FAREBOX_SERVER_SERVICES_ACCOUNTS_H_
#define FAREBOX_SERVER_SERVICES_ACCOUNTS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "farebox/v1/account.pb.h"
#include "storage/account_terms.h"
#include "storage/books.h"
#include "storage/command.h"
#include "storage/entry.h"

// Between an account as the API shows it and as the ledger keeps it: its terms, which decide about
// money, and its settings, which are bytes to the ledger.
namespace farebox::server {

v1::AccountState ToProto(AccountStatus status);

// Opens an account, checked already.
OpenAccount OpeningOf(const v1::Account& account);

// Takes one field of `account`, checked already, over into the record.
void TakeField(const v1::Account& account, absl::string_view field, AccountRecord* record);

void FillAccount(const AccountFacts& account, v1::Account* out);

// The account as it was after an entry that opened or changed it.
absl::Status FillAccount(const Entry& entry, v1::Account* out);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_ACCOUNTS_H_
