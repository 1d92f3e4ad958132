#ifndef FAREBOX_STORAGE_SIGNAL_H_
#define FAREBOX_STORAGE_SIGNAL_H_

#include <string>

#include "storage/entry.h"
#include "storage/micros.h"

namespace farebox {

// What a router should be told at once; not part of the journal.
struct Signal {
  enum class Kind { kLowBalance, kHoldExpiring, kDisconnect };
  Kind kind = Kind::kLowBalance;
  std::string account_id;
  EntryId hold = 0;
  Micros available;
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_SIGNAL_H_
