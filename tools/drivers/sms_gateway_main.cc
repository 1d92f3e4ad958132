#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/advice.h"
#include "client/cpp/client.h"
#include "storage/clock.h"
#include "storage/status_macros.h"
#include "tools/drivers/call_log.h"
#include "tools/drivers/client_billing.h"
#include "tools/drivers/csv_table.h"
#include "tools/drivers/deck_prices.h"
#include "tools/drivers/flags.h"
#include "tools/drivers/report.h"
#include "tools/drivers/session.h"
#include "tools/drivers/stream_billing.h"
#include "tools/drivers/text_player.h"

namespace farebox::drivers {
namespace {

constexpr char kAbout[] =
    "Debits a log of texts at a running Farebox as an SMS gateway would, many at once. Then reads\n"
    "everything back and checks it against its own sum of segments.\n"
    "\n"
    "  farebox-sms-gateway --log texts.csv --deck-csv deck.csv --import-deck --accounts-setup\n"
    "\n"
    "The log is CSV: start (ms or RFC 3339), account, direction (OUTBOUND, INBOUND), from, to,\n"
    "segments, body (empty: the server is told the segments). The server may be killed and "
    "started\n"
    "again meanwhile. Exits with 0 where the books balance, 1 where they do not, 2 where the run\n"
    "could not be made.";

struct Flags {
  CommonFlags common;
  std::string log;
  std::string by = "unary";
  size_t texts_at_once = 256;
  size_t batch_size = 1'000;
};

void AddFlags(CLI::App* app, Flags* flags) {
  AddCommonFlags(app, &flags->common);
  app->add_option("--log", flags->log, "The log of texts")->required()->check(CLI::ExistingFile);
  app->add_option("--by", flags->by,
                  "One Debit each (unary), ApplyBatch (batch) or ApplyStream (stream)")
      ->check(CLI::IsMember({"unary", "batch", "stream"}));
  app->add_option("--texts-at-once", flags->texts_at_once, "Texts that are not answered yet")
      ->check(CLI::Range(1, 100'000));
  app->add_option("--batch-size", flags->batch_size, "Texts in one ApplyBatch, at most")
      ->check(CLI::Range(1, 10'000));
}

std::unique_ptr<Billing> MakeBilling(const Flags& flags, client::Client* client,
                                     const Clock* clock) {
  if (flags.by == "batch") return std::make_unique<BatchBilling>(client, flags.batch_size);
  if (flags.by == "unary") return std::make_unique<UnaryBilling>(client);
  return std::make_unique<StreamBilling>(client, absl::Seconds(flags.common.patience_seconds),
                                         clock);
}

absl::StatusOr<RunResult> Run(const Flags& flags) {
  FAREBOX_ASSIGN_OR_RETURN(const std::string deck_csv, ReadFile(flags.common.deck_csv));
  FAREBOX_ASSIGN_OR_RETURN(const DeckPrices prices, DeckPrices::Parse(deck_csv));
  FAREBOX_ASSIGN_OR_RETURN(const std::string log_csv, ReadFile(flags.log));
  FAREBOX_ASSIGN_OR_RETURN(std::vector<LoggedText> log, ParseTextLog(log_csv));
  Shorten(flags.common, &log);
  const std::vector<std::string> accounts = AccountsOf(log);
  const std::string run_id = RunIdOf(flags.common);
  std::printf("Run %s: %zu texts of %zu accounts.\n", run_id.c_str(), log.size(), accounts.size());
  std::fflush(stdout);

  const SystemClock clock;
  FAREBOX_ASSIGN_OR_RETURN(const client::ClientOptions options, ClientOptionsOf(flags.common));
  FAREBOX_ASSIGN_OR_RETURN(const client::ClientOptions admin_options, AdminOptionsOf(flags.common));
  client::Client client(options);
  client::Client admin(admin_options);
  FAREBOX_RETURN_IF_ERROR(Prepare(flags.common, deck_csv, run_id, accounts, &admin));
  FAREBOX_ASSIGN_OR_RETURN(const auto start, ReadStart(&admin, accounts));
  const std::unique_ptr<Billing> billing = MakeBilling(flags, &client, &clock);
  TextPlayer player({.texts_at_once = flags.texts_at_once,
                     .repeat_per_mille = PerMille(flags.common.repeat_rate),
                     .run_id = run_id,
                     .seed = flags.common.seed},
                    &prices, billing.get(), &clock);
  player.Play(log);

  FAREBOX_ASSIGN_OR_RETURN(const auto readings, ReadBack(&admin, start));
  history::History history = player.TakeHistory();
  AddReadings(readings, &history);
  return RunResult{.use = "texts",
                   .tally = player.tally(),
                   .balancing = player.books().Balance(readings),
                   .violations = history::FindViolations(history)};
}

}  // namespace
}  // namespace farebox::drivers

int main(int argc, char** argv) {
  using namespace farebox::drivers;
  CLI::App app(kAbout, "farebox-sms-gateway");
  Flags flags;
  AddFlags(&app, &flags);
  if (const std::optional<int> code = ParseFlags(&app, argc, argv)) return *code;

  const absl::StatusOr<RunResult> result = Run(flags);
  if (!result.ok()) {
    std::fprintf(stderr, "farebox-sms-gateway: %s\n",
                 farebox::cli::DescribeFailure(result.status(), flags.common.server).c_str());
    return kExitFailed;
  }
  std::fputs(Report(*result).c_str(), stdout);
  return IsClean(*result) ? kExitClean : kExitProblems;
}
