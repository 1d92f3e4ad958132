#include "client/cli/exit_codes.h"

#include "absl/strings/str_format.h"

namespace farebox::cli {
namespace {

struct Row {
  ExitCode code;
  const char* meaning;
};

constexpr Row kRows[] = {
    {kExitOk, "done"},
    {kExitRefused, "refused: denied, not enough money, wrong state, request id used before"},
    {kExitUsage, "the command is wrong: an unknown option, a malformed amount, a bad field"},
    {kExitNotFound, "no such account, hold, entry, deck, number or card setup"},
    {kExitUnavailable, "no answer: the server is out of reach, overloaded or stopping"},
    {kExitVerificationFailed, "verification found the journal in disagreement with itself"},
    {kExitFault,
     "a fault of the server or of this program, or a file that cannot be used or written"},
    {kExitDifferences, "reconciliation found charges without credits, or credits without charges"},
};

}  // namespace

ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return kExitRefused;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return kExitUsage;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kCancelled:
      return kExitUnavailable;
    case absl::StatusCode::kDataLoss:
      return kExitVerificationFailed;
    default:
      return kExitFault;
  }
}

std::string DescribeExitCodes() {
  std::string text = "Exit codes:\n";
  for (const Row& row : kRows) absl::StrAppendFormat(&text, "  %d  %s\n", row.code, row.meaning);
  return text;
}

}  // namespace farebox::cli
