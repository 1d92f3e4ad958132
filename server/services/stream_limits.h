#ifndef FAREBOX_SERVER_SERVICES_STREAM_LIMITS_H_
#define FAREBOX_SERVER_SERVICES_STREAM_LIMITS_H_

#include <cstddef>
#include <cstdint>

// The bounds of calls that go on: batches in a stream, watches, exports; the others are in
// server/base/limits.h.
namespace farebox::limits {

// Operations of one ApplyStream that are not answered yet; from there on the stream is not read.
inline constexpr size_t kStreamOperationsMax = 1'024;

// Bytes of its messages that are not answered yet; the same.
inline constexpr size_t kStreamBytesMax = size_t{1} << 20;

// Operations in one message of it.
inline constexpr size_t kStreamMessageOperationsMax = 1'000;

// Exports of activity at once: each has a piece in memory, and one more in gRPC's.
inline constexpr size_t kExportsMax = 256;

// Those of one account by its customer: one that is not read has its place for as long as its
// connection lives.
inline constexpr size_t kExportsPerAccountMax = 8;

// Streams of ApplyStream and WatchAccount at once, each.
inline constexpr size_t kStreamsMax = 10'000;

// Of the places for exports, and of those for watches, what the customers of all accounts have
// together at most: the operator's own programs find room beside them.
inline constexpr size_t kCustomersPlacesPercent = 75;

// Entries that a watcher is sent before the next one has its turn.
inline constexpr size_t kWatchChunkEntries = 128;

// Entries of one account that a watcher may lag behind; it gets there with ListActivity.
inline constexpr size_t kWatchLagEntriesMax = 1'000'000;

// Entries that are looked at for what a watcher lags behind before the next one has its turn: a
// millisecond or two.
inline constexpr int64_t kWatchLooksPerTurn = 512;

// Watches of one account by its customer: all browsers and programs.
inline constexpr size_t kWatchesPerAccountMax = 100;

// Signals that wait for one watcher; one that does not read them is cut.
inline constexpr size_t kWatchSignalsMax = 1'024;

}  // namespace farebox::limits

#endif  // FAREBOX_SERVER_SERVICES_STREAM_LIMITS_H_
