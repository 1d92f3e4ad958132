#ifndef FAREBOX_CLIENT_CLI_SERVER_RATES_H_
#define FAREBOX_CLIENT_CLI_SERVER_RATES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "farebox/v1/operations.pb.h"

// What a server has done between two looks at its status. Pure.
namespace farebox::cli {

// How long something took, half of the time and in all but one case of a hundred: as exact as the
// histogram's bounds are close.
struct Quantiles {
  // Nothing where it never happened.
  std::optional<absl::Duration> p50;
  std::optional<absl::Duration> p99;
};

// Infinite for what took longer than the last bound.
Quantiles QuantilesOf(const v1::DurationHistogram& histogram);

struct NamedRate {
  std::string name;
  double per_second = 0;
};

struct RpcRates {
  std::string method;  // "BillingService/Debit"
  double calls_per_second = 0;
  double errors_per_second = 0;
  Quantiles latency;
  int64_t calls = 0;  // Since the server's start.
};

struct ServerRates {
  absl::Duration interval;
  double entries_per_second = 0;
  double commits_per_second = 0;
  // Nothing where nothing was committed.
  std::optional<double> entries_per_commit;
  Quantiles commit;
  Quantiles sync;
  // Processors in use.
  double cpus = 0;
  // Those that were called since the server's start.
  std::vector<RpcRates> rpcs;
  // What there was in between: answers that were not OK, by code; refusals by the rules, by reason;
  // charges by the state that they have reached.
  std::vector<NamedRate> errors;
  std::vector<NamedRate> declines;
  std::vector<NamedRate> recharges;
  // Of the errors those where the server, or its disk, could not do what it should.
  double faults_per_second = 0;
};

// Where the server was started in between, or `before` has no time, since its start.
ServerRates RatesBetween(const v1::GetStatusResponse& before, const v1::GetStatusResponse& after);

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_SERVER_RATES_H_
