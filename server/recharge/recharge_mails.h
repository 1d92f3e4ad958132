#ifndef FAREBOX_SERVER_RECHARGE_RECHARGE_MAILS_H_
#define FAREBOX_SERVER_RECHARGE_RECHARGE_MAILS_H_

#include "absl/time/time.h"
#include "farebox/stored/v1/recharge.pb.h"
#include "storage/books.h"
#include "storage/document.h"

namespace farebox::server {

// What a customer is told by mail.
enum class RechargeEvent {
  // An automatic charge was refused; it is tried again at the profile's not_before.
  kFailed,
  // The bank wants the customer to confirm it.
  kActionRequired,
  // Auto-recharge has stopped.
  kSwitchedOff,
  kDailyCap,
  kMonthlyCap,
};

// Writes the mails about recharges, to be put into the outbox together with what they are about.
// Thread-safe.
class RechargeMails {
 public:
  virtual ~RechargeMails() = default;

  // None where nobody is to be told. `attempt` is null for caps.
  virtual DocumentGroup Write(RechargeEvent event, const AccountFacts& account,
                              const stored::v1::PaymentProfile& profile,
                              const stored::v1::RechargeAttempt* attempt, absl::Time now) const = 0;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_RECHARGE_MAILS_H_
