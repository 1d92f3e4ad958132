#ifndef FAREBOX_STORAGE_CLOCK_H_
#define FAREBOX_STORAGE_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"

namespace farebox {

// The only source of time. Handed to whatever needs it, so that tests move time by hand.
// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
};

// The machine's wall clock. May jump either way; the ledger keeps journal time from going back.
class SystemClock : public Clock {
 public:
  absl::Time Now() const override;
};

// Lets real time pass, whatever a Clock says: for who waits for what nobody would tell of. Where
// somebody can, wait for a CondVar.
void Pause(absl::Duration duration);

// Stands still until told otherwise. Thread-safe.
class ManualClock : public Clock {
 public:
  explicit ManualClock(absl::Time start) : now_nanos_(absl::ToUnixNanos(start)) {}

  absl::Time Now() const override { return absl::FromUnixNanos(now_nanos_.load()); }
  void Set(absl::Time now) { now_nanos_.store(absl::ToUnixNanos(now)); }
  void Advance(absl::Duration by) { now_nanos_.fetch_add(absl::ToInt64Nanoseconds(by)); }

 private:
  std::atomic<int64_t> now_nanos_;
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_CLOCK_H_
