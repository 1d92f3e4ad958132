#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/cli/advice.h"
#include "client/cpp/client.h"
#include "storage/clock.h"
#include "storage/status_macros.h"
#include "tools/drivers/call_log.h"
#include "tools/drivers/client_billing.h"
#include "tools/drivers/csv_table.h"
#include "tools/drivers/deck_prices.h"
#include "tools/drivers/flags.h"
#include "tools/drivers/player.h"
#include "tools/drivers/report.h"
#include "tools/drivers/session.h"

namespace farebox::drivers {
namespace {

constexpr char kAbout[] =
    "Plays a call log against a running Farebox as a call router would: authorizes each call,\n"
    "reauthorizes it while it lasts, hangs up when the grant ends, settles or releases it. Then\n"
    "reads everything back and checks it against its own exact sum.\n"
    "\n"
    "  farebox-call-router --log calls.csv --deck-csv deck.csv --import-deck --accounts-setup\n"
    "\n"
    "The log is CSV: start (ms or RFC 3339), account, direction (OUTBOUND, INBOUND), from, to,\n"
    "seconds, answered (0, 1). The server may be killed and started again meanwhile. Exits with 0\n"
    "where the books balance, 1 where they do not, 2 where the run could not be made.";

// How long after its time an expired hold may still be seen.
constexpr absl::Duration kExpirySlack = absl::Seconds(2);

struct Flags {
  CommonFlags common;
  std::string log;
  int64_t speed = 0;
  size_t calls_at_once = 64;
  int64_t initial_seconds = 60;
  int64_t reauthorize_every = 60;
  int64_t hold_ttl = 0;
  double crash_rate = 0;
  double interim_rate = 0;
  double balance_rate = 0;
  bool release = true;
  bool await_expiry = false;
  bool progress = false;
};

void AddFlags(CLI::App* app, Flags* flags) {
  AddCommonFlags(app, &flags->common);
  app->add_option("--log", flags->log, "The call log")->required()->check(CLI::ExistingFile);
  app->add_option("--speed", flags->speed,
                  "So many seconds of the log a second; 0: as fast as possible, without waiting")
      ->check(CLI::NonNegativeNumber);
  app->add_option("--calls-at-once", flags->calls_at_once, "Calls that go on at the same time")
      ->check(CLI::Range(1, 100'000));
  app->add_option("--initial-seconds", flags->initial_seconds, "Asked for before a call")
      ->check(CLI::Range(1, 86'400));
  app->add_option("--reauthorize-every", flags->reauthorize_every,
                  "Seconds asked for each time while a call goes on")
      ->check(CLI::Range(1, 86'400));
  app->add_option("--hold-ttl", flags->hold_ttl,
                  "Seconds after which a hold expires; 0: what the server thinks right")
      ->check(CLI::Range(0, 86'400));
  app->add_option("--crash-rate", flags->crash_rate,
                  "Share of the calls that are forgotten without a word: their holds must expire")
      ->check(CLI::Range(0.0, 1.0));
  app->add_option("--interim-rate", flags->interim_rate,
                  "Share of the reauthorizations before which what was used so far is charged")
      ->check(CLI::Range(0.0, 1.0));
  app->add_option("--balance-rate", flags->balance_rate,
                  "Share of the answers after which the balance is read and checked")
      ->check(CLI::Range(0.0, 1.0));
  app->add_flag("--release,!--no-release", flags->release,
                "Release unanswered calls, or else settle them with 0 seconds");
  app->add_flag("--await-expiry", flags->await_expiry,
                "Wait until forgotten holds have expired, and see that they have");
  app->add_flag("--progress", flags->progress, "Tell every second how far it is");
}

void PrintProgress(const Tally& tally, size_t calls_going_on) {
  std::fprintf(stderr, "%lld calls begun, %zu going on, %lld settled\n",
               static_cast<long long>(tally.uses), calls_going_on,
               static_cast<long long>(tally.settled));
}

PlayerOptions PlayerOptionsOf(const Flags& flags, const std::string& run_id) {
  PlayerOptions options = {.speed = flags.speed,
                           .calls_at_once = flags.calls_at_once,
                           .balance_read_per_mille = PerMille(flags.balance_rate),
                           .run_id = run_id,
                           .habits = {.initial_seconds = flags.initial_seconds,
                                      .reauthorize_seconds = flags.reauthorize_every,
                                      .hold_ttl_seconds = flags.hold_ttl,
                                      .release_unanswered = flags.release,
                                      .crash_per_mille = PerMille(flags.crash_rate),
                                      .repeat_per_mille = PerMille(flags.common.repeat_rate),
                                      .interim_per_mille = PerMille(flags.interim_rate),
                                      .seed = flags.common.seed}};
  if (flags.progress) options.on_progress = PrintProgress;
  return options;
}

absl::StatusOr<RunResult> Run(const Flags& flags) {
  FAREBOX_ASSIGN_OR_RETURN(const std::string deck_csv, ReadFile(flags.common.deck_csv));
  FAREBOX_ASSIGN_OR_RETURN(const DeckPrices prices, DeckPrices::Parse(deck_csv));
  FAREBOX_ASSIGN_OR_RETURN(const std::string log_csv, ReadFile(flags.log));
  FAREBOX_ASSIGN_OR_RETURN(std::vector<LoggedCall> log, ParseCallLog(log_csv));
  Shorten(flags.common, &log);
  const std::vector<std::string> accounts = AccountsOf(log);
  const std::string run_id = RunIdOf(flags.common);
  std::printf("Run %s: %zu calls of %zu accounts.\n", run_id.c_str(), log.size(), accounts.size());
  std::fflush(stdout);

  const SystemClock clock;
  FAREBOX_ASSIGN_OR_RETURN(const client::ClientOptions options, ClientOptionsOf(flags.common));
  FAREBOX_ASSIGN_OR_RETURN(const client::ClientOptions admin_options, AdminOptionsOf(flags.common));
  client::Client client(options);
  client::Client admin(admin_options);
  FAREBOX_RETURN_IF_ERROR(Prepare(flags.common, deck_csv, run_id, accounts, &admin));
  FAREBOX_ASSIGN_OR_RETURN(const auto start, ReadStart(&admin, accounts));
  UnaryBilling billing(&client);
  CallPlayer player(PlayerOptionsOf(flags, run_id), &prices, &billing, &clock);
  player.Play(log);

  if (flags.await_expiry) WaitUntil(clock, player.forgotten_until() + kExpirySlack);
  FAREBOX_ASSIGN_OR_RETURN(const auto readings, ReadBack(&admin, start));
  RunResult result{
      .use = "calls", .tally = player.tally(), .balancing = player.books().Balance(readings)};
  if (flags.await_expiry && result.balancing.holds_still_open > 0) {
    result.balancing.problems.push_back(absl::StrCat(
        result.balancing.holds_still_open, " forgotten holds are open after their time."));
  }
  history::History history = player.TakeHistory();
  AddReadings(readings, &history);
  result.violations = history::FindViolations(history);
  return result;
}

}  // namespace
}  // namespace farebox::drivers

int main(int argc, char** argv) {
  using namespace farebox::drivers;
  CLI::App app(kAbout, "farebox-call-router");
  Flags flags;
  AddFlags(&app, &flags);
  if (const std::optional<int> code = ParseFlags(&app, argc, argv)) return *code;

  const absl::StatusOr<RunResult> result = Run(flags);
  if (!result.ok()) {
    std::fprintf(stderr, "farebox-call-router: %s\n",
                 farebox::cli::DescribeFailure(result.status(), flags.common.server).c_str());
    return kExitFailed;
  }
  std::fputs(Report(*result).c_str(), stdout);
  return IsClean(*result) ? kExitClean : kExitProblems;
}
