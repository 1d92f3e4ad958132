#ifndef FAREBOX_SERVER_RECHARGE_STRIPE_OBJECTS_H_
#define FAREBOX_SERVER_RECHARGE_STRIPE_OBJECTS_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/recharge/payment_gateway.h"

// What Stripe's JSON means here. Pure.
namespace farebox::server::stripe {

// One answer of the API.
struct Answer {
  // Of HTTP; 0 where there was no complete answer.
  int status = 0;
  // Null where it was not JSON.
  nlohmann::json body;
  // The answer to an earlier request under the same key, as it was then.
  bool is_replayed = false;
  absl::Duration retry_after = absl::ZeroDuration();
  // Where there is no answer: why.
  std::string problem;
};

// Metadata that Farebox adds to what it makes.
inline constexpr char kAttemptIdKey[] = "attempt_id";
inline constexpr char kAccountIdKey[] = "account_id";
inline constexpr char kRefundIdKey[] = "refund_id";

// The value under `key` in an object's metadata; empty where there is none.
std::string Metadata(const nlohmann::json& object, const char* key);

// The state of a PaymentIntent. kUnknown where it is not a whole one.
CardCharge ChargeOf(const nlohmann::json& payment_intent);

// What an answer that should be a PaymentIntent says of an attempt. Only the provider's own words
// refuse a request: an error without them (a proxy's page, say) is kUnknown.
CardCharge ChargeOf(const Answer& answer, absl::string_view attempt_id);

// The type of the error that an answer is, e.g. "idempotency_error"; empty where it is none.
std::string ErrorType(const Answer& answer);
// Its code, e.g. "charge_already_refunded", in the same way.
std::string ErrorCode(const Answer& answer);

// An answer where money is not concerned: OK for success, NotFound, FailedPrecondition for the
// provider's own refusals, Unavailable for anything else.
absl::Status StatusOf(const Answer& answer);

// The card of a PaymentMethod of `customer`.
absl::StatusOr<ProviderCard> CardOf(const nlohmann::json& payment_method,
                                    absl::string_view customer);

// The body of a webhook, after its signature was found good.
absl::StatusOr<PaymentEvent> EventOf(absl::string_view body);

}  // namespace farebox::server::stripe

#endif  // FAREBOX_SERVER_RECHARGE_STRIPE_OBJECTS_H_
