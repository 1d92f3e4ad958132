#include "server/payment_provider.h"

#include <fstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

absl::StatusOr<std::string> ReadSecret(const std::string& file, absl::string_view option) {
  std::ifstream input(file);
  std::string line;
  std::getline(input, line);
  std::string secret(absl::StripAsciiWhitespace(line));
  if (!secret.empty()) return secret;
  // Without the line: it might be half a secret.
  return absl::InvalidArgumentError(
      absl::StrCat(option, " ", file, " cannot be read, or its first line is empty"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SimulatedGateway>> MakeSimulatedGateway(
    const std::string& data_directory, const std::string& page_url,
    const std::string& webhook_secret, const Clock* clock) {
  return SimulatedGateway::Create({.file = data_directory + "/simulated-payments.db",
                                   .webhook_secret = webhook_secret,
                                   .page_url = page_url,
                                   .clock = clock});
}

absl::StatusOr<std::unique_ptr<StripeGateway>> MakeStripeGateway(
    const PaymentProviderOptions& options, std::function<bool()> should_continue) {
  StripeGateway::Options stripe = {.base_url = options.stripe_url,
                                   .api_version = options.stripe_version,
                                   .return_url = options.return_url,
                                   .should_continue = std::move(should_continue)};
  FAREBOX_ASSIGN_OR_RETURN(stripe.secret_key,
                           ReadSecret(options.stripe_key_file, "--stripe-key-file"));
  if (!options.stripe_webhook_secret_file.empty()) {
    FAREBOX_ASSIGN_OR_RETURN(stripe.webhook_secret, ReadSecret(options.stripe_webhook_secret_file,
                                                               "--stripe-webhook-secret-file"));
  }
  return StripeGateway::Create(std::move(stripe));
}

}  // namespace farebox::server
