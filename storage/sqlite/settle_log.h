#ifndef FAREBOX_STORAGE_SQLITE_SETTLE_LOG_H_
#define FAREBOX_STORAGE_SQLITE_SETTLE_LOG_H_

#include <string>

#include "absl/status/status.h"

namespace farebox::sqlite {

// Makes what the journal at `path` says survive a power cut, before anybody is told of it. What a
// killed process wrote to the log may be in memory only; what a failed sync left behind looks as if
// it were on disk, and no further sync would write it. So the log is written over with what it says
// and synced: then all of it is on disk, or this fails with STORAGE_FAILED.
//
// Before the process opens the journal. Where the log is empty, as after a stop in good order, only
// its directory is synced.
absl::Status SettleLog(const std::string& path);

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_SETTLE_LOG_H_
