#ifndef FAREBOX_SERVER_RECHARGE_SIMULATED_GATEWAY_H_
#define FAREBOX_SERVER_RECHARGE_SIMULATED_GATEWAY_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/recharge/payment_gateway.h"
#include "server/recharge/simulated_cards.h"
#include "server/recharge/simulated_store.h"
#include "storage/clock.h"
#include "storage/mutex.h"

namespace farebox::server {

// A payment provider that charges nobody, for trying Farebox out and for its tests. Thread-safe.
//
// It is: a provider with a memory of its own, in a file that survives kill -9 of the server, so
// that "charged, but we crashed before we knew" can be played; as strict as Stripe about amounts,
// ids and whose card it is; and what becomes of a charge depends on nothing but the card: see
// simulated_cards.h.
//
// It is not: a model of Stripe's API (no HTTP; keys and payments are kept for ever; nothing is ever
// late or out of order but for the two cards that play it), and no protection: whoever may
// register a card may register a test card, and recharge without paying. Never for real customers.
//
// A registered card's token is that of the test card, with a number: "pm_card_visa-3". The plain
// test token, of no customer in particular, can be charged as well.
class SimulatedGateway : public PaymentGateway {
 public:
  struct Options {
    // The provider's books.
    std::string file;
    // Of webhooks; their signature and content are like Stripe's. Without it every one is refused.
    std::string webhook_secret;
    // Where somebody serves the provider's pages, which call EnterCard and AnswerBank. Without it
    // the page for a card leads straight back, with a "pm_card_visa" entered.
    std::string page_url;
    // How late "pm_card_slow" is.
    absl::Duration slow_delay = absl::Seconds(10);
    // Waits for that long. Null: for real.
    std::function<void(absl::Duration)> wait;
    const Clock* clock = nullptr;  // Outlives the gateway.
  };

  // Fails where the file cannot be opened, or is not the simulated provider's.
  static absl::StatusOr<std::unique_ptr<SimulatedGateway>> Create(Options options);

  // Another request under an id that was used is kUnknown: an error of the caller's, which proves
  // nothing about the first.
  CardCharge TakeCharge(const ChargeRequest& request) override;
  CardCharge FindCharge(const ChargeReference& reference) override;
  CardCharge AskCustomer(const ChargeRequest& request, CardCharge found) override;
  absl::StatusOr<std::string> FindAttemptOf(absl::string_view payment_id) override;
  CardCharge CancelCharge(const ChargeReference& reference) override;
  absl::Status Refund(const RefundRequest& request) override;
  absl::StatusOr<CardSetup> StartCardSetup(absl::string_view account_id, absl::string_view customer,
                                           absl::string_view return_url) override;
  // Where there is no page: "SETUP_ID:pm_card_amex" enters that card and completes the setup.
  absl::StatusOr<ProviderCard> CompleteCardSetup(absl::string_view account_id,
                                                 absl::string_view setup_id) override;
  absl::Status DetachCard(const ProviderCard& card) override;
  absl::Status ListCharges(absl::Time from, absl::Time to, ShouldContinue should_continue,
                           VisitCharge visit) override;
  absl::StatusOr<PaymentEvent> ReadEvent(absl::string_view body, absl::string_view signature,
                                         absl::Time now) override;

  // What the customer does on the page for a card: enters the test card with this token, once.
  absl::Status EnterCard(absl::string_view setup_id, absl::string_view token);

  // What the customer does on the bank's page: confirms a charge that waits, or does not. Returns
  // what became of it. NotFound: there is no such payment.
  absl::StatusOr<CardCharge> AnswerBank(absl::string_view payment_id, bool confirms);

  // The body of a webhook that tells the state of a payment. NotFound: there is no such payment.
  absl::StatusOr<std::string> EventBody(absl::string_view payment_id);

 private:
  SimulatedGateway(Options options, SimulatedStore store);

  CardCharge Describe(const SimulatedPayment& payment) const;
  CardCharge TellAgain(const SimulatedPayment& payment, const ChargeRequest& request) const;
  // NotFound: there is none with this id.
  absl::StatusOr<SimulatedPayment> FindById(absl::string_view payment_id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // NotFound: the attempt has none, or it is another account's.
  absl::StatusOr<SimulatedPayment> Find(const ChargeReference& reference)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The test card behind a request's card. FailedPrecondition: it cannot be charged.
  absl::StatusOr<const SimulatedCard*> CardOf(const ProviderCard& card)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status Enter(const SimulatedSetup& setup, absl::string_view token)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after construction.
  const Options options_;

  Mutex mu_;
  SimulatedStore store_ ABSL_GUARDED_BY(mu_);
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_SIMULATED_GATEWAY_H_
