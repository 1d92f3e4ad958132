// Plays calls, texts, credits and reads at a steady rate, and prints what it saw as JSON.

#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/advice.h"
#include "client/cpp/client.h"
#include "nlohmann/json.hpp"
#include "storage/clock.h"
#include "storage/status_macros.h"
#include "tools/drivers/flags.h"
#include "tools/drivers/steady_load.h"

namespace farebox::drivers {
namespace {

constexpr char kAbout[] =
    "Makes calls, texts, credits and reads at a steady rate on accounts of its own, repeats each\n"
    "under its request id until it is answered, and checks that every account has what its "
    "callers\n"
    "were told. The server may be stopped, killed and started again meanwhile. Prints JSON. Exits\n"
    "with 0 where the books balance, 1 where they do not, 2 where the run could not be made.";

struct Flags {
  std::string server = "127.0.0.1:50051";
  IdentityFlags identity;
  std::string gateway_key_file;
  std::string support_key_file;
  double seconds = 10;
  double repeat_rate = 0.01;
  double talk_seconds = 2;
  SteadyOptions steady;
};

void AddFlags(CLI::App* app, Flags* flags) {
  app->option_defaults()->always_capture_default();
  app->add_option("--server", flags->server, "Where Farebox listens, host:port");
  AddIdentityFlags(app, &flags->identity);
  app->add_option("--gateway-key-file", flags->gateway_key_file, "Who sends texts")
      ->check(CLI::ExistingFile);
  app->add_option("--support-key-file", flags->support_key_file, "Who gives credits")
      ->check(CLI::ExistingFile);
  app->add_option("--rate", flags->steady.rate,
                  "Calls to the server a second; 0: as many as it answers")
      ->check(CLI::NonNegativeNumber);
  app->add_option("--calls-at-once", flags->steady.calls_at_once, "That are not answered yet")
      ->check(CLI::Range(1, 10'000));
  app->add_option("--accounts", flags->steady.accounts, "So many accounts")
      ->check(CLI::Range(1, 1'000'000));
  app->add_option("--seconds", flags->seconds, "How long")->check(CLI::PositiveNumber);
  app->add_option("--talk-seconds", flags->talk_seconds, "How long calls last, on average")
      ->check(CLI::PositiveNumber);
  app->add_option("--repeat-rate", flags->repeat_rate,
                  "Share of the changes that are asked for again after their answer")
      ->check(CLI::Range(0.0, 1.0));
}

nlohmann::json ToJson(const SteadyResult& result) {
  nlohmann::json json = {{"seconds", result.seconds},
                         {"answered", result.answered},
                         {"per_second", result.per_second},
                         {"repeated_after_errors", result.repeated_after_errors},
                         {"repeated_on_purpose", result.repeated_on_purpose},
                         {"replayed", result.replayed},
                         {"different_answers", result.different_answers},
                         {"opening_micros", result.opening_micros},
                         {"credited_micros", result.credited_micros},
                         {"charged_micros", result.charged_micros},
                         {"end_micros", result.end_micros},
                         {"problems", result.problems},
                         {"outcomes", nlohmann::json::array()},
                         {"errors", nlohmann::json::array()},
                         {"latencies", nlohmann::json::array()}};
  for (const auto& [key, count] : result.outcomes) {
    json["outcomes"].push_back({NameOf(key.first), key.second, count});
  }
  for (const auto& [key, count] : result.errors) {
    const auto& [tenths, kind, error] = key;
    json["errors"].push_back({static_cast<double>(tenths) / 10, NameOf(kind), error, count});
  }
  for (const auto& [key, counts] : result.latencies) {
    nlohmann::json buckets = nlohmann::json::array();
    for (const auto& [bucket, count] : counts.buckets) buckets.push_back({bucket, count});
    json["latencies"].push_back({key.first, NameOf(key.second), buckets, counts.max_micros});
  }
  return json;
}

// One that repeats nothing by itself: what fails is to be seen.
absl::StatusOr<client::ClientOptions> OptionsOf(const Flags& flags, const std::string& key_file) {
  client::ClientOptions options;
  options.target = flags.server;
  options.retry.attempts_max = 1;
  options.retry.attempt_timeout = options.timeout;
  return WithIdentity(std::move(options), key_file, flags.identity);
}

absl::StatusOr<SteadyResult> Run(const Flags& flags) {
  const std::string& router_key = flags.identity.api_key_file;
  const auto or_router = [&](const std::string& file) { return file.empty() ? router_key : file; };
  FAREBOX_ASSIGN_OR_RETURN(const auto router_options, OptionsOf(flags, router_key));
  FAREBOX_ASSIGN_OR_RETURN(const auto gateway_options,
                           OptionsOf(flags, or_router(flags.gateway_key_file)));
  FAREBOX_ASSIGN_OR_RETURN(const auto support_options,
                           OptionsOf(flags, or_router(flags.support_key_file)));
  CommonFlags common;
  common.server = flags.server;
  common.identity = flags.identity;
  FAREBOX_ASSIGN_OR_RETURN(const auto admin_options, AdminOptionsOf(common));
  client::Client router(router_options);
  client::Client gateway(gateway_options);
  client::Client support(support_options);
  client::Client admin(admin_options);

  SteadyOptions options = flags.steady;
  options.duration = absl::Seconds(flags.seconds);
  options.talk = absl::Seconds(flags.talk_seconds);
  options.repeat_per_mille = PerMille(flags.repeat_rate);
  const SystemClock clock;
  SteadyLoad load(options,
                  {.router = &router, .gateway = &gateway, .support = &support, .admin = &admin},
                  &clock);
  FAREBOX_RETURN_IF_ERROR(load.Prepare());
  std::fprintf(stderr, "begins\n");
  FAREBOX_RETURN_IF_ERROR(load.Run());
  return load.result();
}

bool IsClean(const SteadyResult& result) {
  return result.problems.empty() && result.different_answers.empty() &&
         result.opening_micros + result.credited_micros - result.charged_micros ==
             result.end_micros;
}

}  // namespace
}  // namespace farebox::drivers

int main(int argc, char** argv) {
  using namespace farebox::drivers;
  CLI::App app(kAbout, "farebox-steady-load");
  Flags flags;
  AddFlags(&app, &flags);
  if (const std::optional<int> code = ParseFlags(&app, argc, argv)) return *code;

  const absl::StatusOr<SteadyResult> result = Run(flags);
  if (!result.ok()) {
    std::fprintf(stderr, "farebox-steady-load: %s\n",
                 farebox::cli::DescribeFailure(result.status(), flags.server).c_str());
    return kExitFailed;
  }
  std::puts(ToJson(*result).dump().c_str());
  return IsClean(*result) ? kExitClean : kExitProblems;
}
