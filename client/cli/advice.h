#ifndef FAREBOX_CLIENT_CLI_ADVICE_H_
#define FAREBOX_CLIENT_CLI_ADVICE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace farebox::cli {

// What to do about a refusal, by its reason in the API's words ("NO_RATE"); empty where there is
// nothing to say.
absl::string_view AdviceFor(absl::string_view reason);

// One line for the person: the reason, what was in the way, and what to do. Several wrong fields
// follow, a line each. `look_up` says where to see whether a change was made that no request id
// names; empty where there is no such change.
std::string DescribeFailure(const absl::Status& status, absl::string_view server,
                            absl::string_view look_up = "");

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_ADVICE_H_
