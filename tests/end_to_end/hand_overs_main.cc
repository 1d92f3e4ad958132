// Has a server on a given ledger hand over, under load, as often as one has time for.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/end_to_end/busy_callers.h"
#include "tests/support/server_process.h"

namespace farebox {
namespace {

struct Options {
  std::string server = FAREBOX_SERVER_BINARY;
  std::string data_directory;
  std::string account_prefix = "account-";
  int accounts = 1;
  int callers = 16;
  int64_t pause_millis_max = 0;
  int hand_overs = 5;
};

absl::Status HandOver(testing::ServerProcess* server) {
  const absl::Status status = server->HandOver(absl::Minutes(10));
  return status.ok() ? server->AwaitConnection() : status;
}

// Returns how many calls failed.
absl::StatusOr<int64_t> HandOverUnderLoad(const Options& options, testing::ServerProcess* server) {
  std::vector<std::string> account_ids;
  for (int i = 0; i < options.accounts; ++i) {
    account_ids.push_back(absl::StrCat(options.account_prefix, i));
  }
  BusyCallers callers({.address = server->address(),
                       .account_ids = account_ids,
                       .callers = options.callers,
                       .pause_max = absl::Milliseconds(options.pause_millis_max)});
  int64_t failures = 0;
  for (int i = 0; i < options.hand_overs; ++i) {
    absl::SleepFor(absl::Seconds(2));
    const BusyCallers::Report before = callers.TakeReport();
    const absl::Time asked = absl::Now();
    const absl::Status status = HandOver(server);
    if (!status.ok()) return status;
    const absl::Duration taken = absl::Now() - asked;
    absl::SleepFor(absl::Seconds(2));
    const BusyCallers::Report report = callers.TakeReport();
    failures += report.failures + before.failures;
    std::cout << absl::StrFormat(
        "hand-over %d: %s from the signal on; nobody was answered for %s; of %d calls the longest "
        "took %s (of %d before: %s), %d failed %s\n",
        i + 1, absl::FormatDuration(taken), absl::FormatDuration(report.longest_silence),
        report.calls, absl::FormatDuration(report.longest), before.calls,
        absl::FormatDuration(before.longest), report.failures, report.first_failure);
  }
  return failures;
}

// 0 where no call failed.
int Run(const Options& options) {
  testing::ServerProcess server(
      {.binary = options.server, .data_directory = options.data_directory});
  const absl::Time start = absl::Now();
  const absl::Status status = server.Start(absl::Minutes(10));
  std::cout << "start without a predecessor: " << absl::Now() - start << "\n";
  const absl::StatusOr<int64_t> failures =
      status.ok() ? HandOverUnderLoad(options, &server) : status;
  if (!failures.ok()) std::cerr << failures.status() << "\n";
  return failures.ok() && *failures == 0 && server.Terminate() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace farebox

int main(int argc, char** argv) {
  farebox::Options options;
  CLI::App app{
      "Has a server hand over to a new process again and again while callers debit a micro after "
      "the other, and tells for how long they were not answered."};
  app.add_option("--server", options.server, "the program")->capture_default_str();
  app.add_option("--data", options.data_directory, "the ledger; its accounts are debited")
      ->required();
  app.add_option("--account-prefix", options.account_prefix, "the accounts are this and a number")
      ->capture_default_str();
  app.add_option("--accounts", options.accounts, "so many of them, from 0 on")
      ->capture_default_str();
  app.add_option("--callers", options.callers, "at once")->capture_default_str();
  app.add_option("--pause-max", options.pause_millis_max,
                 "of each caller between two calls, at random up to so many milliseconds")
      ->capture_default_str();
  app.add_option("--hand-overs", options.hand_overs, "so many")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return farebox::Run(options);
}
