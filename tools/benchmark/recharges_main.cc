// Keeps the cards of many accounts being charged: registers a test card for each, and lets their
// balances fall low again as soon as they were recharged, or a pause later. Ends when standard
// input does, and says how many charges there were. For a server with --payments simulated.

#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/cpp/client.h"
#include "tools/drivers/flags.h"

namespace farebox {
namespace {

constexpr int64_t kUnit = 1'000'000;

std::string AccountId(int number) { return absl::StrCat("recharged-", number); }

absl::Status Prepare(client::Client* client, const std::string& account_id,
                     const std::string& card) {
  v1::CreateAccountRequest create;
  create.mutable_account()->set_account_id(account_id);
  create.mutable_account()->set_currency_code("USD");
  create.set_request_id("open");
  absl::Status status = client->CreateAccount(create).status();
  v1::StartCardSetupRequest start;
  start.set_account_id(account_id);
  absl::StatusOr<v1::StartCardSetupResponse> setup;
  if (status.ok()) {
    setup = client->StartCardSetup(start);
    status = setup.status();
  }
  if (status.ok()) {
    v1::CompleteCardSetupRequest complete;
    complete.set_account_id(account_id);
    complete.set_setup_id(absl::StrCat(setup->setup_id(), ":", card));
    status = client->CompleteCardSetup(complete).status();
  }
  if (!status.ok()) return status;
  v1::UpdateAutoRechargeRequest update;
  update.set_account_id(account_id);
  v1::AutoRecharge& settings = *update.mutable_auto_recharge();
  settings.set_enabled(true);
  settings.set_amount_micros(60 * kUnit);
  settings.set_threshold_micros(15 * kUnit);
  settings.set_failure_email("nobody@example.org");
  settings.set_daily_charges_max(100);
  settings.set_monthly_sum_max_micros(100'000 * kUnit);
  return client->UpdateAutoRecharge(update).status();
}

// Takes what a recharge brings from every account that has it.
absl::StatusOr<int> DebitAll(client::Client* client, int accounts) {
  v1::ApplyBatchRequest batch;
  for (int i = 0; i < accounts; ++i) {
    v1::DebitRequest& debit = *batch.add_operations()->mutable_debit();
    debit.set_account_id(AccountId(i));
    debit.set_amount_micros(60 * kUnit);
    debit.set_item(v1::ITEM_ADJUSTMENT);
  }
  const auto answer = client->ApplyBatch(batch);
  if (!answer.ok()) return answer.status();
  int debited = 0;
  for (const auto& result : answer->results()) debited += result.has_debit() ? 1 : 0;
  return debited;
}

bool InputHasEnded(int wait_ms) {
  pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  char byte = 0;
  return poll(&input, 1, wait_ms) > 0 && read(STDIN_FILENO, &byte, 1) == 0;
}

int Run(const client::ClientOptions& options, int accounts, const std::string& card, int pause_ms) {
  client::Client client(options);
  for (int i = 0; i < accounts; ++i) {
    const absl::Status status = Prepare(&client, AccountId(i), card);
    if (status.ok()) continue;
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    return 1;
  }
  std::puts("ready");
  std::fflush(stdout);
  int64_t charges = 0;
  while (!InputHasEnded(pause_ms)) {
    const absl::StatusOr<int> debited = DebitAll(&client, accounts);
    if (debited.ok()) charges += *debited;
  }
  std::printf("%lld\n", static_cast<long long>(charges));
  return 0;
}

}  // namespace
}  // namespace farebox

int main(int argc, char** argv) {
  CLI::App app("Keeps the cards of many accounts being charged");
  farebox::client::ClientOptions options;
  farebox::drivers::IdentityFlags identity;
  int accounts = 1'000;
  int pause_ms = 200;
  std::string card = "pm_card_visa";
  app.add_option("--server", options.target, "host:port")->capture_default_str();
  farebox::drivers::AddIdentityFlags(&app, &identity);
  app.add_option("--accounts", accounts, "accounts")->capture_default_str();
  app.add_option("--card", card, "test card")->capture_default_str();
  app.add_option("--pause-ms", pause_ms, "before the balances fall again")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const auto identified = farebox::drivers::WithIdentity(options, identity.api_key_file, identity);
  if (!identified.ok()) {
    std::fprintf(stderr, "%s\n", identified.status().ToString().c_str());
    return 1;
  }
  return farebox::Run(*identified, accounts, card, pause_ms);
}
