#ifndef FAREBOX_SERVER_RECHARGE_MONEY_BACK_H_
#define FAREBOX_SERVER_RECHARGE_MONEY_BACK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "farebox/stored/v1/recharge.pb.h"

// Money of a charge that no account has, as the account was closed meanwhile. It goes back to the
// customer, and may come again, for causes that are told of in any order and number. Pure.
namespace farebox::server {

// The name of the refund that Farebox itself makes of such a charge: one at most. Anybody may name
// a refund at the provider so; it is ours only where the charge was not credited.
std::string RefundIdOf(const stored::v1::RechargeAttempt& attempt);

// Notes that all of the money went back for this cause, or that it came again after that.
// AlreadyExists: this is known. InvalidArgument, ResourceExhausted: it cannot be noted.
absl::Status NoteCause(absl::string_view cause_id, bool has_come_again,
                       stored::v1::RechargeAttempt* attempt);

// Whether the customer has the money, by what is known of the causes.
bool IsWithCustomer(const stored::v1::RechargeAttempt& attempt);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_MONEY_BACK_H_
