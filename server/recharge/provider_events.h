#ifndef FAREBOX_SERVER_RECHARGE_PROVIDER_EVENTS_H_
#define FAREBOX_SERVER_RECHARGE_PROVIDER_EVENTS_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/recharge/payment_gateway.h"
#include "server/recharge/recharge_records.h"
#include "server/recharge/recharge_worker.h"
#include "storage/check.h"
#include "storage/clock.h"
#include "storage/document_store.h"
#include "storage/ledger.h"

namespace farebox::server {

// What the provider tells by itself: webhooks. They may come in any order, any number of times,
// late, or not at all, and nothing depends on them but speed and what the provider alone knows:
//
//   - About a charge: the event is only a hint to ask the provider how the charge stands now. So
//     none can move an attempt back, and a forged one could not move it at all. Of an attempt that
//     has ended nobody else asks: a charge of one is told again until it is credited.
//   - Money that a bank took back, or that was refunded at the provider, becomes a debit, under a
//     request id made of the dispute's or refund's own name: once, however often it is told. When
//     it comes again, it becomes a credit in the same way, after the debit that it makes good: also
//     where nobody told of that.
//   - Of a payment that carries the name of an attempt which was paid by another, nothing is moved:
//     no account has had its money.
//   - While a restored ledger is held, of a charge that it does not know: told again, as the charge
//     may be made anew from the provider's books in a moment.
//   - Of a charge that was never credited, as the account was closed meanwhile, nothing is debited:
//     it is noted for which causes the money went back, and whether it came again.
//
// Thread-safe; waits for the disk.
class ProviderEvents {
 public:
  // All outlive it.
  struct Parts {
    Ledger* ledger = nullptr;
    DocumentStore* documents = nullptr;
    PaymentGateway* gateway = nullptr;
    RechargeWorker* worker = nullptr;
    const Clock* clock = nullptr;
    // As the recharger's, required: the ledger may have forgotten charges.
    std::function<bool()> is_held;
  };
  explicit ProviderEvents(const Parts& parts) : parts_(parts), records_(parts.documents) {
    FAREBOX_CHECK(parts_.is_held != nullptr);
  }

  // A webhook's body and its signature. OK: heard, and what had to be kept is on disk; also where
  // it is about payments of others. Unauthenticated, InvalidArgument: it is refused. Any other
  // failure: the provider should tell it again.
  absl::Status Hear(absl::string_view body, absl::string_view signature);

 private:
  absl::Status HearOfCharge(const PaymentEvent& event);
  // Hears of a charge whose attempt has ended without one, as far as is known.
  absl::Status HearOfEnded(const stored::v1::RechargeAttempt& attempt,
                           const std::string& payment_id);
  absl::Status HearOfMoneyBack(const PaymentEvent& event);
  // The attempt that was paid in this way; none where the payment is none of ours.
  absl::StatusOr<std::optional<AttemptRecord>> FindPaid(const std::string& payment_id);
  // Hears of money that went back of a charge whose credit is not known here.
  absl::Status HearOfUncredited(const PaymentEvent& event, AttemptRecord* record);
  // Keeps that with an attempt that will never be credited.
  absl::Status NoteMoneyBack(const PaymentEvent& event, AttemptRecord* record);

  void AskAbout(const stored::v1::RechargeAttempt& attempt, const std::string& payment_id);
  absl::StatusOr<bool> IsClosed(const std::string& account_id);
  // The debit, or the debit and the credit that makes it good.
  absl::Status Move(const PaymentEvent& event, const stored::v1::RechargeAttempt& attempt);
  absl::Status Apply(PaymentEvent::Kind kind, const PaymentEvent& event,
                     const std::string& account_id);

  const Parts parts_;
  RechargeRecords records_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_PROVIDER_EVENTS_H_
