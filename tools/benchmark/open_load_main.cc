// Makes load at a rate that the server does not slow down, and prints what it saw as JSON: a line
// for each phase.

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tools/benchmark/open_load.h"

namespace farebox::benchmark {
namespace {

constexpr std::array<const char*, kCallKinds> kNames = {"authorize", "settle", "balance"};

// "2000:5" is 2,000 calls a second for 5 s; "@256:5" 256 calls at once for 5 s.
bool ParsePhase(const std::string& text, LoadPhase* phase) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts.size() != 2 || !absl::SimpleAtod(parts[1], &phase->seconds)) return false;
  if (parts[0][0] == '@') return absl::SimpleAtoi(parts[0].substr(1), &phase->outstanding);
  return absl::SimpleAtod(parts[0], &phase->rate);
}

std::string Tally(const char* name, CallTally* tally) {
  return absl::StrFormat(
      R"("%s":{"arrived":%d,"answered":%d,"refused":%d,"held_back":%d,"late":%d,"failed":%d,)"
      R"("p50_us":%.0f,"p99_us":%.0f})",
      name, tally->arrived, tally->answered, tally->refused, tally->held_back, tally->late,
      tally->failed, tally->latencies.Percentile(50), tally->latencies.Percentile(99));
}

void Print(PhaseResult* result) {
  std::vector<std::string> kinds;
  for (size_t i = 0; i < kCallKinds; ++i) kinds.push_back(Tally(kNames[i], &result->kinds[i]));
  const auto moment = [](std::string* out, const LoadMoment& one) {
    absl::StrAppendFormat(out, "[%d,%d,%d,%.0f]", one.answered, one.refused, one.given_up,
                          one.slowest_micros);
  };
  std::cout << absl::StrFormat(
      R"({"rate":%.0f,"outstanding":%d,"seconds":%g,"p50_us":%.0f,"p99_us":%.0f,)"
      R"("kinds":{%s},"connections":[%s],)"
      R"("moments":[%s]})"
      "\n",
      result->phase.rate, result->phase.outstanding, result->phase.seconds,
      result->latencies.Percentile(50), result->latencies.Percentile(99), absl::StrJoin(kinds, ","),
      absl::StrJoin(result->connections, ","), absl::StrJoin(result->moments, ",", moment));
}

int Run(const OpenLoadOptions& options, const std::vector<std::string>& texts) {
  std::vector<LoadPhase> phases;
  for (const std::string& text : texts) {
    phases.emplace_back();
    if (!ParsePhase(text, &phases.back())) {
      std::cerr << text << " is no phase\n";
      return 2;
    }
  }
  OpenLoad load(options);
  absl::Status done = load.Connect();
  if (done.ok()) done = load.Run(phases);
  if (!done.ok()) {
    std::cerr << done << "\n";
    return 1;
  }
  for (PhaseResult& result : load.results()) Print(&result);
  return 0;
}

}  // namespace
}  // namespace farebox::benchmark

int main(int argc, char** argv) {
  farebox::benchmark::OpenLoadOptions options;
  std::vector<std::string> phases;
  CLI::App app{"Makes calls at a rate that the server does not slow down."};
  app.add_option("--server", options.server, "host:port")->required();
  app.add_option("--accounts", options.accounts, "accounts")->capture_default_str();
  app.add_option("--connections", options.connections, "connections")->capture_default_str();
  app.add_option("--pending", options.pending_max,
                 "calls that a connection holds back at most; 0: no bound")
      ->capture_default_str();
  app.add_option("--mix", options.mix, "a: authorize, s: settle, b: balance; asab by default");
  app.add_option("--phase", phases, "RATE:SECONDS, or @OUTSTANDING:SECONDS; one after the other")
      ->required();
  CLI11_PARSE(app, argc, argv);
  return farebox::benchmark::Run(options, phases);
}
