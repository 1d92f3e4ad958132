#include "tests/end_to_end/kill_run.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/clock.h"
#include "tests/support/server_load.h"
#include "tests/support/server_process.h"

namespace farebox {
namespace {

// One kill in so many hits a server that has just been started.
constexpr uint64_t kStartingKillOf = 10;
// A start takes about as long.
constexpr absl::Duration kStartMax = absl::Milliseconds(150);

void Add(const testing::CallTally& tally, testing::CallTally* sum) {
  sum->sent += tally.sent;
  sum->acknowledged += tally.acknowledged;
  sum->replayed += tally.replayed;
  sum->refused += tally.refused;
  sum->unanswered += tally.unanswered;
  for (const auto& [error, count] : tally.errors) sum->errors[error] += count;
  sum->quickest = std::min(sum->quickest, tally.quickest);
}

// One ledger and the kills on it.
class KilledLedger {
 public:
  KilledLedger(const KillOptions& options, uint64_t seed, KillReport* report)
      : options_(options),
        report_(*report),
        random_(seed),
        server_({.binary = options.server, .data_directory = directory_.path() + "/ledger"}),
        load_({.address = server_.address(), .seed = seed}) {}

  void Run(int kills) {
    absl::Status status = server_.Start();
    if (status.ok()) status = load_.Prepare();
    load_.Start();
    for (int kill = 0; status.ok() && kill < kills; ++kill) {
      status = KillOnce();
      if (status.ok() && kill == kills / 2) status = load_.RememberJournal();
    }
    if (status.ok()) {
      load_.Stop();
      for (history::Violation& violation : load_.FindViolations()) {
        report_.violations.push_back(std::move(violation));
      }
      if (server_.Terminate() != 0) status = absl::InternalError("it did not end in good order");
    }
    if (!status.ok()) {
      report_.violations.push_back({history::Check::kKept, std::string(status.message())});
    }
    report_.entries += load_.entries_checked();
    Add(load_.log().tally(), &report_.tally);
  }

 private:
  absl::Duration Draw(absl::Duration min, absl::Duration max) {
    const auto range = static_cast<uint64_t>(absl::ToInt64Microseconds(max - min));
    return min + absl::Microseconds(random_() % range);
  }

  void Kill(absl::Duration after) {
    std::this_thread::sleep_for(absl::ToChronoMicroseconds(after));
    server_.Kill();
    ++report_.kills;
    if (!options_.loses_log) return;
    std::error_code ignored;
    std::filesystem::remove(directory_.path() + "/ledger/journal.db-wal", ignored);
  }

  absl::Status KillOnce() {
    Kill(Draw(options_.life_min, options_.life_max));
    if (random_() % kStartingKillOf == 0) {
      server_.Launch();
      Kill(Draw(absl::ZeroDuration(), kStartMax));
      ++report_.kills_while_starting;
    }
    const absl::Time start = clock_.Now();
    const absl::Status status = server_.Start();
    if (!status.ok()) return status;
    load_.ReadBalances();
    report_.recoveries.push_back(clock_.Now() - start);
    return absl::OkStatus();
  }

  const KillOptions& options_;
  KillReport& report_;
  std::mt19937_64 random_;
  const SystemClock clock_;
  const testing::TemporaryDirectory directory_;
  testing::ServerProcess server_;
  testing::ServerLoad load_;
};

}  // namespace

int64_t KillReport::CountOf(history::Check check) const {
  return std::count_if(
      violations.begin(), violations.end(),
      [check](const history::Violation& violation) { return violation.check == check; });
}

KillReport KillAgainAndAgain(const KillOptions& options) {
  KillReport report;
  for (uint64_t seed = options.seed; report.kills < options.kills && report.violations.empty();
       ++seed) {
    const int kills = std::min(options.kills_per_ledger, options.kills - report.kills);
    KilledLedger(options, seed, &report).Run(kills);
  }
  return report;
}

}  // namespace farebox
