#ifndef FAREBOX_SERVER_RECHARGE_PAYMENT_GATEWAY_H_
#define FAREBOX_SERVER_RECHARGE_PAYMENT_GATEWAY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "storage/micros.h"

// What charges cards: a payment provider, as far as Farebox needs one. Card numbers never come
// here; a card is the provider's token.
namespace farebox::server {

// A card that the provider keeps.
struct ProviderCard {
  std::string token;
  // Whose card it is, in the provider's books; a charge names both.
  std::string customer;
  // For people: "visa", "4242", 1 to 12, 2028.
  std::string brand;
  std::string last_four;
  int expiry_month = 0;
  int expiry_year = 0;

  friend bool operator==(const ProviderCard&, const ProviderCard&) = default;
};

// One charge, decided on and frozen: all its deliveries are the same bytes under the same key.
struct ChargeRequest {
  // The attempt's id. The provider makes one charge of all requests that carry it, for as long as
  // it remembers keys; it also goes into the payment's metadata, where it is found for ever.
  std::string attempt_id;
  std::string account_id;
  Micros amount;
  // ISO 4217.
  std::string currency_code;
  ProviderCard card;
};

// What is known of a charge.
enum class ChargeState {
  // The money was taken: `amount` of it.
  kCharged,
  // The card was refused; `decline_code` says why. No money was taken, and none will be.
  kDeclined,
  // The bank wants the customer to confirm it at `action_url`. No money was taken yet.
  kActionRequired,
  // The provider has not decided yet. Ask again.
  kPending,
  // The provider does not know of it: it was never delivered, or so long ago that it is forgotten.
  kAbsent,
  // The provider refuses the request itself (a wrong key, a currency that it does not take): no
  // money was taken, and the same request will not be taken later either.
  kRejected,
  // Whether money was taken is not known: a time-out, a server's error, an answer that cannot be
  // read. Deliver the same request again, not before `retry_after`.
  kUnknown,
};

struct Charge {
  ChargeState state = ChargeState::kUnknown;
  // The provider's name for the payment; empty where it has none.
  std::string payment_id;
  // What was taken, for kCharged: to be compared with what was asked for.
  Micros amount;
  std::string currency_code;
  // The provider's, e.g. "insufficient_funds".
  std::string decline_code;
  // Plain words for support staff; never a secret, never more than 256 bytes.
  std::string message;
  std::string action_url;
  absl::Duration retry_after = absl::ZeroDuration();
};

// The page of the provider's that takes a card's number.
struct CardSetup {
  std::string setup_id;
  std::string url;
  // Of the provider's books; the same for each card of an account.
  std::string customer;
};

// What the provider tells by itself.
struct PaymentEvent {
  enum class Kind {
    // The state of a charge; `charge` has it.
    kCharge,
    // Money went back to the customer, by a dispute or by a refund in the provider's dashboard:
    // `charge.amount` of it.
    kMoneyBack,
    // Nothing that matters here.
    kOther,
  };
  // Unique; the provider sends an event as often as it likes.
  std::string event_id;
  Kind kind = Kind::kOther;
  // The attempt that it is about; empty where it is about none of ours.
  std::string attempt_id;
  Charge charge;
};

// Thread-safe; every call may block for as long as the provider takes, bounded by the gateway's own
// time-outs. Failures of the network are results (kUnknown) where money is concerned.
class PaymentGateway {
 public:
  virtual ~PaymentGateway() = default;

  // Takes the money, off-session. Called again with the same request it takes nothing more and
  // tells what became of the first.
  virtual Charge TakeCharge(const ChargeRequest& request) = 0;

  // What became of an attempt, by its id in the payment's metadata: long after the provider has
  // forgotten the key. `payment_id` shortens the search where it is known.
  virtual Charge FindCharge(absl::string_view attempt_id, absl::string_view payment_id) = 0;

  // Gives a charge up that waits for the customer; what it returns tells whether that was in time.
  virtual Charge CancelCharge(absl::string_view attempt_id, absl::string_view payment_id) = 0;

  // Gives money of a charge back, once for all calls with the same `refund_id`. OK: it is on its
  // way. FailedPrecondition: the provider refuses. Unavailable: not known; call it again.
  virtual absl::Status Refund(absl::string_view refund_id, absl::string_view payment_id,
                              Micros amount) = 0;

  // Begins to register a card. `customer` is the account's at the provider; empty for a new one.
  virtual absl::StatusOr<CardSetup> StartCardSetup(absl::string_view account_id,
                                                   absl::string_view customer,
                                                   absl::string_view return_url) = 0;

  // The card that was entered. FailedPrecondition: none yet. NotFound: no such setup of this
  // account.
  virtual absl::StatusOr<ProviderCard> CompleteCardSetup(absl::string_view account_id,
                                                         absl::string_view setup_id) = 0;

  // Makes the provider forget a card. OK where it had forgotten it.
  virtual absl::Status DetachCard(const ProviderCard& card) = 0;

  // Visits all charges of ours that were created in the range and took money, in any order, with
  // their attempt ids; for the reconciliation.
  using VisitCharge = absl::FunctionRef<void(absl::string_view attempt_id, const Charge&)>;
  virtual absl::Status ListCharges(absl::Time from, absl::Time to, VisitCharge visit) = 0;

  // Reads a webhook's body after checking its signature. Unauthenticated: it is not the provider's,
  // or too old.
  virtual absl::StatusOr<PaymentEvent> ReadEvent(absl::string_view body,
                                                 absl::string_view signature, absl::Time now) = 0;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_PAYMENT_GATEWAY_H_
