#ifndef FAREBOX_SERVER_HAND_OVER_HAND_OVER_LIMITS_H_
#define FAREBOX_SERVER_HAND_OVER_HAND_OVER_LIMITS_H_

#include <cstdint>

#include "absl/time/time.h"

// The bounds of a hand-over to another process; the others are in limits.h.
namespace farebox::limits {

// After the time in which calls are turned away: how long HTTP requests may take to be answered.
inline constexpr absl::Duration kHandOverTimeout = absl::Milliseconds(300);

// How long a new server may take to read the ledger.
inline constexpr absl::Duration kSuccessorTimeout = absl::Minutes(10);

// How long the old one may take to end, when it was asked to; charges under way are waited for.
inline constexpr absl::Duration kPredecessorTimeout = absl::Minutes(2);

// After that end, how long the lock may still be held.
inline constexpr absl::Duration kLockTimeout = absl::Seconds(2);

// A new server follows the journal until it was this many entries behind, or has tried so often.
inline constexpr int64_t kFollowLagEntries = 5'000;
inline constexpr int kFollowRoundsMax = 10;

}  // namespace farebox::limits

#endif  // FAREBOX_SERVER_HAND_OVER_HAND_OVER_LIMITS_H_
