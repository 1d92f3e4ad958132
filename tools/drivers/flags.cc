#include "tools/drivers/flags.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "absl/time/time.h"
#include "client/cpp/request_id.h"
#include "server/rating/decimal.h"
#include "storage/status_macros.h"
#include "tools/drivers/csv_table.h"
#include "tools/drivers/session.h"

namespace farebox::drivers {
namespace {

constexpr int kMoneyDecimals = 6;

client::ClientOptions PatientOptions(const CommonFlags& flags) {
  client::ClientOptions options;
  options.target = flags.server;
  options.timeout = absl::Seconds(flags.patience_seconds);
  options.retry.attempts_max = std::numeric_limits<int>::max();
  // What is played back is to be charged, however late.
  options.calls_max = std::numeric_limits<int>::max();
  options.retry.attempt_timeout = absl::Seconds(2);
  return options;
}

}  // namespace

void AddIdentityFlags(CLI::App* app, IdentityFlags* flags) {
  app->add_option("--api-key-file", flags->api_key_file, "The file with the API key of every call")
      ->check(CLI::ExistingFile);
  app->add_option("--admin-key-file", flags->admin_key_file,
                  "The file with the key that accounts are set up and read back with; the other "
                  "one where there is none")
      ->check(CLI::ExistingFile);
  app->add_option("--tls-ca", flags->tls_ca,
                  "Connect by TLS; the file that has who signed the server's certificate (PEM)")
      ->check(CLI::ExistingFile);
}

absl::StatusOr<client::ClientOptions> WithIdentity(client::ClientOptions options,
                                                   const std::string& key_file,
                                                   const IdentityFlags& flags) {
  if (!key_file.empty()) {
    FAREBOX_ASSIGN_OR_RETURN(const std::string key, ReadFile(key_file));
    options.api_key = std::string(absl::StripAsciiWhitespace(key));
  }
  if (!flags.tls_ca.empty()) {
    options.has_tls = true;
    FAREBOX_ASSIGN_OR_RETURN(options.root_certificates, ReadFile(flags.tls_ca));
  }
  return options;
}

void AddCommonFlags(CLI::App* app, CommonFlags* flags) {
  app->option_defaults()->always_capture_default();
  app->add_option("--server", flags->server, "Where Farebox listens, host:port");
  AddIdentityFlags(app, &flags->identity);
  app->add_option("--deck-csv", flags->deck_csv,
                  "The rate deck of the accounts; the driver reckons with it by itself")
      ->required()
      ->check(CLI::ExistingFile);
  app->add_flag("--accounts-setup", flags->accounts_setup,
                "Create the log's accounts where they do not exist, and credit each of them");
  app->add_option("--opening-balance", flags->opening_balance,
                  "What --accounts-setup credits to each account, in currency units");
  app->add_option("--currency", flags->currency, "Of the accounts that are created");
  app->add_option("--deck", flags->deck, "Of the accounts that are created");
  app->add_flag("--import-deck", flags->import_deck,
                "Import --deck-csv as the deck named by --deck first");
  app->add_option("--patience", flags->patience_seconds,
                  "Seconds that a request is repeated, under its id, while the server is away")
      ->check(CLI::Range(1, 86'400));
  app->add_option("--limit", flags->limit, "Play only so many lines of the log; 0: all")
      ->check(CLI::NonNegativeNumber);
  app->add_option("--repeat-rate", flags->repeat_rate,
                  "Share of the requests that are sent twice; the answers must be the same")
      ->check(CLI::Range(0.0, 1.0));
  app->add_option("--seed", flags->seed, "Of all that is left to chance");
  app->add_option("--run-id", flags->run_id,
                  "Begins the request ids. Use the id of an earlier run only to repeat that run");
}

std::optional<int> ParseFlags(CLI::App* app, int argc, char** argv) {
  try {
    app->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app->exit(error) == 0 ? kExitClean : kExitFailed;
  }
  return std::nullopt;
}

int PerMille(double rate) { return static_cast<int>(rate * 1000 + 0.5); }

std::string RunIdOf(const CommonFlags& flags) {
  return flags.run_id.empty() ? client::MakeRequestId() : flags.run_id;
}

absl::StatusOr<client::ClientOptions> ClientOptionsOf(const CommonFlags& flags) {
  return WithIdentity(PatientOptions(flags), flags.identity.api_key_file, flags.identity);
}

absl::StatusOr<client::ClientOptions> AdminOptionsOf(const CommonFlags& flags) {
  const IdentityFlags& identity = flags.identity;
  return WithIdentity(
      PatientOptions(flags),
      identity.admin_key_file.empty() ? identity.api_key_file : identity.admin_key_file, identity);
}

absl::Status Prepare(const CommonFlags& flags, absl::string_view deck_csv,
                     const std::string& run_id, const std::vector<std::string>& account_ids,
                     client::Client* client) {
  if (flags.import_deck) {
    FAREBOX_RETURN_IF_ERROR(client->ImportRates(flags.deck, deck_csv).status());
  }
  if (!flags.accounts_setup) return absl::OkStatus();
  FAREBOX_ASSIGN_OR_RETURN(const int64_t opening_micros,
                           rating::ParseDecimal(flags.opening_balance, kMoneyDecimals));
  return SetUpAccounts(client,
                       {.deck = flags.deck,
                        .currency_code = flags.currency,
                        .opening_micros = opening_micros,
                        .run_id = run_id},
                       account_ids);
}

}  // namespace farebox::drivers
