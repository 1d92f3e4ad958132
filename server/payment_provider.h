#ifndef FAREBOX_SERVER_PAYMENT_PROVIDER_H_
#define FAREBOX_SERVER_PAYMENT_PROVIDER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/recharge/simulated_gateway.h"
#include "server/recharge/stripe_gateway.h"

namespace farebox::server {

// Who charges cards.
enum class PaymentProvider {
  // Nobody: there is no RechargeService.
  kNone,
  // A provider that charges nobody, with a file of its own beside the ledger: for trying out.
  kSimulated,
  kStripe,
};

// What an operator sets of the provider. Secrets are in files, so that none is on a command line,
// in an environment, or in a log.
struct PaymentProviderOptions {
  PaymentProvider provider = PaymentProvider::kNone;
  // The first line is the key.
  std::string stripe_key_file;
  // The same for the secret that webhooks are signed with; empty: there are no webhooks.
  std::string stripe_webhook_secret_file;
  std::string stripe_url = StripeGateway::Options().base_url;
  std::string stripe_version = StripeGateway::Options().api_version;
  // Where customers come back to from their bank.
  std::string return_url;
};

// A simulated provider whose pages are at `page_url`; empty: it has none.
absl::StatusOr<std::unique_ptr<SimulatedGateway>> MakeSimulatedGateway(
    const std::string& data_directory, const std::string& page_url,
    const std::string& webhook_secret, const Clock* clock);

// InvalidArgument names the option that is wrong. `should_continue`: see StripeGateway::Options.
absl::StatusOr<std::unique_ptr<StripeGateway>> MakeStripeGateway(
    const PaymentProviderOptions& options,
    std::function<bool()> should_continue = [] { return true; });

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_PAYMENT_PROVIDER_H_
