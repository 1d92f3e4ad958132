#ifndef FAREBOX_CLIENT_CLI_OFFLINE_FILES_H_
#define FAREBOX_CLIENT_CLI_OFFLINE_FILES_H_

#include "absl/status/status.h"
#include "farebox/v1/operations.pb.h"
// tidy: allow(include-direction): reads the files, without a server
#include "storage/verify.h"

// What is done with a ledger's files and without a server, in the form that a server's answer has.
namespace farebox::cli {

// With the reason where the server would put it.
absl::Status FromFiles(const absl::Status& status);

v1::VerifyResponse ToResponse(const VerifyReport& report);

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_OFFLINE_FILES_H_
