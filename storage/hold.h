#ifndef FAREBOX_STORAGE_HOLD_H_
#define FAREBOX_STORAGE_HOLD_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "storage/entry.h"
#include "storage/micros.h"

namespace farebox {

// Money set aside for a call in progress, or what is remembered of it until it has been settled.
struct Hold {
  // The id of its kHold entry.
  EntryId id = 0;
  // What was paid for, as in Entry::item.
  uint8_t item = 0;
  // Set aside now. After expiry: what was set aside when it expired.
  Micros amount;
  // Charged so far by interim settlements.
  Micros charged;
  absl::Time start_time;
  absl::Time expire_time;
  // True from expiry until a late settlement ends it: nothing is held any more.
  bool expired = false;
  // The caller's bytes of the newest kHold or kHoldExtended entry.
  std::string detail;

  friend bool operator==(const Hold&, const Hold&) = default;
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_HOLD_H_
