#ifndef FAREBOX_SERVER_RECHARGE_PAYMENT_GATEWAY_H_
#define FAREBOX_SERVER_RECHARGE_PAYMENT_GATEWAY_H_

#include <string>

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
  // it remembers keys (24 hours); it also goes into the payment's metadata, where it is found for
  // ever. 1 to 200 of `A-Z a-z 0-9 . _ : @ + -`.
  std::string attempt_id;
  std::string account_id;
  Micros amount;
  // ISO 4217.
  std::string currency_code;
  ProviderCard card;
  // Whether an earlier delivery may have reached the provider. Then a refusal of this one (a key
  // that was changed in between, say) does not prove that no money was taken. Not a part of what is
  // delivered.
  bool maybe_delivered = false;
};

// A charge that was asked for before.
struct ChargeReference {
  std::string attempt_id;
  // The provider's name for the payment, where it is known: the shortest way.
  std::string payment_id;
  // Whose card it was. Narrows the search where `payment_id` is not known.
  std::string customer;
  // It was not made before this, by the provider's clock give or take a day: narrows the search
  // where nobody knows whose card it was. Our clock may have been wrong when it was delivered.
  absl::Time not_before = absl::InfinitePast();
  // Whose charge it was: one of the same name for another account is not it. An account that a
  // restored ledger has forgotten may have had what makes up the name.
  std::string account_id;
};

// What is known of a charge.
enum class ChargeState {
  // The money was taken: `amount` of it.
  kCharged,
  // The card was refused; `decline_code` says why. No money was taken, and none will be.
  kDeclined,
  // The bank wants the customer to confirm it at `action_url`. No money was taken yet.
  kActionRequired,
  // The provider has not decided yet. Ask again; CancelCharge ends one that stays so.
  kPending,
  // The provider does not know of it: it was never delivered, or is still on its way. Only of
  // FindCharge and CancelCharge, and proof only when no delivery can be on its way any more.
  kAbsent,
  // The provider refuses the request itself (a wrong key, a currency that it does not take), and
  // knows of no earlier delivery: no money was taken, and the same request will not be taken later
  // either.
  kRejected,
  // Whether money was taken is not known: a time-out, a server's error, an answer that cannot be
  // read. Deliver the same request again, not before `retry_after`.
  kUnknown,
};

// "CHARGED"; for messages and logs.
absl::string_view ChargeStateName(ChargeState state);

struct CardCharge {
  ChargeState state = ChargeState::kUnknown;
  // The provider's name for the payment; empty where it has none.
  std::string payment_id;
  // What was taken, for kCharged: to be compared with what was asked for.
  Micros amount;
  std::string currency_code;
  // Whose it is, as the payment's metadata says; empty where that does not.
  std::string account_id;
  // The provider's, e.g. "insufficient_funds", and its advice where it gives one, e.g.
  // "do_not_try_again": see decline_codes.h. A payment that was given up has kCancelledCode.
  std::string decline_code;
  std::string advice_code;
  // Plain words for support staff; never a secret, never more than 256 bytes.
  std::string message;
  // Empty where the provider offers none.
  std::string action_url;
  // How long the provider wants to be left alone; zero where it does not say.
  absl::Duration retry_after = absl::ZeroDuration();
  // When the provider made the payment, by its clock, which may count whole seconds. In the future
  // where it does not say.
  absl::Time create_time = absl::InfiniteFuture();
  // Of kRejected: the provider takes nothing from this server as it is set up (a wrong key), which
  // is neither the card's nor the customer's fault.
  bool is_misconfigured = false;
};

// kRejected, with these words, made safe (SafeMessage).
CardCharge RejectedCharge(absl::string_view message);

// The `decline_code` of a payment that was cancelled: no bank's, but final like one.
inline constexpr absl::string_view kCancelledCode = "payment_cancelled";

// Money that is to go back to a customer.
struct RefundRequest {
  // Names it for ever: however often it is asked for, it is paid back once. As an attempt id.
  std::string refund_id;
  std::string payment_id;
  Micros amount;
  // Of the charge.
  std::string currency_code;
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
    // The state of a charge at the time of the event, which may be long past; `charge` has it.
    kCharge,
    // Money went back to the customer, by a dispute or by a refund. `charge` says how much, in
    // which currency and of which payment; not its state.
    kMoneyBack,
    // Such money came again: the dispute was won, or the refund failed.
    kMoneyBackUndone,
    // Nothing that matters here.
    kOther,
  };
  // Unique; the provider sends an event as often as it likes.
  std::string event_id;
  Kind kind = Kind::kOther;
  // The attempt that it is about. Disputes and refunds do not name it: it is found by
  // `charge.payment_id`. Empty for payments that are none of ours.
  std::string attempt_id;
  // The provider's name for the dispute or the refund: each moves money once, whatever the number
  // of events about it.
  std::string cause_id;
  // Of RefundRequest, where it is a refund that was asked for here. Whoever makes another may have
  // written anything in its place.
  std::string refund_id;
  CardCharge charge;
};

// Thread-safe; every call may block for as long as the provider takes, bounded by the gateway's own
// time-outs. Failures of the network are results (kUnknown) where money is concerned.
//
// Where a status is returned: Unavailable says that the outcome is not known and the same call may
// be repeated; FailedPrecondition that the provider refuses.
class PaymentGateway {
 public:
  virtual ~PaymentGateway() = default;

  // Takes the money, off-session. Called again with the same request it takes nothing more and
  // tells what became of the first.
  virtual CardCharge TakeCharge(const ChargeRequest& request) = 0;

  // What became of an attempt, by its id in the payment's metadata: long after the provider has
  // forgotten the key.
  virtual CardCharge FindCharge(const ChargeReference& reference) = 0;

  // Asks for the bank's page of a charge that FindCharge has found to want the customer, without
  // one: the answer to its delivery was lost, say. The same page each time. `found` where there is
  // none to be had; else how the charge stands now, which may be that the bank asks no more.
  virtual CardCharge AskCustomer(const ChargeRequest& request, CardCharge found) = 0;

  // The attempt that a payment was made for; empty where the payment is none of ours.
  virtual absl::StatusOr<std::string> FindAttemptOf(absl::string_view payment_id) = 0;

  // Gives a charge up that waits for the customer, or that the provider does not decide on.
  // kDeclined with kCancelledCode: in time. Anything else is what became of it.
  virtual CardCharge CancelCharge(const ChargeReference& reference) = 0;

  // Gives money of a charge back. OK: it is on its way. AlreadyExists: all of the charge went back
  // before, by somebody else's hand.
  virtual absl::Status Refund(const RefundRequest& request) = 0;

  // Begins to register a card. `customer` is the account's at the provider; empty for a new one.
  virtual absl::StatusOr<CardSetup> StartCardSetup(absl::string_view account_id,
                                                   absl::string_view customer,
                                                   absl::string_view return_url) = 0;

  // The card that was entered; the same one each time. FailedPrecondition: none yet. NotFound: no
  // such setup of this account, or its card was detached since.
  virtual absl::StatusOr<ProviderCard> CompleteCardSetup(absl::string_view account_id,
                                                         absl::string_view setup_id) = 0;

  // Makes the provider forget a card. OK where it had forgotten it.
  virtual absl::Status DetachCard(const ProviderCard& card) = 0;

  // Visits all charges of ours that were created in [from, to) and took money, in any order, with
  // their attempt ids; for the reconciliation. What was visited before a failure is no answer.
  // Cancelled where `should_continue`, which is asked before every question to the provider, says
  // no.
  using VisitCharge = absl::FunctionRef<void(absl::string_view attempt_id, const CardCharge&)>;
  using ShouldContinue = absl::FunctionRef<bool()>;
  virtual absl::Status ListCharges(absl::Time from, absl::Time to, ShouldContinue should_continue,
                                   VisitCharge visit) = 0;

  // Reads a webhook's body after checking its signature. Unauthenticated: it is not the provider's,
  // or too old. InvalidArgument: it is, and cannot be read.
  virtual absl::StatusOr<PaymentEvent> ReadEvent(absl::string_view body,
                                                 absl::string_view signature, absl::Time now) = 0;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_PAYMENT_GATEWAY_H_
