#ifndef FAREBOX_SERVER_RECHARGE_OUTBOX_MAILS_H_
#define FAREBOX_SERVER_RECHARGE_OUTBOX_MAILS_H_

#include <cstdint>
#include <utility>

#include "server/outbox/stationery.h"
#include "server/recharge/recharge_mails.h"

namespace farebox::server {

// Mails about recharges as documents of the outbox. An event has one mail, by the name of what it
// is about, however often it is told. Thread-safe.
class OutboxMails : public RechargeMails {
 public:
  using Options = Stationery::Options;
  explicit OutboxMails(Options options) : stationery_(std::move(options)) {}

  DocumentGroup Write(RechargeEvent event, const AccountFacts& account,
                      const stored::v1::PaymentProfile& profile,
                      const stored::v1::RechargeAttempt& attempt, absl::Time now) const override;
  DocumentGroup WriteCap(RechargeCap cap, const AccountFacts& account,
                         const stored::v1::PaymentProfile& profile, absl::Time resume_time,
                         absl::Time now) const override;
  DocumentGroup WriteCardDeleted(const AccountFacts& account,
                                 const stored::v1::PaymentProfile& profile, int64_t change,
                                 absl::Time now) const override;
  // Where receipts are wanted.
  DocumentGroup WriteReceipt(const AccountFacts& account, const stored::v1::PaymentProfile& profile,
                             const stored::v1::RechargeAttempt& attempt, Micros balance_after,
                             absl::Time now) const override;

 private:
  const Stationery stationery_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_OUTBOX_MAILS_H_
