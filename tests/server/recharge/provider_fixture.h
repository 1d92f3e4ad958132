#ifndef FAREBOX_TESTS_SERVER_RECHARGE_PROVIDER_FIXTURE_H_
#define FAREBOX_TESTS_SERVER_RECHARGE_PROVIDER_FIXTURE_H_

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/recharge/payment_gateway.h"
#include "storage/clock.h"
#include "tests/support/status_matchers.h"

namespace farebox::server {

// Of a charge.
MATCHER_P(IsIn, state, "") {
  *result_listener << ChargeStateName(arg.state) << ": " << arg.message;
  return arg.state == state;
}

// A provider and a gateway that talks to it, from the side that no gateway sees: the customer's.
class Provider {
 public:
  virtual ~Provider() = default;
  virtual PaymentGateway& gateway() = 0;
  virtual std::string webhook_secret() const = 0;
  // Enters a test card on the page of a setup.
  virtual void EnterCard(const std::string& setup_id, const std::string& token) = 0;
  // Confirms a charge on the bank's page.
  virtual void Confirm(const std::string& payment_id) = 0;
};

std::unique_ptr<Provider> MakeSimulatedProvider(Clock* clock);
std::unique_ptr<Provider> MakeFakeStripeProvider(Clock* clock);

// 20.00 EUR of a test card, for the account "acme".
ChargeRequest RequestFor(const std::string& attempt_id, const std::string& token = "pm_card_visa");

// All charges of the gateway's provider: attempt ids and micros, in the order of the ids.
std::vector<std::pair<std::string, int64_t>> AllCharges(PaymentGateway& gateway);

}  // namespace farebox::server

#endif  // FAREBOX_TESTS_SERVER_RECHARGE_PROVIDER_FIXTURE_H_
