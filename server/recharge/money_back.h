#ifndef FAREBOX_SERVER_RECHARGE_MONEY_BACK_H_
#define FAREBOX_SERVER_RECHARGE_MONEY_BACK_H_

#include <string>

#include "farebox/stored/v1/recharge.pb.h"

// Money of a charge that no account has, as the account was closed meanwhile. Pure.
namespace farebox::server {

// The name of the refund that Farebox itself makes of such a charge: one at most. Anybody may name
// a refund at the provider so; it is ours only where the charge was not credited.
std::string RefundIdOf(const stored::v1::RechargeAttempt& attempt);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_MONEY_BACK_H_
