#include "server/recharge/simulated_gateway.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/recharge/http_client.h"
#include "server/recharge/provider_amount.h"
#include "server/recharge/provider_id.h"
#include "server/recharge/safe_message.h"
#include "server/recharge/stripe_objects.h"
#include "server/recharge/webhook_signature.h"
#include "storage/check.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

using ::nlohmann::json;
using Outcome = SimulatedCard::Outcome;

constexpr absl::string_view kPaymentPrefix = "pi_simulated_";
constexpr absl::string_view kSetupPrefix = "cs_simulated_";
constexpr absl::string_view kCustomerPrefix = "cus_simulated_";
constexpr absl::string_view kDefaultCard = "pm_card_visa";
constexpr absl::string_view kAuthenticationRequired = "authentication_required";
constexpr absl::string_view kNotConfirmed = "payment_intent_authentication_failure";
constexpr int kExpiryMonth = 12;
constexpr int kExpiryYear = 2040;

CardCharge Unknown(absl::string_view message) { return {.message = SafeMessage(message)}; }

// The number at the end of an id; nothing where the id is not one of this kind.
std::optional<int64_t> NumberOf(absl::string_view id, absl::string_view prefix) {
  int64_t number = 0;
  if (!absl::ConsumePrefix(&id, prefix) || !absl::SimpleAtoi(id, &number)) return std::nullopt;
  // One id for one row: "7", never "07" or "+7".
  return absl::StrCat(number) == id ? std::optional(number) : std::nullopt;
}

std::string PaymentId(int64_t number) { return absl::StrCat(kPaymentPrefix, number); }

// What is wrong with a request, whatever the card; empty where nothing is.
absl::string_view ProblemOf(const ChargeRequest& request) {
  if (ToProviderUnits(request.amount, request.currency_code).value_or(0) == 0) {
    return "the amount is not one that can be charged in this currency";
  }
  if (request.amount < LeastCharge(request.currency_code).value_or(Micros(1))) {
    return "the amount is less than the least charge in this currency";
  }
  return IsRequestName(request.attempt_id) ? "" : "the attempt's id is malformed";
}

bool IsSameRequest(const ChargeRequest& a, const ChargeRequest& b) {
  return a.attempt_id == b.attempt_id && a.account_id == b.account_id && a.amount == b.amount &&
         absl::EqualsIgnoreCase(a.currency_code, b.currency_code) && a.card.token == b.card.token &&
         a.card.customer == b.card.customer;
}

// The state that a charge of this card begins with.
ChargeState FirstState(const SimulatedCard& card) {
  if (card.outcome == Outcome::kDeclined) return ChargeState::kDeclined;
  if (card.outcome == Outcome::kActionRequired) return ChargeState::kActionRequired;
  return ChargeState::kCharged;
}

absl::string_view FirstDeclineCode(const SimulatedCard& card) {
  if (card.outcome == Outcome::kActionRequired) return kAuthenticationRequired;
  return card.decline_code;
}

// A registered card's token: the test card's, and the number of its setup.
std::string CardToken(absl::string_view token, int64_t setup) {
  return absl::StrCat(token, "-", setup);
}

std::optional<int64_t> SetupOfCard(absl::string_view token) {
  const size_t dash = token.rfind('-');
  if (dash == absl::string_view::npos) return std::nullopt;
  return NumberOf(token.substr(dash), "-");
}

// Of a registered card, or of a plain test token.
const SimulatedCard* TestCardOf(absl::string_view token) {
  const bool is_registered = SetupOfCard(token).has_value();
  return FindSimulatedCard(is_registered ? token.substr(0, token.rfind('-')) : token);
}

// The parts of a PaymentIntent that say what became of it.
json IntentOf(const SimulatedPayment& payment, const std::string& action_url) {
  json intent = {
      {"id", PaymentId(payment.number)},
      {"object", "payment_intent"},
      {"currency", absl::AsciiStrToLower(payment.request.currency_code)},
      {"metadata", {{stripe::kAttemptIdKey, payment.request.attempt_id}}},
  };
  if (payment.state == ChargeState::kCharged) {
    intent["status"] = "succeeded";
    intent["amount_received"] =
        *ToProviderUnits(payment.request.amount, payment.request.currency_code);
  } else if (payment.state == ChargeState::kActionRequired) {
    intent["status"] = "requires_action";
    intent["next_action"] = {{"redirect_to_url", {{"url", action_url}}}};
  } else if (payment.decline_code == kCancelledCode) {
    intent["status"] = "canceled";
  } else {
    intent["status"] = "requires_payment_method";
    intent["last_payment_error"] = {{"code", "card_declined"},
                                    {"decline_code", payment.decline_code}};
  }
  return intent;
}

// Of the event that tells the payment's state.
absl::string_view EventType(const SimulatedPayment& payment) {
  if (payment.state == ChargeState::kCharged) return "payment_intent.succeeded";
  if (payment.state == ChargeState::kActionRequired) return "payment_intent.requires_action";
  if (payment.decline_code == kCancelledCode) return "payment_intent.canceled";
  return "payment_intent.payment_failed";
}

// AlreadyExists: all of the charge went back before. FailedPrecondition: not so much can go back.
absl::Status CheckRefund(const RefundRequest& request, const SimulatedPayment& payment,
                         Micros refunded) {
  const bool was_charged = payment.state == ChargeState::kCharged;
  if (was_charged && refunded == payment.request.amount) {
    return absl::AlreadyExistsError("nothing is left to give back");
  }
  const std::optional<Micros> total = CheckedAdd(refunded, request.amount);
  const bool is_left = total.has_value() && *total <= payment.request.amount;
  const bool is_in_its_currency =
      absl::EqualsIgnoreCase(payment.request.currency_code, request.currency_code);
  if (was_charged && is_left && is_in_its_currency) return absl::OkStatus();
  return absl::FailedPreconditionError("more than is left of the charge");
}

}  // namespace

absl::StatusOr<std::unique_ptr<SimulatedGateway>> SimulatedGateway::Create(Options options) {
  FAREBOX_CHECK(options.clock != nullptr);
  if (options.wait == nullptr) options.wait = &Pause;
  FAREBOX_ASSIGN_OR_RETURN(SimulatedStore store, SimulatedStore::Open(options.file));
  return std::unique_ptr<SimulatedGateway>(
      new SimulatedGateway(std::move(options), std::move(store)));
}

SimulatedGateway::SimulatedGateway(Options options, SimulatedStore store)
    : options_(std::move(options)), store_(std::move(store)) {}

CardCharge SimulatedGateway::TakeCharge(const ChargeRequest& request) {
  if (const absl::string_view problem = ProblemOf(request); !problem.empty()) {
    return RejectedCharge(problem);
  }
  SimulatedPayment payment = {.request = request, .create_time = options_.clock->Now()};
  Outcome outcome = Outcome::kApproved;
  {
    MutexLock lock(&mu_);
    const absl::StatusOr<SimulatedPayment> earlier = store_.FindAttempt(request.attempt_id);
    if (earlier.ok()) return TellAgain(*earlier, request);
    if (!absl::IsNotFound(earlier.status())) return Unknown(earlier.status().message());
    const absl::StatusOr<const SimulatedCard*> card = CardOf(request.card);
    if (absl::IsFailedPrecondition(card.status())) return RejectedCharge(card.status().message());
    if (!card.ok()) return Unknown(card.status().message());
    outcome = (*card)->outcome;
    payment.state = FirstState(**card);
    payment.decline_code = std::string(FirstDeclineCode(**card));
    const absl::StatusOr<int64_t> number = store_.AddPayment(payment);
    // The books may have it or not: the next delivery finds out.
    if (!number.ok()) return Unknown(number.status().message());
    payment.number = *number;
  }
  if (outcome == Outcome::kAnswerLost) return Unknown("the answer was lost");
  if (outcome == Outcome::kSlow) {
    options_.wait(options_.slow_delay);
  }
  return Describe(payment);
}

CardCharge SimulatedGateway::TellAgain(const SimulatedPayment& payment,
                                       const ChargeRequest& request) const {
  if (IsSameRequest(payment.request, request)) return Describe(payment);
  return Unknown("the attempt's id was used before, with another request");
}

CardCharge SimulatedGateway::Describe(const SimulatedPayment& payment) const {
  CardCharge charge = {.state = payment.state,
                       .payment_id = PaymentId(payment.number),
                       .currency_code = absl::AsciiStrToUpper(payment.request.currency_code),
                       .account_id = payment.request.account_id,
                       .decline_code = payment.decline_code,
                       .create_time = payment.create_time};
  if (payment.state == ChargeState::kCharged) {
    charge.amount = payment.request.amount;
  } else {
    charge.message = absl::StrCat("simulated: ", payment.decline_code);
  }
  if (payment.state == ChargeState::kActionRequired) {
    const absl::string_view base =
        options_.page_url.empty() ? "https://bank.invalid" : absl::string_view(options_.page_url);
    charge.action_url = absl::StrCat(base, "/confirm?payment_id=", charge.payment_id);
  }
  return charge;
}

absl::StatusOr<SimulatedPayment> SimulatedGateway::Find(const ChargeReference& reference) {
  if (reference.payment_id.empty()) {
    absl::StatusOr<SimulatedPayment> found = store_.FindAttempt(reference.attempt_id);
    const bool is_anothers = found.ok() && !reference.account_id.empty() &&
                             found->request.account_id != reference.account_id;
    return is_anothers ? absl::NotFoundError("no such payment of this account") : found;
  }
  const std::optional<int64_t> number = NumberOf(reference.payment_id, kPaymentPrefix);
  if (!number.has_value()) return absl::InvalidArgumentError("the payment's id is malformed");
  absl::StatusOr<SimulatedPayment> payment = store_.FindPayment(*number);
  // Payments are never deleted: whoever names one that is not there asks the wrong provider.
  if (absl::IsNotFound(payment.status())) return absl::UnavailableError("no such payment");
  if (payment.ok() && payment->request.attempt_id != reference.attempt_id) {
    return absl::UnavailableError("the payment is another attempt's");
  }
  return payment;
}

CardCharge SimulatedGateway::FindCharge(const ChargeReference& reference) {
  MutexLock lock(&mu_);
  const absl::StatusOr<SimulatedPayment> payment = Find(reference);
  if (payment.ok()) return Describe(*payment);
  if (absl::IsNotFound(payment.status())) return {.state = ChargeState::kAbsent};
  return Unknown(payment.status().message());
}

// Its charges that want the customer have their page from the beginning.
CardCharge SimulatedGateway::AskCustomer(const ChargeRequest& /*request*/, CardCharge found) {
  return found;
}

absl::StatusOr<SimulatedPayment> SimulatedGateway::FindById(absl::string_view payment_id) {
  const std::optional<int64_t> number = NumberOf(payment_id, kPaymentPrefix);
  if (!number.has_value()) return absl::NotFoundError("no such payment");
  return store_.FindPayment(*number);
}

absl::StatusOr<std::string> SimulatedGateway::FindAttemptOf(absl::string_view payment_id) {
  MutexLock lock(&mu_);
  const absl::StatusOr<SimulatedPayment> payment = FindById(payment_id);
  if (absl::IsNotFound(payment.status())) return "";
  FAREBOX_RETURN_IF_ERROR(payment.status());
  return payment->request.attempt_id;
}

CardCharge SimulatedGateway::CancelCharge(const ChargeReference& reference) {
  MutexLock lock(&mu_);
  absl::StatusOr<SimulatedPayment> payment = Find(reference);
  if (absl::IsNotFound(payment.status())) return {.state = ChargeState::kAbsent};
  if (!payment.ok()) return Unknown(payment.status().message());
  if (payment->state != ChargeState::kActionRequired) return Describe(*payment);
  payment->state = ChargeState::kDeclined;
  payment->decline_code = std::string(kCancelledCode);
  const absl::Status set = store_.SetState(payment->number, payment->state, payment->decline_code);
  return set.ok() ? Describe(*payment) : Unknown(set.message());
}

absl::StatusOr<CardCharge> SimulatedGateway::AnswerBank(absl::string_view payment_id,
                                                        bool confirms) {
  MutexLock lock(&mu_);
  FAREBOX_ASSIGN_OR_RETURN(SimulatedPayment payment, FindById(payment_id));
  if (payment.state != ChargeState::kActionRequired) return Describe(payment);
  const SimulatedCard* const card = TestCardOf(payment.request.card.token);
  if (card == nullptr) return absl::DataLossError("a payment without its card");
  payment.decline_code = std::string(confirms ? card->decline_code : kNotConfirmed);
  payment.state = payment.decline_code.empty() ? ChargeState::kCharged : ChargeState::kDeclined;
  FAREBOX_RETURN_IF_ERROR(store_.SetState(payment.number, payment.state, payment.decline_code));
  return Describe(payment);
}

absl::Status SimulatedGateway::Refund(const RefundRequest& request) {
  const std::optional<int64_t> number = NumberOf(request.payment_id, kPaymentPrefix);
  if (ToProviderUnits(request.amount, request.currency_code).value_or(0) == 0) {
    return absl::FailedPreconditionError("the amount is not one that can be refunded");
  }
  if (!IsRequestName(request.refund_id) || !number.has_value()) {
    return absl::FailedPreconditionError("the refund's or the payment's id is malformed");
  }
  const SimulatedRefund refund = {
      .refund_id = request.refund_id, .payment = *number, .amount = request.amount};
  MutexLock lock(&mu_);
  const absl::StatusOr<SimulatedRefund> earlier = store_.FindRefund(request.refund_id);
  if (earlier.ok() && *earlier == refund) return absl::OkStatus();
  if (earlier.ok()) return absl::FailedPreconditionError("the refund's id was used before");
  if (!absl::IsNotFound(earlier.status())) return earlier.status();
  const absl::StatusOr<SimulatedPayment> payment = store_.FindPayment(*number);
  if (absl::IsNotFound(payment.status())) return absl::FailedPreconditionError("no such payment");
  FAREBOX_RETURN_IF_ERROR(payment.status());
  FAREBOX_ASSIGN_OR_RETURN(const Micros refunded, store_.Refunded(*number));
  FAREBOX_RETURN_IF_ERROR(CheckRefund(request, *payment, refunded));
  return store_.AddRefund(refund);
}

absl::StatusOr<CardSetup> SimulatedGateway::StartCardSetup(absl::string_view account_id,
                                                           absl::string_view customer,
                                                           absl::string_view return_url) {
  if (!IsRequestName(account_id)) {
    return absl::FailedPreconditionError("the account's id is not one for the provider");
  }
  CardSetup setup = {.customer = std::string(customer)};
  MutexLock lock(&mu_);
  if (setup.customer.empty()) {
    const absl::StatusOr<SimulatedSetup> earlier = store_.FindSetupOf(account_id);
    if (!earlier.ok() && !absl::IsNotFound(earlier.status())) return earlier.status();
    setup.customer = earlier.ok() ? earlier->customer : absl::StrCat(kCustomerPrefix, account_id);
  }
  FAREBOX_ASSIGN_OR_RETURN(const int64_t number, store_.AddSetup(account_id, setup.customer));
  setup.setup_id = absl::StrCat(kSetupPrefix, number);
  if (options_.page_url.empty()) {
    setup.url = absl::StrCat(return_url, absl::StrContains(return_url, "?") ? "&" : "?",
                             "setup_id=", setup.setup_id, ":", kDefaultCard);
  } else {
    setup.url = absl::StrCat(options_.page_url, "/card?setup_id=", setup.setup_id,
                             "&return_url=", PercentEncode(return_url));
  }
  return setup;
}

absl::Status SimulatedGateway::Enter(const SimulatedSetup& setup, absl::string_view token) {
  if (FindSimulatedCard(token) == nullptr) {
    return absl::FailedPreconditionError("no such test card; pm_card_visa is one");
  }
  if (setup.token == token) return absl::OkStatus();
  if (!setup.token.empty()) {
    return absl::FailedPreconditionError("another card has been entered; begin a new setup");
  }
  return store_.EnterCard(setup.number, token);
}

absl::Status SimulatedGateway::EnterCard(absl::string_view setup_id, absl::string_view token) {
  const std::optional<int64_t> number = NumberOf(setup_id, kSetupPrefix);
  if (!number.has_value()) return absl::NotFoundError("no such card setup");
  MutexLock lock(&mu_);
  FAREBOX_ASSIGN_OR_RETURN(const SimulatedSetup setup, store_.FindSetup(*number));
  return Enter(setup, token);
}

absl::StatusOr<ProviderCard> SimulatedGateway::CompleteCardSetup(absl::string_view account_id,
                                                                 absl::string_view setup_id) {
  const size_t colon = setup_id.find(':');
  const std::optional<int64_t> number = NumberOf(setup_id.substr(0, colon), kSetupPrefix);
  if (!number.has_value()) return absl::NotFoundError("no such card setup");
  MutexLock lock(&mu_);
  FAREBOX_ASSIGN_OR_RETURN(SimulatedSetup setup, store_.FindSetup(*number));
  if (setup.account_id != account_id) {
    return absl::NotFoundError("no such card setup of this account");
  }
  if (setup.is_detached) return absl::NotFoundError("the card was removed since");
  if (colon != absl::string_view::npos) {
    const absl::string_view token = setup_id.substr(colon + 1);
    FAREBOX_RETURN_IF_ERROR(Enter(setup, token));
    setup.token = std::string(token);
  }
  const SimulatedCard* const card = FindSimulatedCard(setup.token);
  if (card == nullptr) {
    return absl::FailedPreconditionError(
        "no card has been entered yet; \":pm_card_visa\" after the setup's id enters one");
  }
  return ProviderCard{.token = CardToken(setup.token, setup.number),
                      .customer = setup.customer,
                      .brand = std::string(card->brand),
                      .last_four = std::string(card->last_four),
                      .expiry_month = kExpiryMonth,
                      .expiry_year = kExpiryYear};
}

absl::StatusOr<const SimulatedCard*> SimulatedGateway::CardOf(const ProviderCard& card) {
  if (const std::optional<int64_t> number = SetupOfCard(card.token); number.has_value()) {
    const absl::StatusOr<SimulatedSetup> setup = store_.FindSetup(*number);
    if (!setup.ok() && !absl::IsNotFound(setup.status())) return setup.status();
    const bool is_there = setup.ok() && CardToken(setup->token, *number) == card.token &&
                          setup->customer == card.customer && !setup->is_detached;
    if (!is_there) return absl::FailedPreconditionError("no such card of this customer");
  }
  const SimulatedCard* const known = TestCardOf(card.token);
  if (known == nullptr) return absl::FailedPreconditionError("no such test card");
  return known;
}

absl::Status SimulatedGateway::DetachCard(const ProviderCard& card) {
  if (!IsProviderId(card.token)) return absl::FailedPreconditionError("the card is malformed");
  const std::optional<int64_t> number = SetupOfCard(card.token);
  if (!number.has_value()) return absl::OkStatus();
  MutexLock lock(&mu_);
  const absl::StatusOr<SimulatedSetup> setup = store_.FindSetup(*number);
  if (absl::IsNotFound(setup.status())) return absl::OkStatus();
  FAREBOX_RETURN_IF_ERROR(setup.status());
  if (CardToken(setup->token, *number) != card.token) return absl::OkStatus();
  return store_.DetachCard(*number);
}

absl::Status SimulatedGateway::ListCharges(absl::Time from, absl::Time to,
                                           ShouldContinue should_continue, VisitCharge visit) {
  if (!should_continue()) return absl::CancelledError("the list is wanted no more");
  std::vector<SimulatedPayment> payments;
  {
    MutexLock lock(&mu_);
    FAREBOX_RETURN_IF_ERROR(store_.VisitPayments(
        from, to, [&](const SimulatedPayment& payment) { payments.push_back(payment); }));
  }
  // Outside of the lock: the visitor may ask us something.
  for (const SimulatedPayment& payment : payments) {
    if (payment.state != ChargeState::kCharged) continue;
    visit(payment.request.attempt_id, Describe(payment));
  }
  return absl::OkStatus();
}

absl::StatusOr<PaymentEvent> SimulatedGateway::ReadEvent(absl::string_view body,
                                                         absl::string_view signature,
                                                         absl::Time now) {
  FAREBOX_RETURN_IF_ERROR(CheckWebhookSignature(body, signature, options_.webhook_secret, now));
  return stripe::EventOf(body);
}

absl::StatusOr<std::string> SimulatedGateway::EventBody(absl::string_view payment_id) {
  MutexLock lock(&mu_);
  FAREBOX_ASSIGN_OR_RETURN(const SimulatedPayment payment, FindById(payment_id));
  const absl::string_view type = EventType(payment);
  const json event = {
      // One for each state that a payment goes through.
      {"id", absl::StrCat("evt_simulated_", payment.number, "_",
                          absl::StripPrefix(type, "payment_intent."))},
      {"object", "event"},
      {"type", std::string(type)},
      {"data", {{"object", IntentOf(payment, Describe(payment).action_url)}}},
  };
  return event.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace farebox::server
