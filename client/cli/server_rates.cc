#include "client/cli/server_rates.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "client/cli/times.h"
#include "client/cli/words.h"

namespace farebox::cli {
namespace {

constexpr absl::string_view kPackage = "farebox.v1.";
constexpr absl::string_view kOk = "OK";
constexpr absl::string_view kPay = "farebox.v1.RechargeService/Pay";

// What came to `after` since `before`; all of it where the bounds are others.
v1::DurationHistogram Difference(const v1::DurationHistogram& before,
                                 const v1::DurationHistogram& after) {
  v1::DurationHistogram difference = after;
  if (before.counts_size() != after.counts_size()) return difference;
  for (int i = 0; i < after.counts_size(); ++i) {
    difference.set_counts(i, std::max<int64_t>(after.counts(i) - before.counts(i), 0));
  }
  return difference;
}

// The value below which a share of all is, evenly spread between two bounds.
absl::Duration Quantile(const v1::DurationHistogram& histogram, int64_t total, double share) {
  const double wanted = share * static_cast<double>(total);
  double below = 0;
  absl::Duration lower;
  for (int i = 0; i < histogram.bound_micros_size(); ++i) {
    const absl::Duration upper = absl::Microseconds(histogram.bound_micros(i));
    const auto count = static_cast<double>(histogram.counts(i));
    if (count > 0 && below + count >= wanted) {
      return lower + (upper - lower) * ((wanted - below) / count);
    }
    below += count;
    lower = upper;
  }
  return absl::InfiniteDuration();
}

// Counts by name, and what comes of them in a time.
using Counts = std::map<std::string, int64_t>;

std::vector<NamedRate> RatesOf(const Counts& before, const Counts& after, double seconds) {
  std::vector<NamedRate> rates;
  for (const auto& [name, count] : after) {
    const auto found = before.find(name);
    const int64_t more = count - (found == before.end() ? 0 : found->second);
    if (more > 0) rates.push_back({name, static_cast<double>(more) / seconds});
  }
  std::sort(rates.begin(), rates.end(),
            [](const NamedRate& a, const NamedRate& b) { return a.per_second > b.per_second; });
  return rates;
}

Counts ErrorsOf(const v1::GetStatusResponse& status) {
  Counts counts;
  for (const v1::RpcCount& rpc : status.rpcs()) {
    if (rpc.code() != kOk) counts[rpc.code()] += rpc.count();
  }
  return counts;
}

// A payment that waits for a bank is answered UNAVAILABLE, and nobody's fault (as the alerts have
// it, tools/monitoring/alerts.yml).
bool IsFault(const v1::RpcCount& rpc) {
  constexpr absl::string_view kFaults[] = {"INTERNAL", "UNKNOWN", "UNAVAILABLE", "DATA_LOSS",
                                           "RESOURCE_EXHAUSTED"};
  if (rpc.method() == kPay && rpc.code() == "UNAVAILABLE") return false;
  return std::find(std::begin(kFaults), std::end(kFaults), rpc.code()) != std::end(kFaults);
}

int64_t FaultsOf(const v1::GetStatusResponse& status) {
  int64_t faults = 0;
  for (const v1::RpcCount& rpc : status.rpcs()) {
    if (IsFault(rpc)) faults += rpc.count();
  }
  return faults;
}

Counts DeclinesOf(const v1::GetStatusResponse& status) {
  Counts counts;
  for (const v1::DeclineCount& decline : status.declines()) {
    counts[Word(decline.reason())] += decline.count();
  }
  return counts;
}

Counts RechargesOf(const v1::GetStatusResponse& status) {
  Counts counts;
  for (const v1::RechargeStateCount& reached : status.recharges().reached()) {
    counts[Word(reached.state())] += reached.count();
  }
  return counts;
}

struct Calls {
  int64_t all = 0;
  int64_t errors = 0;
  v1::DurationHistogram latency;
};

std::map<std::string, Calls> CallsOf(const v1::GetStatusResponse& status) {
  std::map<std::string, Calls> calls;
  for (const v1::RpcCount& rpc : status.rpcs()) {
    Calls& of_method = calls[rpc.method()];
    of_method.all += rpc.count();
    if (rpc.code() != kOk) of_method.errors += rpc.count();
  }
  for (const v1::RpcLatency& latency : status.rpc_latencies()) {
    calls[latency.method()].latency = latency.latency();
  }
  return calls;
}

std::vector<RpcRates> RpcRatesBetween(const v1::GetStatusResponse& before,
                                      const v1::GetStatusResponse& after, double seconds) {
  std::vector<RpcRates> rates;
  std::map<std::string, Calls> calls_before = CallsOf(before);
  for (const auto& [method, calls] : CallsOf(after)) {
    const Calls& old = calls_before[method];
    rates.push_back({.method = std::string(absl::StripPrefix(method, kPackage)),
                     .calls_per_second = static_cast<double>(calls.all - old.all) / seconds,
                     .errors_per_second = static_cast<double>(calls.errors - old.errors) / seconds,
                     .latency = QuantilesOf(Difference(old.latency, calls.latency)),
                     .calls = calls.all});
  }
  return rates;
}

}  // namespace

Quantiles QuantilesOf(const v1::DurationHistogram& histogram) {
  const int64_t total =
      std::accumulate(histogram.counts().begin(), histogram.counts().end(), int64_t{0});
  if (total == 0) return {};
  return {.p50 = Quantile(histogram, total, 0.5), .p99 = Quantile(histogram, total, 0.99)};
}

ServerRates RatesBetween(const v1::GetStatusResponse& before, const v1::GetStatusResponse& after) {
  const bool is_same_run =
      before.has_time() && TimeOf(before.start_time()) == TimeOf(after.start_time());
  if (!is_same_run) {
    v1::GetStatusResponse start;
    *start.mutable_start_time() = after.start_time();
    *start.mutable_time() = after.start_time();
    start.set_entries(after.start_entries());
    start.set_batches(after.start_batches());
    return RatesBetween(start, after);
  }
  const absl::Duration interval =
      std::max(TimeOf(after.time()) - TimeOf(before.time()), absl::Milliseconds(1));
  const double seconds = absl::ToDoubleSeconds(interval);
  const auto entries = static_cast<double>(after.entries() - before.entries());
  const auto commits = static_cast<double>(after.batches() - before.batches());
  const auto faults = static_cast<double>(FaultsOf(after) - FaultsOf(before));
  const absl::Duration cpu_time =
      DurationOf(after.process().cpu_time()) - DurationOf(before.process().cpu_time());
  ServerRates rates = {
      .interval = interval,
      .entries_per_second = entries / seconds,
      .commits_per_second = commits / seconds,
      .commit = QuantilesOf(Difference(before.commits(), after.commits())),
      .sync = QuantilesOf(Difference(before.syncs(), after.syncs())),
      .cpus = absl::ToDoubleSeconds(cpu_time) / seconds,
      .rpcs = RpcRatesBetween(before, after, seconds),
      .errors = RatesOf(ErrorsOf(before), ErrorsOf(after), seconds),
      .declines = RatesOf(DeclinesOf(before), DeclinesOf(after), seconds),
      .recharges = RatesOf(RechargesOf(before), RechargesOf(after), seconds),
      .faults_per_second = faults / seconds,
  };
  if (commits > 0) rates.entries_per_commit = entries / commits;
  return rates;
}

}  // namespace farebox::cli
