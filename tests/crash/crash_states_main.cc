// Explores as many power cuts as one has time for.

#include <CLI/CLI.hpp>
#include <iostream>
#include <map>

#include "absl/strings/str_format.h"
#include "storage/clock.h"
#include "tests/crash/explore_crashes.h"

int main(int argc, char** argv) {
  farebox::ExploreOptions options;
  options.states = 1'000'000;
  const std::map<std::string, farebox::SyncLie> lies = {{"none", farebox::SyncLie::kNone},
                                                        {"commit", farebox::SyncLie::kCommit},
                                                        {"log", farebox::SyncLie::kLog},
                                                        {"database", farebox::SyncLie::kDatabase}};
  CLI::App app{
      "Cuts the power after every operation on a ledger's disk, with what was not synced there, "
      "lost or torn, and starts again each time."};
  app.add_option("--states", options.states, "at least so many")->capture_default_str();
  app.add_option("--seed", options.seed, "of the first workload; others follow")
      ->capture_default_str();
  app.add_option("--findings", options.findings_max, "ends early after so many")
      ->capture_default_str();
  app.add_option("--lie", options.lie, "syncs that the disk only pretends to do")
      ->transform(CLI::CheckedTransformer(lies, CLI::ignore_case));
  CLI11_PARSE(app, argc, argv);

  const farebox::SystemClock clock;
  const absl::Time start = clock.Now();
  const farebox::ExploreReport report = ExploreCrashes(options);
  const double seconds = absl::ToDoubleSeconds(clock.Now() - start);
  for (const std::string& finding : report.findings) std::cout << finding << "\n";
  std::cout << absl::StrFormat(
      "%d states of %d workloads, power cut after each of %d operations: %d findings; %.0f "
      "states/s\n",
      report.states, report.workloads, report.operations, report.findings.size(),
      static_cast<double>(report.states) / seconds);
  return report.findings.empty() ? 0 : 1;
}
