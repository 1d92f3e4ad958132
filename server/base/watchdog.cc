#include "server/base/watchdog.h"

#include <string>
#include <utility>

#include "server/base/limits.h"
#include "server/base/log.h"

namespace farebox::server {

Watchdog::Watchdog(Options options)
    : options_(std::move(options)),
      state_gauge_(&prometheus::BuildGauge()
                        .Name("farebox_disk_state")
                        .Help("How the journal's disk is: 0 well, 1 slow, 2 stuck")
                        .Register(*options_.registry)
                        .Add({})),
      slow_counter_(&prometheus::BuildCounter()
                         .Name("farebox_disk_slow_total")
                         .Help("Times that one write took so long that health said NOT_SERVING")
                         .Register(*options_.registry)
                         .Add({})),
      blocked_counters_(&prometheus::BuildCounter()
                             .Name("farebox_blocked_handlers_total")
                             .Help("Handlers that held a thread of gRPC's for 100 ms, by method")
                             .Register(*options_.registry)),
      looks_since_told_(limits::kBlockedLogLooks) {
  thread_.Start(limits::kWatchPause);
}

absl::Duration Watchdog::Look() {
  LookAtDisk();
  LookAtHandlers();
  return limits::kWatchPause;
}

void Watchdog::LookAtDisk() {
  const QueueGate& writes = options_.ledger->gate();
  const DiskState::Kind now = state_.Look(writes.commits_begun(), writes.is_committing());
  const DiskState::Kind before = disk_.exchange(now, std::memory_order_relaxed);
  if (now == before) return;
  state_gauge_->Set(static_cast<double>(now));
  const bool was_slow = before != DiskState::Kind::kWell;
  const bool is_slow = now != DiskState::Kind::kWell;
  if (is_slow != was_slow) {
    Log(is_slow ? LogLevel::kWarning : LogLevel::kInfo, is_slow ? "disk_slow" : "disk_well",
        {{"health", is_slow ? "NOT_SERVING" : "SERVING"}});
    if (is_slow) slow_counter_->Increment();
    options_.on_slow_disk(is_slow);
  }
  if (now == DiskState::Kind::kStuck) options_.on_stuck_disk();
}

void Watchdog::LookAtHandlers() {
  ++looks_since_told_;
  for (const absl::string_view method : options_.handlers->Look()) {
    blocked_counters_->Add({{"method", std::string(method)}}).Increment();
    if (looks_since_told_ < limits::kBlockedLogLooks) continue;
    Log(LogLevel::kWarning, "handler_blocked", {{"method", method}});
    looks_since_told_ = 0;
  }
}

}  // namespace farebox::server
