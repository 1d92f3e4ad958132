#include "server/base/disk_state.h"

#include "server/base/limits.h"

namespace farebox::server {

DiskState::Kind DiskState::Look(int64_t writes_begun, bool is_writing) {
  const bool is_same = is_writing && writes_begun == seen_;
  seen_ = writes_begun;
  looks_ = is_same ? looks_ + 1 : 0;
  if (looks_ >= limits::kStuckWrite / limits::kWatchPause) return Kind::kStuck;
  return looks_ >= limits::kSlowWrite / limits::kWatchPause ? Kind::kSlow : Kind::kWell;
}

}  // namespace farebox::server
