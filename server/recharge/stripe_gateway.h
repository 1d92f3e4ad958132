#ifndef FAREBOX_SERVER_RECHARGE_STRIPE_GATEWAY_H_
#define FAREBOX_SERVER_RECHARGE_STRIPE_GATEWAY_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/recharge/http_client.h"
#include "server/recharge/payment_gateway.h"
#include "server/recharge/stripe_objects.h"

namespace farebox::server {

// Charges cards through Stripe's API: PaymentIntents that are confirmed off-session under the
// attempt's id as Idempotency-Key, and Checkout in setup mode for registering a card. Thread-safe.
//
// What is certain and what is not:
//   - Only Stripe's own words decide. An answer without them (a proxy's page, cut JSON, another
//     payment) is kUnknown, whatever its HTTP status.
//   - Stripe keeps the first answer under a key and gives it again, a 500 included, for a day. An
//     answer that is marked as such is old: unless it is a success, the payment itself is looked
//     up.
//   - The same for idempotency_error (the key was used with another body, by another version of
//     this program, say) and for a refusal of what may have been delivered before.
//   - Payments are looked up by listing them: Stripe's search lags behind by up to a minute.
class StripeGateway : public PaymentGateway {
 public:
  struct Options {
    // http:// is taken for this machine only.
    std::string base_url = "https://api.stripe.com";
    // The webhook endpoint is to be made with this version too: events have its shape.
    std::string api_version = "2024-10-28.acacia";
    std::string secret_key;
    // Of the webhook endpoint. Without it every webhook is refused.
    std::string webhook_secret;
    // Where customers come back to from their bank after confirming a payment. Without it there is
    // no page to send them to.
    std::string return_url;
    // Asked before each page of a list that no caller bounds, and that may have a thousand: without
    // a yes it has no answer.
    std::function<bool()> should_continue = [] { return true; };
    HttpClient::Options http;
  };

  // InvalidArgument names the option that is wrong.
  static absl::StatusOr<std::unique_ptr<StripeGateway>> Create(Options options);

  CardCharge TakeCharge(const ChargeRequest& request) override;
  CardCharge FindCharge(const ChargeReference& reference) override;
  // The same payment, confirmed as if the customer were there, under a key of its own: where
  // TakeCharge has asked before, it is the same page.
  CardCharge AskCustomer(const ChargeRequest& request, CardCharge found) override;
  absl::StatusOr<std::string> FindAttemptOf(absl::string_view payment_id) override;
  CardCharge CancelCharge(const ChargeReference& reference) override;
  absl::Status Refund(const RefundRequest& request) override;
  absl::StatusOr<CardSetup> StartCardSetup(absl::string_view account_id, absl::string_view customer,
                                           absl::string_view return_url) override;
  absl::StatusOr<ProviderCard> CompleteCardSetup(absl::string_view account_id,
                                                 absl::string_view setup_id) override;
  absl::Status DetachCard(const ProviderCard& card) override;
  absl::Status ListCharges(absl::Time from, absl::Time to, ShouldContinue should_continue,
                           VisitCharge visit) override;
  absl::StatusOr<PaymentEvent> ReadEvent(absl::string_view body, absl::string_view signature,
                                         absl::Time now) override;

 private:
  // Names and values of a form or a query.
  using Fields = std::vector<std::pair<std::string, std::string>>;
  // False ends a list early.
  using VisitObject = absl::FunctionRef<bool(const nlohmann::json& object)>;

  explicit StripeGateway(Options options);

  stripe::Answer Get(absl::string_view path, const Fields& query);
  stripe::Answer Post(absl::string_view path, const Fields& form, absl::string_view key);
  stripe::Answer Send(HttpRequest request);
  // Visits all objects of a list, newest first.
  absl::Status List(absl::string_view path, Fields query, ShouldContinue should_continue,
                    VisitObject visit);

  // What became of a charge whose delivery was answered with something old or doubtful.
  CardCharge Settle(const ChargeRequest& request, bool is_replayed, CardCharge answered);
  // OK where the refund was made before; NotFound where it was not.
  absl::Status FindRefund(const RefundRequest& request);
  absl::StatusOr<std::string> MakeCustomer(absl::string_view account_id);

  // Constant after construction.
  const Options options_;

  // Synchronises itself.
  HttpClient http_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_STRIPE_GATEWAY_H_
