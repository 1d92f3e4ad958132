// Kills the real server as often as one has time for.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "tests/end_to_end/kill_run.h"

namespace {

// The one that so many in a hundred are not slower than.
absl::Duration Percentile(std::vector<absl::Duration> durations, size_t percent) {
  if (durations.empty()) return absl::ZeroDuration();
  std::sort(durations.begin(), durations.end());
  return durations[(durations.size() - 1) * percent / 100];
}

}  // namespace

int main(int argc, char** argv) {
  farebox::KillOptions options;
  options.server = FAREBOX_SERVER_BINARY;
  options.kills = 1'000;
  CLI::App app{
      "Kills a server under load at random moments, starts it again each time, and looks whether "
      "anything that was answered is lost, or anything happened twice."};
  app.add_option("--server", options.server, "the program")->capture_default_str();
  app.add_option("--kills", options.kills, "at least so many")->capture_default_str();
  app.add_option("--kills-per-ledger", options.kills_per_ledger,
                 "after which all is checked and a new ledger begins")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--seed", options.seed, "of the first ledger; others follow")
      ->capture_default_str();
  app.add_flag("--lose-log", options.loses_log,
               "delete the log after each kill: losses must be found");
  CLI11_PARSE(app, argc, argv);

  const farebox::KillReport report = KillAgainAndAgain(options);
  for (const farebox::history::Violation& violation : report.violations) {
    std::cout << violation.sentence << "\n";
  }
  std::cout << absl::StrFormat(
      "%d kills, %d of them of a server that was starting: %d changes acknowledged, %d replayed, "
      "%d refused, %d sendings unanswered; %d entries read back\n"
      "lost or changed %d, doubled %d, other findings %d; recovery p50 %s, p99 %s, slowest %s\n",
      report.kills, report.kills_while_starting, report.tally.acknowledged, report.tally.replayed,
      report.tally.refused, report.tally.unanswered, report.entries,
      report.CountOf(farebox::history::Check::kKept),
      report.CountOf(farebox::history::Check::kOnce),
      static_cast<int64_t>(report.violations.size()) -
          report.CountOf(farebox::history::Check::kKept) -
          report.CountOf(farebox::history::Check::kOnce),
      absl::FormatDuration(Percentile(report.recoveries, 50)),
      absl::FormatDuration(Percentile(report.recoveries, 99)),
      absl::FormatDuration(Percentile(report.recoveries, 100)));
  return report.violations.empty() ? 0 : 1;
}
