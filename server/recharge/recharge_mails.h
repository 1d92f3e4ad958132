#ifndef FAREBOX_SERVER_RECHARGE_RECHARGE_MAILS_H_
#define FAREBOX_SERVER_RECHARGE_RECHARGE_MAILS_H_

#include <cstdint>

#include "absl/time/time.h"
#include "farebox/stored/v1/recharge.pb.h"
#include "storage/books.h"
#include "storage/document.h"
#include "storage/micros.h"

namespace farebox::server {

// What a customer is told by mail about an attempt.
enum class RechargeEvent {
  // An automatic charge was refused; it is tried again at the profile's not_before.
  kFailed,
  // The bank wants the customer to confirm it.
  kActionRequired,
  // Auto-recharge has stopped.
  kSwitchedOff,
};

// What no automatic charge goes beyond.
enum class RechargeCap {
  kDaily,
  kMonthly,
};

// Writes the mails about recharges, to be put into the outbox together with what they are about.
// None where nobody is to be told; by default nobody is. Thread-safe.
class RechargeMails {
 public:
  virtual ~RechargeMails() = default;

  virtual DocumentGroup Write(RechargeEvent event, const AccountFacts& account,
                              const stored::v1::PaymentProfile& profile,
                              const stored::v1::RechargeAttempt& attempt, absl::Time now) const = 0;

  // The cap was reached. Charges go on at `resume_time`.
  virtual DocumentGroup WriteCap(RechargeCap /*cap*/, const AccountFacts& /*account*/,
                                 const stored::v1::PaymentProfile& /*profile*/,
                                 absl::Time /*resume_time*/, absl::Time /*now*/) const {
    return {};
  }

  // The last card was deleted, and auto-recharge is switched off by that. `change` numbers the
  // changes of the profile.
  virtual DocumentGroup WriteCardDeleted(const AccountFacts& /*account*/,
                                         const stored::v1::PaymentProfile& /*profile*/,
                                         int64_t /*change*/, absl::Time /*now*/) const {
    return {};
  }

  // The attempt was credited.
  virtual DocumentGroup WriteReceipt(const AccountFacts& /*account*/,
                                     const stored::v1::PaymentProfile& /*profile*/,
                                     const stored::v1::RechargeAttempt& /*attempt*/,
                                     Micros /*balance_after*/, absl::Time /*now*/) const {
    return {};
  }
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_RECHARGE_MAILS_H_
