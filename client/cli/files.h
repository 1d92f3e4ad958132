#ifndef FAREBOX_CLIENT_CLI_FILES_H_
#define FAREBOX_CLIENT_CLI_FILES_H_

#include <string>

#include "absl/status/statusor.h"

namespace farebox::cli {

// All of a file; of standard input for "-".
absl::StatusOr<std::string> ReadAll(const std::string& path);

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_FILES_H_
