#ifndef FAREBOX_SERVER_SERVICES_BALANCE_H_
#define FAREBOX_SERVER_SERVICES_BALANCE_H_

#include "absl/status/status.h"
#include "farebox/v1/billing.pb.h"
#include "storage/ledger.h"

// What an account has, and what is held of it: from the ledger's published memory, at once.
namespace farebox::server {

absl::Status FillBalance(const Ledger& ledger, const v1::GetBalanceRequest& request,
                         v1::GetBalanceResponse* response);
absl::Status FillHolds(const Ledger& ledger, const v1::ListHoldsRequest& request,
                       v1::ListHoldsResponse* response);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_BALANCE_H_
