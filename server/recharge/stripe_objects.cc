#include "server/recharge/stripe_objects.h"

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/limits.h"
#include "server/recharge/json_fields.h"
#include "server/recharge/provider_amount.h"
#include "server/recharge/provider_id.h"
#include "server/recharge/safe_message.h"

namespace farebox::server::stripe {
namespace {

using ::nlohmann::json;

constexpr absl::string_view kAuthenticationRequired = "authentication_required";

CardCharge Unknown(absl::string_view message, absl::Duration retry_after = absl::ZeroDuration()) {
  return {
      .state = ChargeState::kUnknown, .message = SafeMessage(message), .retry_after = retry_after};
}

// A name of the provider's: an id, a code. Empty where it does not look like one.
std::string Name(const json& object, const char* field) {
  std::string name = Text(object, field);
  return IsProviderId(name) ? name : std::string();
}

// An id, or an object in its place, as fields that can be expanded have.
std::string IdIn(const json& object, const char* name) {
  const json& field = Field(object, name);
  return field.is_object() ? Name(field, "id") : Name(object, name);
}

// A page that a customer can be sent to.
std::string PageIn(const json& object, const char* name) {
  std::string url = Text(object, name);
  const bool is_page = url.size() <= limits::kUrlBytesMax && absl::StartsWith(url, "https://");
  return is_page ? url : std::string();
}

// What a card error, of an answer or within a PaymentIntent, makes of a charge.
void AddError(const json& error, CardCharge* charge) {
  const std::string code = Name(error, "code");
  const std::string decline_code = Name(error, "decline_code");
  charge->decline_code = decline_code.empty() ? code : decline_code;
  charge->advice_code = Name(error, "advice_code");
  charge->message = SafeMessage(Text(error, "message"));
  const bool asks_customer =
      code == kAuthenticationRequired || charge->decline_code == kAuthenticationRequired;
  charge->state = asks_customer ? ChargeState::kActionRequired : ChargeState::kDeclined;
}

// A payment that waits for a way to be paid: refused, or never tried.
void AddRefusal(const json& payment_intent, CardCharge* charge) {
  const json& error = Field(payment_intent, "last_payment_error");
  if (!Text(error, "code").empty()) {
    AddError(error, charge);
  } else {
    charge->state = ChargeState::kPending;
    charge->message = "created, but not confirmed";
  }
}

// Money that was received; an amount that cannot be read is not a success.
void AddSuccess(const json& payment_intent, CardCharge* charge) {
  const std::optional<int64_t> units = Integer(payment_intent, "amount_received");
  const std::optional<Micros> amount =
      units.has_value() ? FromProviderUnits(*units, charge->currency_code) : std::nullopt;
  if (!amount.has_value()) {
    charge->message = "succeeded, with an amount that cannot be read";
    return;
  }
  charge->state = ChargeState::kCharged;
  charge->amount = *amount;
}

// A wrong key, or one that may not do this: the operator's, whatever was asked for.
bool IsOfKey(int status) { return status == 401 || status == 403; }

bool IsOwnRefusal(int status) { return status == 400 || status == 404 || IsOfKey(status); }

std::string Problem(const Answer& answer) {
  if (answer.status == 0) return answer.problem;
  if (!answer.body.is_object()) {
    return absl::StrCat("HTTP ", answer.status, " with an answer that cannot be read");
  }
  const std::string message = Text(Field(answer.body, "error"), "message");
  return absl::StrCat("HTTP ", answer.status, message.empty() ? "" : ": ", message);
}

}  // namespace

std::string Metadata(const json& object, const char* key) {
  return Text(Field(object, "metadata"), key);
}

std::string ErrorType(const Answer& answer) {
  if (answer.status < 400) return {};
  return Text(Field(answer.body, "error"), "type");
}

std::string ErrorCode(const Answer& answer) {
  if (answer.status < 400) return {};
  return Text(Field(answer.body, "error"), "code");
}

CardCharge ChargeOf(const json& payment_intent) {
  CardCharge charge;
  charge.payment_id = Name(payment_intent, "id");
  if (Text(payment_intent, "object") != "payment_intent" || charge.payment_id.empty()) {
    return Unknown("an answer that is not a payment");
  }
  charge.currency_code = absl::AsciiStrToUpper(Text(payment_intent, "currency"));
  const std::string account_id = Metadata(payment_intent, kAccountIdKey);
  if (IsRequestName(account_id)) charge.account_id = account_id;
  if (const std::optional<int64_t> created = Integer(payment_intent, "created")) {
    charge.create_time = absl::FromUnixSeconds(*created);
  }
  const std::string status = Text(payment_intent, "status");
  if (status == "succeeded") {
    AddSuccess(payment_intent, &charge);
  } else if (status == "requires_action") {
    charge.state = ChargeState::kActionRequired;
    charge.decline_code = std::string(kAuthenticationRequired);
    const json& redirect = Field(Field(payment_intent, "next_action"), "redirect_to_url");
    charge.action_url = PageIn(redirect, "url");
  } else if (status == "requires_payment_method") {
    AddRefusal(payment_intent, &charge);
  } else if (status == "canceled") {
    charge.state = ChargeState::kDeclined;
    charge.decline_code = std::string(kCancelledCode);
  } else if (status == "processing" || status == "requires_confirmation" ||
             status == "requires_capture") {
    charge.state = ChargeState::kPending;
    charge.message = status;
  } else {
    charge.message = SafeMessage(absl::StrCat("a payment in the state \"", status, "\""));
  }
  return charge;
}

CardCharge ChargeOf(const Answer& answer, absl::string_view attempt_id) {
  if (!answer.body.is_object()) return Unknown(Problem(answer), answer.retry_after);
  if (answer.status == 200) {
    CardCharge charge = ChargeOf(answer.body);
    charge.retry_after = answer.retry_after;
    if (Metadata(answer.body, kAttemptIdKey) == attempt_id) return charge;
    return Unknown("an answer about another payment", answer.retry_after);
  }
  const json& error = Field(answer.body, "error");
  const std::string type = Text(error, "type");
  CardCharge charge = Unknown(Problem(answer), answer.retry_after);
  charge.payment_id = IdIn(error, "payment_intent");
  if (answer.status == 402 && type == "card_error") {
    AddError(error, &charge);
  } else if (IsOwnRefusal(answer.status) && !type.empty() && type != "idempotency_error") {
    // An idempotency_error says that the key was used before, with another body: there may be a
    // charge under it.
    charge.state = ChargeState::kRejected;
    charge.is_misconfigured = IsOfKey(answer.status);
  }
  return charge;
}

absl::Status StatusOf(const Answer& answer) {
  if (answer.status == 200 && answer.body.is_object()) return absl::OkStatus();
  const std::string problem = SafeMessage(Problem(answer));
  const bool is_refusal = !ErrorType(answer).empty() &&
                          (IsOwnRefusal(answer.status) || answer.status == 402) &&
                          ErrorType(answer) != "idempotency_error";
  if (!is_refusal) return absl::UnavailableError(problem);
  if (answer.status == 404) return absl::NotFoundError(problem);
  return absl::FailedPreconditionError(problem);
}

absl::StatusOr<ProviderCard> CardOf(const json& payment_method, absl::string_view customer) {
  const json& card = Field(payment_method, "card");
  ProviderCard found = {
      .token = Text(payment_method, "id"),
      .customer = std::string(customer),
      .brand = Text(card, "brand"),
      .last_four = Text(card, "last4"),
      .expiry_month = static_cast<int>(Integer(card, "exp_month").value_or(0)),
      .expiry_year = static_cast<int>(Integer(card, "exp_year").value_or(0)),
  };
  const bool is_whole = !found.token.empty() && !found.customer.empty() &&
                        found.last_four.size() <= 4 && found.expiry_month >= 1 &&
                        found.expiry_month <= 12 && found.expiry_year > 0;
  if (!is_whole) return absl::UnavailableError("an answer that is not a card");
  return found;
}

absl::StatusOr<PaymentEvent> EventOf(absl::string_view body) {
  const json event = ParseJson(body);
  PaymentEvent read = {.event_id = Text(event, "id")};
  const std::string type = Text(event, "type");
  const json& object = Field(Field(event, "data"), "object");
  if (read.event_id.empty() || type.empty() || !object.is_object()) {
    return absl::InvalidArgumentError("not an event");
  }
  const bool is_undone = type == "charge.dispute.funds_reinstated" || type == "refund.failed" ||
                         (type == "refund.updated" && Text(object, "status") == "canceled");
  if (type == "payment_intent.succeeded" || type == "payment_intent.payment_failed" ||
      type == "payment_intent.canceled" || type == "payment_intent.processing" ||
      type == "payment_intent.requires_action") {
    read.kind = PaymentEvent::Kind::kCharge;
    read.attempt_id = Metadata(object, kAttemptIdKey);
    read.charge = ChargeOf(object);
  } else if (type == "charge.dispute.funds_withdrawn" || type == "refund.created" || is_undone) {
    read.kind = is_undone ? PaymentEvent::Kind::kMoneyBackUndone : PaymentEvent::Kind::kMoneyBack;
    read.cause_id = Name(object, "id");
    read.refund_id = Metadata(object, kRefundIdKey);
    read.charge.payment_id = IdIn(object, "payment_intent");
    read.charge.currency_code = absl::AsciiStrToUpper(Text(object, "currency"));
    const std::optional<Micros> amount =
        FromProviderUnits(Integer(object, "amount").value_or(-1), read.charge.currency_code);
    if (!amount.has_value()) return absl::InvalidArgumentError("an event without its amount");
    read.charge.amount = *amount;
  }
  return read;
}

}  // namespace farebox::server::stripe
