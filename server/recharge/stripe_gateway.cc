#include "server/recharge/stripe_gateway.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/recharge/json_fields.h"
#include "server/recharge/limits.h"
#include "server/recharge/provider_amount.h"
#include "server/recharge/provider_id.h"
#include "server/recharge/webhook_signature.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

using ::nlohmann::json;
using stripe::Answer;

constexpr absl::string_view kPayments = "/v1/payment_intents";
constexpr int kPageSize = 100;
// A list that is longer than this has no answer.
constexpr int kPagesMax = limits::kPaymentsListedMax / kPageSize;

// Whether a base URL's host is this machine, where nobody listens in.
bool IsOnThisMachine(absl::string_view url) {
  for (const absl::string_view host : {"127.0.0.1", "localhost", "[::1]"}) {
    absl::string_view rest = url;
    if (absl::ConsumePrefix(&rest, "http://") && absl::ConsumePrefix(&rest, host) &&
        !absl::StrContains(rest, "@") && (rest.empty() || rest[0] == ':' || rest[0] == '/')) {
      return true;
    }
  }
  return false;
}

bool IsHeaderText(absl::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c))) return false;
  }
  return !text.empty();
}

std::string Encode(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string encoded;
  for (const auto& [name, value] : fields) {
    absl::StrAppend(&encoded, encoded.empty() ? "" : "&", PercentEncode(name), "=",
                    PercentEncode(value));
  }
  return encoded;
}

std::string MetadataField(absl::string_view key) { return absl::StrCat("metadata[", key, "]"); }

std::string PaymentPath(absl::string_view payment_id) {
  return absl::StrCat(kPayments, "/", payment_id);
}

// The delay of a Retry-After header; a date, which Stripe does not send, counts as none.
absl::Duration RetryAfter(absl::string_view header) {
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(header, &seconds) || seconds < 0) return absl::ZeroDuration();
  return std::min(absl::Seconds(seconds), limits::kAttemptPauseMax);
}

// As Stripe counts time: from 1970, and not for ever.
int64_t SecondsRoundedUp(absl::Time time) {
  constexpr absl::Duration kLongest = absl::Hours(24 * 365 * 1'000LL);
  const absl::Duration since = time - absl::UnixEpoch();
  return absl::ToInt64Seconds(
      absl::Ceil(std::clamp(since, absl::ZeroDuration(), kLongest), absl::Seconds(1)));
}

// Whether the answer to a delivery does not say for sure what became of the charge.
bool IsInDoubt(const ChargeRequest& request, const Answer& answer, const CardCharge& charge) {
  if (stripe::ErrorType(answer) == "idempotency_error") return true;
  if (answer.is_replayed) return charge.state != ChargeState::kCharged;
  return charge.state == ChargeState::kRejected && request.maybe_delivered;
}

std::string WithSetupId(absl::string_view url) {
  return absl::StrCat(url, absl::StrContains(url, "?") ? "&" : "?",
                      "setup_id={CHECKOUT_SESSION_ID}");
}

}  // namespace

absl::StatusOr<std::unique_ptr<StripeGateway>> StripeGateway::Create(Options options) {
  while (absl::EndsWith(options.base_url, "/")) options.base_url.pop_back();
  if (!absl::StartsWith(options.base_url, "https://") && !IsOnThisMachine(options.base_url)) {
    return absl::InvalidArgumentError("base_url: must begin with https://");
  }
  if (!IsHeaderText(options.base_url)) return absl::InvalidArgumentError("base_url: not a URL");
  if (!IsHeaderText(options.api_version)) {
    return absl::InvalidArgumentError("api_version: must be printable ASCII");
  }
  if (!IsHeaderText(options.secret_key)) {
    return absl::InvalidArgumentError("secret_key: must be printable ASCII, and not empty");
  }
  return std::unique_ptr<StripeGateway>(new StripeGateway(std::move(options)));
}

StripeGateway::StripeGateway(Options options)
    : options_(std::move(options)), http_(options_.http) {}

CardCharge StripeGateway::TakeCharge(const ChargeRequest& request) {
  const std::optional<int64_t> units = ToProviderUnits(request.amount, request.currency_code);
  if (!units.has_value() || *units == 0) {
    return RejectedCharge("the amount is not one that can be charged in this currency");
  }
  if (!IsRequestName(request.attempt_id)) return RejectedCharge("the attempt's id is malformed");
  const Answer answer = Post(kPayments,
                             {{"amount", absl::StrCat(*units)},
                              {"currency", absl::AsciiStrToLower(request.currency_code)},
                              {"customer", request.card.customer},
                              {"payment_method", request.card.token},
                              {"payment_method_types[]", "card"},
                              {"off_session", "true"},
                              {"confirm", "true"},
                              {MetadataField(stripe::kAttemptIdKey), request.attempt_id},
                              {MetadataField(stripe::kAccountIdKey), request.account_id}},
                             request.attempt_id);
  CardCharge charge = stripe::ChargeOf(answer, request.attempt_id);
  if (IsInDoubt(request, answer, charge)) {
    charge = Settle(request, answer.is_replayed, std::move(charge));
  }
  if (charge.state == ChargeState::kActionRequired && charge.action_url.empty()) {
    return AskCustomer(request, std::move(charge));
  }
  return charge;
}

CardCharge StripeGateway::Settle(const ChargeRequest& request, bool is_replayed,
                                 CardCharge answered) {
  CardCharge found = FindCharge({.attempt_id = request.attempt_id,
                                 .payment_id = answered.payment_id,
                                 .customer = request.card.customer});
  if (found.state != ChargeState::kAbsent) return found;
  // A refusal that is given again stays one where there is no payment.
  const bool is_refused = is_replayed && answered.state == ChargeState::kRejected;
  if (!is_refused) answered.state = ChargeState::kUnknown;
  return answered;
}

CardCharge StripeGateway::AskCustomer(const ChargeRequest& request, CardCharge found) {
  if (options_.return_url.empty() || !IsProviderId(found.payment_id)) return found;
  CardCharge confirmed;
  for (const absl::string_view key : {":confirm", ":confirm-again"}) {
    const Answer answer = Post(absl::StrCat(PaymentPath(found.payment_id), "/confirm"),
                               {{"payment_method", request.card.token},
                                {"off_session", "false"},
                                {"return_url", options_.return_url}},
                               absl::StrCat(request.attempt_id, key));
    confirmed = stripe::ChargeOf(answer, request.attempt_id);
    // An error that is kept for a day: there is no page, and none would come under this key.
    const bool is_spent = answer.is_replayed && confirmed.state == ChargeState::kUnknown;
    if (!is_spent) break;
  }
  // Without a page the customer can still be asked for another card.
  if (confirmed.state == ChargeState::kRejected) return found;
  if (confirmed.payment_id.empty()) confirmed.payment_id = found.payment_id;
  return confirmed;
}

CardCharge StripeGateway::FindCharge(const ChargeReference& reference) {
  if (!reference.payment_id.empty()) {
    if (!IsProviderId(reference.payment_id)) return {.message = "the payment's id is malformed"};
    CardCharge charge =
        stripe::ChargeOf(Get(PaymentPath(reference.payment_id), {}), reference.attempt_id);
    // Payments are never deleted: whoever refuses to show one is asked with the wrong key.
    if (charge.state == ChargeState::kRejected) charge.state = ChargeState::kUnknown;
    return charge;
  }
  Fields query;
  if (!reference.customer.empty()) query.emplace_back("customer", reference.customer);
  if (reference.not_before > absl::UnixEpoch() + limits::kProviderClockSlack) {
    query.emplace_back(
        "created[gte]",
        absl::StrCat(absl::ToUnixSeconds(reference.not_before - limits::kProviderClockSlack)));
  }
  CardCharge charge = {.state = ChargeState::kAbsent};
  const auto take_sought = [&](const json& payment) {
    if (stripe::Metadata(payment, stripe::kAttemptIdKey) != reference.attempt_id) return true;
    const std::string account_id = stripe::Metadata(payment, stripe::kAccountIdKey);
    if (!reference.account_id.empty() && account_id != reference.account_id) return true;
    charge = stripe::ChargeOf(payment);
    return false;
  };
  const absl::Status listed =
      List(kPayments, std::move(query), options_.should_continue, take_sought);
  if (!listed.ok()) return {.message = std::string(listed.message())};
  return charge;
}

absl::StatusOr<std::string> StripeGateway::FindAttemptOf(absl::string_view payment_id) {
  if (!IsProviderId(payment_id)) return "";
  const Answer answer = Get(PaymentPath(payment_id), {});
  const absl::Status status = stripe::StatusOf(answer);
  if (absl::IsNotFound(status)) return "";
  FAREBOX_RETURN_IF_ERROR(status);
  return stripe::Metadata(answer.body, stripe::kAttemptIdKey);
}

CardCharge StripeGateway::CancelCharge(const ChargeReference& reference) {
  ChargeReference found = reference;
  if (found.payment_id.empty()) {
    CardCharge charge = FindCharge(reference);
    if (charge.payment_id.empty()) return charge;
    found.payment_id = charge.payment_id;
  }
  if (!IsProviderId(found.payment_id)) return {.message = "the payment's id is malformed"};
  const Answer answer = Post(absl::StrCat(PaymentPath(found.payment_id), "/cancel"), {}, {});
  CardCharge charge = stripe::ChargeOf(answer, reference.attempt_id);
  // What cannot be cancelled any more has ended in another way.
  return charge.state == ChargeState::kRejected ? FindCharge(found) : charge;
}

absl::Status StripeGateway::FindRefund(const RefundRequest& request) {
  absl::Status found = absl::NotFoundError("no such refund");
  const auto take_sought = [&](const json& refund) {
    if (stripe::Metadata(refund, stripe::kRefundIdKey) != request.refund_id) return true;
    const std::string status = Text(refund, "status");
    found = status == "failed" || status == "canceled"
                ? absl::FailedPreconditionError("the refund failed at the bank")
                : absl::OkStatus();
    return false;
  };
  FAREBOX_RETURN_IF_ERROR(List("/v1/refunds", {{"payment_intent", request.payment_id}},
                               options_.should_continue, take_sought));
  return found;
}

absl::Status StripeGateway::Refund(const RefundRequest& request) {
  const std::optional<int64_t> units = ToProviderUnits(request.amount, request.currency_code);
  if (!units.has_value() || *units == 0) {
    return absl::FailedPreconditionError("the amount is not one that can be refunded");
  }
  if (!IsRequestName(request.refund_id) || !IsProviderId(request.payment_id)) {
    return absl::FailedPreconditionError("the refund's or the payment's id is malformed");
  }
  // Keys are forgotten after a day; the refund's metadata never.
  absl::Status found = FindRefund(request);
  if (!absl::IsNotFound(found)) return found;
  const Answer answer = Post("/v1/refunds",
                             {{"payment_intent", request.payment_id},
                              {"amount", absl::StrCat(*units)},
                              {MetadataField(stripe::kRefundIdKey), request.refund_id}},
                             absl::StrCat("refund:", request.refund_id));
  if (stripe::ErrorCode(answer) == "charge_already_refunded") {
    return absl::AlreadyExistsError("nothing is left to give back");
  }
  FAREBOX_RETURN_IF_ERROR(stripe::StatusOf(answer));
  if (Text(answer.body, "object") != "refund") {
    return absl::UnavailableError("an answer that is not a refund");
  }
  if (Text(answer.body, "status") == "failed") {
    return absl::FailedPreconditionError("the refund failed at the bank");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> StripeGateway::MakeCustomer(absl::string_view account_id) {
  Answer answer;
  for (const absl::string_view key : {"customer:", "customer-again:"}) {
    answer =
        Post("/v1/customers", {{MetadataField(stripe::kAccountIdKey), std::string(account_id)}},
             absl::StrCat(key, account_id));
    // An error that is kept for a day: no customer would come under this key.
    const bool is_spent = answer.is_replayed && !stripe::StatusOf(answer).ok();
    if (!is_spent) break;
  }
  FAREBOX_RETURN_IF_ERROR(stripe::StatusOf(answer));
  std::string customer = Text(answer.body, "id");
  if (customer.empty()) return absl::UnavailableError("an answer that is not a customer");
  return customer;
}

absl::StatusOr<CardSetup> StripeGateway::StartCardSetup(absl::string_view account_id,
                                                        absl::string_view customer,
                                                        absl::string_view return_url) {
  if (!IsRequestName(account_id)) {
    return absl::FailedPreconditionError("the account's id is not one for the provider");
  }
  if (return_url.empty()) return_url = options_.return_url;
  if (return_url.empty()) {
    return absl::FailedPreconditionError("it needs a page to come back to: return_url");
  }
  CardSetup setup = {.customer = std::string(customer)};
  if (setup.customer.empty()) {
    FAREBOX_ASSIGN_OR_RETURN(setup.customer, MakeCustomer(account_id));
  }
  const std::string account(account_id);
  const Answer answer =
      Post("/v1/checkout/sessions",
           {{"mode", "setup"},
            {"payment_method_types[]", "card"},
            {"customer", setup.customer},
            {"success_url", WithSetupId(return_url)},
            {"cancel_url", std::string(return_url)},
            {MetadataField(stripe::kAccountIdKey), account},
            {absl::StrCat("setup_intent_data[metadata][", stripe::kAccountIdKey, "]"), account}},
           {});
  FAREBOX_RETURN_IF_ERROR(stripe::StatusOf(answer));
  setup.setup_id = Text(answer.body, "id");
  setup.url = Text(answer.body, "url");
  if (setup.setup_id.empty()) return absl::UnavailableError("an answer that is not a card setup");
  return setup;
}

absl::StatusOr<ProviderCard> StripeGateway::CompleteCardSetup(absl::string_view account_id,
                                                              absl::string_view setup_id) {
  if (!IsProviderId(setup_id)) return absl::NotFoundError("no such card setup");
  const Answer answer = Get(absl::StrCat("/v1/checkout/sessions/", setup_id),
                            {{"expand[]", "setup_intent.payment_method"}});
  FAREBOX_RETURN_IF_ERROR(stripe::StatusOf(answer));
  // Whose setup it is was written down when it began: nobody takes another's card.
  if (stripe::Metadata(answer.body, stripe::kAccountIdKey) != account_id) {
    return absl::NotFoundError("no such card setup of this account");
  }
  const json& intent = Field(answer.body, "setup_intent");
  if (Text(answer.body, "status") != "complete" || Text(intent, "status") != "succeeded") {
    return absl::FailedPreconditionError(Text(answer.body, "status") == "expired"
                                             ? "the card setup has expired; begin a new one"
                                             : "no card has been entered yet");
  }
  const json& card = Field(intent, "payment_method");
  // Nothing can be charged to it any more.
  if (Field(card, "customer").is_null()) return absl::NotFoundError("the card was removed since");
  const json& customer = Field(answer.body, "customer");
  return stripe::CardOf(
      card, customer.is_object() ? Text(customer, "id") : Text(answer.body, "customer"));
}

absl::Status StripeGateway::DetachCard(const ProviderCard& card) {
  if (!IsProviderId(card.token)) return absl::FailedPreconditionError("the card is malformed");
  const std::string path = absl::StrCat("/v1/payment_methods/", card.token);
  absl::Status detached = stripe::StatusOf(Post(absl::StrCat(path, "/detach"), {}, {}));
  if (absl::IsNotFound(detached)) return absl::OkStatus();
  if (!absl::IsFailedPrecondition(detached)) return detached;
  // Refused: perhaps since it was detached before.
  const Answer answer = Get(path, {});
  const bool is_detached = answer.status == 200 && Text(answer.body, "id") == card.token &&
                           Field(answer.body, "customer").is_null();
  return is_detached ? absl::OkStatus() : detached;
}

absl::Status StripeGateway::ListCharges(absl::Time from, absl::Time to,
                                        ShouldContinue should_continue, VisitCharge visit) {
  bool is_whole = true;
  const auto visit_payment = [&](const json& payment) {
    const std::string attempt_id = stripe::Metadata(payment, stripe::kAttemptIdKey);
    if (attempt_id.empty()) return true;
    const CardCharge charge = stripe::ChargeOf(payment);
    if (charge.state == ChargeState::kCharged) visit(attempt_id, charge);
    is_whole = charge.state != ChargeState::kUnknown;
    return is_whole;
  };
  FAREBOX_RETURN_IF_ERROR(List(kPayments,
                               {{"created[gte]", absl::StrCat(SecondsRoundedUp(from))},
                                {"created[lt]", absl::StrCat(SecondsRoundedUp(to))}},
                               should_continue, visit_payment));
  return is_whole ? absl::OkStatus() : absl::UnavailableError("a payment that cannot be read");
}

absl::StatusOr<PaymentEvent> StripeGateway::ReadEvent(absl::string_view body,
                                                      absl::string_view signature, absl::Time now) {
  FAREBOX_RETURN_IF_ERROR(CheckWebhookSignature(body, signature, options_.webhook_secret, now));
  return stripe::EventOf(body);
}

absl::Status StripeGateway::List(absl::string_view path, Fields query,
                                 ShouldContinue should_continue, VisitObject visit) {
  query.emplace_back("limit", absl::StrCat(kPageSize));
  const size_t fields = query.size();
  for (int page = 0; page < kPagesMax; ++page) {
    if (!should_continue()) return absl::CancelledError("the list is wanted no more");
    const Answer answer = Get(path, query);
    const absl::Status status = stripe::StatusOf(answer);
    // A refusal to list is no proof that there is nothing.
    if (!status.ok()) return absl::UnavailableError(status.message());
    const json& objects = Field(answer.body, "data");
    if (!objects.is_array()) return absl::UnavailableError("an answer that is not a list");
    std::string last;
    for (const json& object : objects) {
      if (!visit(object)) return absl::OkStatus();
      last = Text(object, "id");
    }
    const json& has_more = Field(answer.body, "has_more");
    if (has_more == json(false)) return absl::OkStatus();
    if (has_more != json(true) || last.empty()) {
      return absl::UnavailableError("a list that does not end");
    }
    query.resize(fields);
    query.emplace_back("starting_after", last);
  }
  return absl::UnavailableError("the list is too long");
}

Answer StripeGateway::Get(absl::string_view path, const Fields& query) {
  const std::string encoded = Encode(query);
  return Send({.method = "GET",
               .url = absl::StrCat(options_.base_url, path, encoded.empty() ? "" : "?", encoded)});
}

Answer StripeGateway::Post(absl::string_view path, const Fields& form, absl::string_view key) {
  HttpRequest request = {
      .method = "POST", .url = absl::StrCat(options_.base_url, path), .body = Encode(form)};
  if (!key.empty()) request.headers.push_back(absl::StrCat("Idempotency-Key: ", key));
  return Send(std::move(request));
}

Answer StripeGateway::Send(HttpRequest request) {
  request.headers.push_back(absl::StrCat("Authorization: Bearer ", options_.secret_key));
  request.headers.push_back(absl::StrCat("Stripe-Version: ", options_.api_version));
  const absl::StatusOr<HttpResponse> response = http_.Send(request);
  if (!response.ok()) return {.problem = std::string(response.status().message())};
  return {.status = response->status,
          .body = ParseJson(response->body),
          .is_replayed = response->Header("idempotent-replayed") == "true",
          .retry_after = RetryAfter(response->Header("retry-after"))};
}

}  // namespace farebox::server
