#ifndef FAREBOX_CLIENT_CLI_EXIT_CODES_H_
#define FAREBOX_CLIENT_CLI_EXIT_CODES_H_

#include <string>

#include "absl/status/status.h"

namespace farebox::cli {

// How `farebox` ends. Scripts live on these: none ever changes its meaning.
enum ExitCode : int {
  kExitOk = 0,
  kExitRefused = 1,
  kExitUsage = 2,
  kExitNotFound = 3,
  kExitUnavailable = 4,
  kExitVerificationFailed = 5,
  kExitFault = 6,
  kExitDifferences = 7,
};

ExitCode ExitCodeOf(const absl::Status& status);

// What each means, one a line, for --help.
std::string DescribeExitCodes();

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_EXIT_CODES_H_
