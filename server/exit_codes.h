#ifndef FAREBOX_SERVER_EXIT_CODES_H_
#define FAREBOX_SERVER_EXIT_CODES_H_

#include "absl/status/status.h"

namespace farebox::server {

// How farebox-server ends, by the numbers of sysexits.h, so that whoever restarts it knows whether
// that is of any use.
inline constexpr int kExitOk = 0;
inline constexpr int kExitUsage = 64;        // A flag is wrong.
inline constexpr int kExitData = 65;         // The files are foreign, too new or damaged.
inline constexpr int kExitUnavailable = 69;  // The address cannot be listened on.
inline constexpr int kExitSoftware = 70;     // The journal failed: start again, and it is replayed.
inline constexpr int kExitTemporary = 75;    // Another process owns the files.

// For a server that could not start.
int ExitCodeOf(const absl::Status& status);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_EXIT_CODES_H_
