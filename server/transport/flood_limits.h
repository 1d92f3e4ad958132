#ifndef FAREBOX_SERVER_TRANSPORT_FLOOD_LIMITS_H_
#define FAREBOX_SERVER_TRANSPORT_FLOOD_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

// What a flood is, and what is done about it (conduct.h); the other bounds are in
// server/base/limits.h.
namespace farebox::limits {

// Each connection is looked at so often, and seldomer while next to nothing comes.
inline constexpr int64_t kLooksPerSecond = 10;
inline constexpr int64_t kLooksBetweenQuiet = 3;

// What pays for received bytes beside requests: each call, for its metadata; what was sent, for the
// window updates of who reads it; and time, for pings and health checks.
inline constexpr int64_t kPaidMetadataBytes = 1024;
inline constexpr int64_t kSentBytesPerPaidByte = 16;
inline constexpr int64_t kFreeBytesPerLook = 8 * 1024;

// What a message of a stream has around it.
inline constexpr size_t kMessageOverheadBytes = 64;

// Unpaid bytes, above which a connection is cut after so many more looks. A request is paid for
// when it is whole: who was let in may have two of the largest batches on their way, and a
// stranger, who has shown nothing but bytes, far less. The third is of anybody whose bytes are read
// more slowly than they come, and pay for less than themselves.
inline constexpr int64_t kUnpaidBytesMax = 10 * 1024 * 1024;
inline constexpr int64_t kUnpaidBytesOfStrangerMax = 1024 * 1024;
inline constexpr int64_t kUnpaidBytesBehindMax = 64 * 1024;
inline constexpr int64_t kUnpaidLooksMax = 4;
// A stranger's fewer looks: what has come until then, gRPC works through.
inline constexpr int64_t kUnpaidLooksOfStrangerMax = 2;

// A call that is given up so long before its deadline is a reset. So many at once are cut, and so
// many in each look are nothing unusual: a caller hangs up.
inline constexpr absl::Duration kResetLead = absl::Milliseconds(100);
inline constexpr int64_t kResetsMax = 2'000;
inline constexpr int64_t kFreeResetsPerLook = 20;

// So are calls that nothing was sent for, beyond those that a connection may have at once and so
// many in each look: while a disk stands still callers give up too. An answer is no shorter than
// this: a frame of trailers with a status and a message.
inline constexpr int64_t kFreeUnansweredPerLook = 500;
inline constexpr int64_t kAnswerBytesMin = 20;

// How long a host that was cut gets no connection.
inline constexpr int64_t kRestLooks = 10 * kLooksPerSecond;

// Bytes of a stream's requests that are told of at once.
inline constexpr size_t kTrafficPieceBytes = 32 * 1024;

}  // namespace farebox::limits

#endif  // FAREBOX_SERVER_TRANSPORT_FLOOD_LIMITS_H_
