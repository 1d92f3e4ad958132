#ifndef FAREBOX_SERVER_BASE_DISK_STATE_H_
#define FAREBOX_SERVER_BASE_DISK_STATE_H_

#include <cstdint>

namespace farebox::server {

// Tells from looks at the writer, which are taken every limits::kWatchPause, how the disk is. It
// counts its looks and asks no clock: one that leaps, or a machine that slept, is no stuck disk.
// Thread-compatible; pure.
class DiskState {
 public:
  enum class Kind {
    kWell,
    // One write takes so long that calls are better sent elsewhere.
    kSlow,
    // It will not come back: the process is better ended, and replays when it starts again.
    kStuck,
  };

  // `writes_begun` is how many there were so far, `is_writing` whether the last of them goes on.
  Kind Look(int64_t writes_begun, bool is_writing);

 private:
  int64_t seen_ = 0;
  int64_t looks_ = 0;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_DISK_STATE_H_
