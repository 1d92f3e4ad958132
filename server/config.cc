#include "server/config.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "server/exit_codes.h"
#include "server/mail_options.h"
#include "server/web/http_listener.h"
#include "server/whole_number.h"

namespace farebox::server {
namespace {

constexpr char kDescription[] =
    "Farebox decides, before a call is connected or a text is sent, whether the account can pay,\n"
    "holds the money, and charges exactly what was used.\n"
    "\n"
    "Everything is kept in one directory, which one server owns at a time. An answer means that\n"
    "the change is on disk.";

constexpr char kFooter[] =
    "Every option can also be set in the environment (FAREBOX_LISTEN for --listen) or in the file\n"
    "that --config names, as lines such as\n"
    "\n"
    "    listen = \"127.0.0.1:50051\"\n"
    "    data = \"/var/lib/farebox\"\n"
    "\n"
    "A flag wins over the environment, and that over the file.\n"
    "\n"
    "Examples:\n"
    "    farebox-server --data /var/lib/farebox\n"
    "    farebox-server --data /tmp/try --listen 127.0.0.1:0 --port-file /tmp/try.port\n"
    "    grpcurl -plaintext localhost:50051 describe farebox.v1.BillingService\n"
    "\n"
    "Signals: TERM or INT drains (running calls are answered, then the server exits); a second "
    "one\n"
    "kills. USR2 hands over to a new process of the program and the settings that are on disk.\n"
    "Exit codes: 0 drained, 64 wrong flag, 65 the files are foreign, too new or damaged, 69 "
    "cannot\n"
    "listen, 70 the disk failed (start again: the journal is replayed), 75 another process owns\n"
    "the files.";

constexpr int64_t kMicros = 1'000'000;
constexpr int64_t kMebibyte = 1024 * 1024;

// "--log-format" -> "FAREBOX_LOG_FORMAT".
std::string EnvironmentName(absl::string_view option) {
  return absl::StrCat("FAREBOX_", absl::AsciiStrToUpper(absl::StrReplaceAll(option, {{"-", "_"}})));
}

// What the environment sets an option to. Set to nothing counts as not set, as it does for CLI11.
const char* InEnvironment(absl::string_view option) {
  // Nothing here changes the environment.
  // NOLINTNEXTLINE(concurrency-mt-unsafe)
  const char* const value = std::getenv(EnvironmentName(option).c_str());
  return value == nullptr || *value == '\0' ? nullptr : value;
}

// Leaves out of the file what the environment sets: CLI11 would let the file win.
class ConfigFile : public CLI::ConfigTOML {
 public:
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::vector<CLI::ConfigItem> kept = CLI::ConfigTOML::from_config(input);
    kept.erase(std::remove_if(
                   kept.begin(), kept.end(),
                   [](const CLI::ConfigItem& item) { return InEnvironment(item.name) != nullptr; }),
               kept.end());
    return kept;
  }
};

// What the options are read into before they take their form in Config.
struct RawOptions {
  double connection_idle_seconds = 0;
  double connection_age_seconds = 0;
  double connection_age_grace_seconds = 0;
  double drain_grace_seconds = 0;
  double drain_timeout_seconds = 0;
  double request_window_hours = 0;
  int64_t free_disk_min_mib = 0;
  int64_t number_grace_days = 0;
  std::vector<std::string> recharge_limits;
  std::vector<std::string> certificate_roles;
  int64_t support_credit_max = 0;
  std::string smtp_password_file;
  std::string key_rate;
  std::string account_rate;
};

// CLI::Range, to which "nan" is within every range.
CLI::Validator Between(double min, double max) {
  const CLI::Validator range = CLI::Range(min, max);
  CLI::Validator between = range;
  return between.operation([range](std::string& text) -> std::string {
    const bool is_number = !std::isnan(std::strtod(text.c_str(), nullptr));
    return is_number ? range(text) : absl::StrCat("\"", text, "\" is not a number");
  });
}

void AddOptions(CLI::App* app, Config* config, RawOptions* raw) {
  app->add_option("--data", config->data_directory, "Directory of the ledger; made if missing")
      ->capture_default_str();
  app->add_option("--backup-directory", config->backup_directory,
                  "Directory for backups of the ledger, best on another disk; none are made by "
                  "default");
  app->add_option("--listen", config->listen,
                  "Address and port, or unix:PATH; port 0 takes a free one")
      ->capture_default_str();
  app->add_flag("--insecure-listen-anywhere", config->insecure_listen_anywhere,
                "Let --listen be an address that other machines can reach although there is no TLS "
                "or nobody is asked who they are: WHOEVER REACHES THE PORT CAN MOVE MONEY");
  app->add_option("--port-file", config->port_file,
                  "Write the port to this file once calls are taken");
  app->add_option("--drain-grace", raw->drain_grace_seconds,
                  "Seconds that health says NOT_SERVING before connections are told to go away")
      ->check(Between(0.0, 3600.0))
      ->capture_default_str();
  app->add_option("--drain-timeout", raw->drain_timeout_seconds,
                  "Seconds that running calls may take to end while draining")
      ->check(Between(0.1, 3600.0))
      ->capture_default_str();
  app->add_option(
         "--request-window", raw->request_window_hours,
         "Hours for which request ids are kept in memory; older ones are looked up on disk")
      ->check(Between(0.01, 24.0 * 366))
      ->capture_default_str();
  app->add_option("--queue-max", config->queued_commands_max,
                  "Changes that may wait for the disk; more are answered OVERLOADED")
      ->transform(WholeNumber(1, limits::kQueuedCommandsMax))
      ->capture_default_str();
  app->add_option(
         "--key-rate", raw->key_rate,
         "Calls a second that each API key or client certificate may make, and how many at "
         "once; any number by default")
      ->type_name("CALLS[:BURST]");
  app->add_option("--account-rate", raw->account_rate,
                  "The same for calls about one account; what ends calls is never refused for it")
      ->type_name("CALLS[:BURST]");
  app->add_option("--free-disk-min", raw->free_disk_min_mib,
                  "MiB of free disk below which only running calls are ended; below a quarter of "
                  "it, nothing is changed")
      ->transform(WholeNumber(1, 1024 * 1024))
      ->capture_default_str();
  app->add_option("--number-grace-days", raw->number_grace_days,
                  "Days that a number is kept whose month could not be paid")
      ->transform(WholeNumber(1, 366))
      ->capture_default_str();
  app->add_option("--reader-threads", config->reader_threads, "Threads for queries of the journal")
      ->transform(WholeNumber(1, 64))
      ->capture_default_str();
}

void AddConnectionOptions(CLI::App* app, Config* config, RawOptions* raw) {
  app->add_option("--connections-max", config->connections.connections_max,
                  "gRPC connections at once; more are closed. Each needs two file descriptors")
      ->transform(WholeNumber(1, 1'000'000))
      ->capture_default_str();
  app->add_option("--connections-per-host-max", config->connections.connections_per_host_max,
                  "The same of one address, or one /64 of IPv6, that is not this machine's")
      ->transform(WholeNumber(1, 1'000'000))
      ->capture_default_str();
  app->add_option("--calls-per-connection-max", config->calls_per_connection_max,
                  "Calls and streams at once on one connection; a client keeps back what is more")
      ->transform(WholeNumber(1, 100'000))
      ->capture_default_str();
  app->add_option("--connection-idle", raw->connection_idle_seconds,
                  "Seconds without a call after which a connection is told to go away")
      ->check(Between(1.0, 864'000.0))
      ->capture_default_str();
  app->add_option("--connection-age", raw->connection_age_seconds,
                  "Seconds after which any connection is told to go away, give or take a tenth")
      ->check(Between(1.0, 864'000.0))
      ->capture_default_str();
  app->add_option("--connection-age-grace", raw->connection_age_grace_seconds,
                  "Seconds after that in which calls and streams on it may end")
      ->check(Between(0.1, 86'400.0))
      ->capture_default_str();
}

void AddAccessOptions(CLI::App* app, AccessOptions* access, RawOptions* raw) {
  static const std::map<std::string, AccessMode> kModes = {{"open", AccessMode::kOpen},
                                                           {"keys", AccessMode::kKeys}};
  app->add_option("--access", access->mode,
                  "Whether callers are asked who they are: open lets in whoever reaches the port, "
                  "keys wants an API key or a client certificate")
      ->transform(CLI::CheckedTransformer(kModes).description("open or keys"))
      ->type_name("WORD")
      ->default_str("open");
  app->add_option("--admin-key-file", access->admin_key_file,
                  "File that a first key of an admin is written to where there is none yet");
  app->add_option("--certificate-role", raw->certificate_roles,
                  "What a client certificate may do, as NAME=ROLE: by its SPIFFE id, or by "
                  "CN=COMMON-NAME where it has none. May be repeated")
      ->type_name("NAME=ROLE");
  app->add_option("--support-credit-max", raw->support_credit_max,
                  "The most, in whole units, that support staff credits at once")
      ->transform(WholeNumber(0, 1'000'000'000))
      ->capture_default_str();
}

void AddTlsOptions(CLI::App* app, TlsOptions* tls) {
  CLI::Option* const certificate =
      app->add_option("--tls-cert", tls->certificate_file,
                      "PEM file of the server's certificate and those up to its root: TLS 1.3 on "
                      "both listeners. Read again when it changes");
  app->add_option("--tls-key", tls->key_file, "PEM file of the certificate's key")
      ->needs(certificate);
  certificate->needs(app->get_option("--tls-key"));
  app->add_option("--tls-client-ca", tls->client_ca_file,
                  "PEM file of who signs the certificates of clients: every gRPC client must then "
                  "show one, and clients of HTTP are asked for one")
      ->needs(certificate);
  app->add_flag("--http-needs-client-certificate", tls->http_needs_client_certificate,
                "Let nobody connect by HTTP without a client certificate: no browsers, no webhooks")
      ->needs(app->get_option("--tls-client-ca"));
}

void AddPaymentOptions(CLI::App* app, Config* config, RawOptions* raw) {
  static const std::map<std::string, PaymentProvider> kProviders = {
      {"none", PaymentProvider::kNone},
      {"simulated", PaymentProvider::kSimulated},
      {"stripe", PaymentProvider::kStripe}};
  PaymentProviderOptions& provider = config->payments.provider;
  app->add_option("--payments", provider.provider,
                  "Who charges cards. The simulated provider charges nobody: for trying out")
      ->transform(CLI::CheckedTransformer(kProviders).description("none, simulated or stripe"))
      ->type_name("WORD")
      ->default_str("none");
  app->add_option(
         "--recharge-limits", raw->recharge_limits,
         "Limits of charges in a currency, as CURRENCY=ABOVE:THRESHOLD:MOST in whole units; "
         "others have 50:10:1000")
      ->type_name("LIMITS");
  app->add_option("--stripe-key-file", provider.stripe_key_file,
                  "File whose first line is the secret key of the Stripe account");
  app->add_option("--stripe-webhook-secret-file", provider.stripe_webhook_secret_file,
                  "File whose first line is the secret that Stripe signs webhooks with; they go "
                  "to /webhooks/payments of --http-listen");
  app->add_option("--stripe-url", provider.stripe_url, "Where Stripe's API is")
      ->capture_default_str();
  app->add_option("--stripe-version", provider.stripe_version,
                  "Version of Stripe's API; the webhook endpoint is to be made with the same")
      ->capture_default_str();
  app->add_option("--return-url", provider.return_url,
                  "Page where customers come back to after their bank has asked them");
}

void AddHttpOptions(CLI::App* app, Config* config) {
  app->add_option("--http-listen", config->http_listen,
                  "Address and port where HTTP is served: the payment provider's webhooks, and the "
                  "pages of the simulated one. Nowhere by default");
  app->add_option("--http-url", config->http_url,
                  "How browsers reach --http-listen, e.g. https://billing.example.com; localhost "
                  "by default");
}

void AddLogOptions(CLI::App* app, Config* config) {
  static const std::map<std::string, LogFormat> kFormats = {{"text", LogFormat::kText},
                                                            {"json", LogFormat::kJson}};
  static const std::map<std::string, LogLevel> kLevels = {{"debug", LogLevel::kDebug},
                                                          {"info", LogLevel::kInfo},
                                                          {"warning", LogLevel::kWarning},
                                                          {"error", LogLevel::kError}};
  app->add_option("--log-format", config->log_format, "How log lines are written to standard error")
      ->transform(CLI::CheckedTransformer(kFormats).description("text or json"))
      ->type_name("WORD")
      ->default_str("text");
  app->add_option("--log-level", config->log_level, "The least that is logged")
      ->transform(CLI::CheckedTransformer(kLevels).description("debug, info, warning or error"))
      ->type_name("WORD")
      ->default_str("info");
  app->add_flag("--log-calls", config->call_log.has_all, "Log a line for every call");
  const auto check_slow = [](const std::string& text) -> std::string {
    absl::Duration slow;
    const bool is_good = absl::ParseDuration(text, &slow) && slow > absl::ZeroDuration();
    return is_good ? "" : absl::StrCat("\"", text, "\" is not a time such as 100ms or 2s");
  };
  const auto read_slow = [config](const std::string& text) {
    absl::ParseDuration(text, &config->call_log.slow);  // Checked before.
  };
  app->add_option_function<std::string>("--log-slow", read_slow,
                                        "Log a line for calls that take as long, e.g. 100ms")
      ->check(CLI::Validator(check_slow, ""))
      ->type_name("TIME");
}

// Every option but --help and --version, which are no settings.
void NameInEnvironment(CLI::App* app) {
  for (CLI::Option* option : app->get_options()) {
    const std::string name = option->get_single_name();
    if (name != "help" && name != "version") option->envname(EnvironmentName(name));
  }
}

ConfigResult Refuse(absl::string_view problem) {
  std::cerr << "farebox-server: " << problem << "\nRun with --help for more information.\n";
  return {.is_done = true, .exit_code = kExitUsage};
}

// Whether `address` ("127.0.0.1:50051", "[::1]:0", "localhost:1", "unix:/run/farebox") can be
// reached from this machine only.
bool IsLoopback(const std::string& address) {
  if (absl::StartsWith(address, "unix:")) return true;
  const size_t colon = address.rfind(':');
  const std::string host = address.substr(0, colon);
  // Names are not resolved: what a name leads to may change.
  return absl::StartsWith(host, "127.") || host == "localhost" || host == "[::1]";
}

// Of an address that is listened on; empty where there is none.
std::string ReachProblem(absl::string_view option, const std::string& address,
                         const Config& config) {
  if (!IsExposed(address, config) || config.insecure_listen_anywhere) return "";
  const bool asks_callers = config.access.mode == AccessMode::kKeys;
  return absl::StrCat(
      option, " ", address, " can be reached from other machines, ",
      asks_callers ? "and keys would be sent there for everybody to read: it needs --tls-cert"
                   : "and nobody is asked who they are: it needs --access keys and --tls-cert",
      ". Listen on 127.0.0.1, or say --insecure-listen-anywhere if a firewall or a proxy with "
      "authentication stands before it.");
}

// Leaves the rate as it is where there is no text.
absl::Status ReadRate(absl::string_view option, const std::string& text, CallRate* rate) {
  if (text.empty()) return absl::OkStatus();
  const absl::StatusOr<CallRate> read = ParseCallRate(text);
  if (!read.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(option, " ", read.status().message()));
  }
  *rate = *read;
  return absl::OkStatus();
}

// Empty where there is none.
std::string HttpProblem(const Config& config) {
  const bool has_webhooks = !config.payments.provider.stripe_webhook_secret_file.empty();
  if (config.http_listen.empty() && has_webhooks) {
    return "--stripe-webhook-secret-file needs --http-listen, where the webhooks come in";
  }
  if (config.http_listen.empty()) return "";
  const absl::Status form = web::CheckHttpAddress(config.http_listen);
  if (!form.ok()) return absl::StrCat("--http-listen ", form.message());
  return ReachProblem("--http-listen", config.http_listen, config);
}

}  // namespace

ConfigResult ReadConfig(int argc, const char* const* argv) {
  ConfigResult result;
  Config& config = result.config;
  RawOptions raw = {
      .connection_idle_seconds = absl::ToDoubleSeconds(config.connection_idle),
      .connection_age_seconds = absl::ToDoubleSeconds(config.connection_age),
      .connection_age_grace_seconds = absl::ToDoubleSeconds(config.connection_age_grace),
      .drain_grace_seconds = absl::ToDoubleSeconds(config.drain_grace),
      .drain_timeout_seconds = absl::ToDoubleSeconds(config.drain_timeout),
      .request_window_hours = absl::ToDoubleHours(config.request_window),
      .free_disk_min_mib = config.free_disk_bytes_min / kMebibyte,
      .number_grace_days = absl::ToInt64Hours(config.rentals.grace) / 24,
      .support_credit_max = config.access.support_credit_max.value() / kMicros};

  CLI::App app(kDescription, "farebox-server");
  app.footer(kFooter);
  app.set_version_flag("--version", absl::StrCat("farebox-server ", FAREBOX_VERSION));
  // Here, as CLI11 reads the file before it asks the environment for it.
  const char* const file = InEnvironment("config");
  app.set_config("--config", file == nullptr ? "" : file, "Read options from this file (TOML)",
                 /*config_required=*/file != nullptr);
  app.config_formatter(std::make_shared<ConfigFile>());
  app.allow_config_extras(CLI::config_extras_mode::error);
  AddOptions(&app, &config, &raw);
  AddConnectionOptions(&app, &config, &raw);
  AddAccessOptions(&app, &config.access, &raw);
  AddTlsOptions(&app, &config.tls);
  AddPaymentOptions(&app, &config, &raw);
  AddHttpOptions(&app, &config);
  AddMailOptions(&app, &config.mail, &raw.smtp_password_file);
  AddLogOptions(&app, &config);
  NameInEnvironment(&app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool is_asked_for = app.exit(error) == static_cast<int>(CLI::ExitCodes::Success);
    return {.is_done = true, .exit_code = is_asked_for ? kExitOk : kExitUsage};
  }
  config.connection_idle = absl::Seconds(raw.connection_idle_seconds);
  config.connection_age = absl::Seconds(raw.connection_age_seconds);
  config.connection_age_grace = absl::Seconds(raw.connection_age_grace_seconds);
  config.drain_grace = absl::Seconds(raw.drain_grace_seconds);
  config.drain_timeout = absl::Seconds(raw.drain_timeout_seconds);
  config.request_window = absl::Hours(raw.request_window_hours);
  config.rentals.grace = absl::Hours(24 * raw.number_grace_days);
  config.free_disk_bytes_min = raw.free_disk_min_mib * kMebibyte;

  const bool is_unix = absl::StartsWith(config.listen, "unix:");
  if (!is_unix && config.listen.find(':') == std::string::npos) {
    return Refuse("--listen needs an address and a port, e.g. 127.0.0.1:50051");
  }
  const std::string reach = ReachProblem("--listen", config.listen, config);
  if (!reach.empty()) return Refuse(reach);
  config.access.support_credit_max = Micros(raw.support_credit_max * kMicros);
  absl::Status rates = ReadRate("--key-rate", raw.key_rate, &config.access.caller_rate);
  rates.Update(ReadRate("--account-rate", raw.account_rate, &config.account_rate));
  if (!rates.ok()) return Refuse(rates.message());
  for (const std::string& text : raw.certificate_roles) {
    const absl::Status added = AddCertificateRole(text, &config.access);
    if (!added.ok()) return Refuse(absl::StrCat("--certificate-role ", added.message()));
  }
  for (const std::string& text : raw.recharge_limits) {
    const absl::Status added = AddRechargeLimits(text, &config.payments.limits);
    if (!added.ok()) return Refuse(absl::StrCat("--recharge-limits ", added.message()));
  }
  if (const std::string problem = HttpProblem(config); !problem.empty()) return Refuse(problem);
  const absl::Status mail = CompleteMailOptions(raw.smtp_password_file, &config.mail);
  if (!mail.ok()) return Refuse(mail.message());
  return result;
}

bool IsExposed(const std::string& address, const Config& config) {
  const bool is_protected = config.access.mode == AccessMode::kKeys && config.tls.is_on();
  return !address.empty() && !IsLoopback(address) && !is_protected;
}

}  // namespace farebox::server
