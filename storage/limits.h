#ifndef FAREBOX_STORAGE_LIMITS_H_
#define FAREBOX_STORAGE_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "storage/micros.h"

// Every bound of the ledger. What the server adds (messages, deadlines, pages) is in
// server/base/limits.h.
namespace farebox::limits {

// An account id: the operator's own name for the account, `A-Z a-z 0-9 . _ : @ + -`.
inline constexpr size_t kAccountIdBytesMax = 64;

// A request id: printable ASCII, unique within its account.
inline constexpr size_t kRequestIdBytesMax = 128;

// How long the request ids of the past are kept in memory, by default; older ones are on disk.
inline constexpr absl::Duration kRequestWindow = absl::Hours(24 * 7);

// One debit, credit or hold: a thousand million units. Far above any call, far below overflow.
inline constexpr Micros kAmountMax{1'000'000'000'000'000};

// A balance, either way of zero: the sum of two of these and an amount still fits in 64 bits.
inline constexpr Micros kBalanceMax{1'000'000'000'000'000'000};

// How long a hold may live without being extended.
inline constexpr absl::Duration kHoldLifetimeMax = absl::Hours(24);

// How long after its expiry a hold can still be settled (`late`); then it is ended for good.
inline constexpr absl::Duration kLateSettlementMax = absl::Hours(24 * 7);

// Open holds of one account where its own terms give no smaller number.
inline constexpr int32_t kOpenHoldsMax = 10'000;

// What the caller keeps with an account (its settings).
inline constexpr size_t kSettingsBytesMax = 16 * 1024;

// Commands that may wait for the writer; one more is refused with OVERLOADED. New work may fill
// half of it, other work three quarters; the rest is for what ends calls.
inline constexpr size_t kQueuedCommandsMax = 65'536;
// The same for what they come in: a call, or a message of a stream. A slow disk has no more of them
// wait for one commit.
inline constexpr size_t kQueuedRequestsMax = 4'096;

// New work that would wait longer than this, beyond what the disk needs, is refused with
// OVERLOADED; other work above the second.
inline constexpr absl::Duration kWaitMax = absl::Milliseconds(50);
inline constexpr absl::Duration kUrgentWaitMax = absl::Milliseconds(100);

// What a disk may need for a commit and count as no wait: callers have no more patience, however
// slow it is.
inline constexpr absl::Duration kDiskPatience = absl::Milliseconds(500);

// Commands of one Submit call: one group commit, one answer.
inline constexpr size_t kSubmittedCommandsMax = 10'000;

// Commands the writer puts into one commit, so that the first of them never waits for a long one;
// and as many holds that are due.
inline constexpr size_t kBatchCommandsMax = 16'384;

// Entries of one account that are read to add it up, while the derived file lags or is being made
// anew. Otherwise some tens are enough.
inline constexpr int64_t kTotalsLooksMax = 2'000'000;

// Request ids that a start reads into memory although they are older than it keeps, where their
// index lacks them, as after a power cut: 36 bytes each. Where more are missing, whoever comes with
// an id that may be old, as each that carries no time, waits for the index.
inline constexpr int64_t kOldRequestsLoadedMax = 8'000'000;

// Reminders of when holds end, some 40 bytes each, that are kept although their holds have ended;
// half as many again may come while they are being dropped.
inline constexpr size_t kRemindersKeptMax = 1'000'000;

// How far the derived file may lag behind the journal before the writer waits for it.
inline constexpr int64_t kDerivedLagEntriesMax = 4'000'000;

// Where that shows no progress for so long, one more batch is written: the bound gives way a
// little, and a disk that is stuck is met by the writer, whose writes are watched.
inline constexpr absl::Duration kDerivedPatience = absl::Seconds(1);

// How often one that cannot be opened is tried, a second apart, before it is made anew: whatever is
// wrong with it then does not pass.
inline constexpr int kDerivedOpenTriesMax = 600;

// What of it is written at once; bounds the memory of that, and the time it takes to stop. Request
// ids are in the order of hashes there: many of them touch hardly more pages than few.
inline constexpr int64_t kDerivedChunkEntriesMax = 500'000;
inline constexpr int64_t kDerivedChunkRequestsMax = 1'000'000;

// Below this much free disk nothing new is begun (STORAGE_FULL): what is left is for ending the
// calls that have been connected already, some 100 bytes each.
inline constexpr int64_t kFreeDiskBytesMin = 128 * 1024 * 1024;

// Below this share of it they are not ended either, so that a full disk is met while every byte of
// the journal is still known to be good.
inline constexpr int64_t kFreeDiskEndingShare = 4;

}  // namespace farebox::limits

#endif  // FAREBOX_STORAGE_LIMITS_H_
