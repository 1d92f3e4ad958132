#ifndef FAREBOX_TESTS_CRASH_RECORDING_VFS_H_
#define FAREBOX_TESTS_CRASH_RECORDING_VFS_H_

#include "tests/crash/io_log.h"

namespace farebox {

// Records what this thread's SQLite does to main databases and their write-ahead logs that are
// opened while it lives, by standing before the default file system; from the first one on it
// stands there for good, and passes on what nobody records. Everything is done to the real files
// too.
//
// One at a time in a thread.
class IoRecorder {
 public:
  explicit IoRecorder(IoLog* log);
  ~IoRecorder();
  IoRecorder(const IoRecorder&) = delete;
  IoRecorder& operator=(const IoRecorder&) = delete;
};

}  // namespace farebox

#endif  // FAREBOX_TESTS_CRASH_RECORDING_VFS_H_
