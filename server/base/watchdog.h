#ifndef FAREBOX_SERVER_BASE_WATCHDOG_H_
#define FAREBOX_SERVER_BASE_WATCHDOG_H_

#include <atomic>
#include <functional>

#include "absl/time/time.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/registry.h"
#include "server/base/blocked_handlers.h"
#include "server/base/disk_state.h"
#include "server/base/due_thread.h"
#include "storage/ledger.h"

namespace farebox::server {

// A thread that waits for nothing, and sees what others wait for: the disk, and handlers that hold
// a thread of gRPC's. Thread-safe.
//
//   farebox_disk_state                       gauge     0 well, 1 slow: NOT_SERVING, 2 stuck
//   farebox_disk_slow_total                  counter   times it became slow
//   farebox_blocked_handlers_total{method}   counter   handlers that held a thread of gRPC's
class Watchdog {
 public:
  // All outlive it.
  struct Options {
    const Ledger* ledger = nullptr;
    BlockedHandlers* handlers = nullptr;
    prometheus::Registry* registry = nullptr;
    // Told each change, on the watchdog's thread: whether calls are better sent elsewhere.
    std::function<void(bool is_slow)> on_slow_disk;
    // Told once, on the watchdog's thread, when the disk will not come back.
    std::function<void()> on_stuck_disk;
  };
  explicit Watchdog(Options options);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  DiskState::Kind disk() const { return disk_.load(std::memory_order_relaxed); }

 private:
  // Returns how long to wait before the next.
  absl::Duration Look();
  void LookAtDisk();
  void LookAtHandlers();

  // Constant after construction.
  const Options options_;
  prometheus::Gauge* const state_gauge_;
  prometheus::Counter* const slow_counter_;
  prometheus::Family<prometheus::Counter>* const blocked_counters_;

  std::atomic<DiskState::Kind> disk_{DiskState::Kind::kWell};

  // Used only on the watchdog's thread.
  DiskState state_;
  int64_t looks_since_told_ = 0;

  DueThread thread_{"fbx-watchdog", [this] { return Look(); }};  // Last: it uses all above.
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_WATCHDOG_H_
