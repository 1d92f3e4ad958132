#ifndef FAREBOX_TOOLS_DRIVERS_CALL_LOG_H_
#define FAREBOX_TOOLS_DRIVERS_CALL_LOG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace farebox::drivers {

// Who talks to whom.
struct Party {
  std::string account_id;
  bool outbound = false;
  std::string from;
  std::string to;
};

// A line of a call log.
struct LoggedCall {
  absl::Duration start;  // After the log's first call.
  Party party;
  int64_t seconds = 0;  // 0 where nobody answered.
  bool answered = false;
};

// A line of a log of texts.
struct LoggedText {
  absl::Duration start;  // After the log's first text.
  Party party;
  int32_t segments = 0;
  std::string body;  // Empty: the server is told the segments and not the text.
};

// Reads a call log: CSV with the columns start (milliseconds, or RFC 3339), account, direction
// (OUTBOUND or INBOUND), from, to, seconds and answered (0 or 1). In the order of their starts.
absl::StatusOr<std::vector<LoggedCall>> ParseCallLog(absl::string_view csv);

// Reads a log of texts: likewise, with the columns segments and body in place of the last two.
absl::StatusOr<std::vector<LoggedText>> ParseTextLog(absl::string_view csv);

// The accounts of a log, each once, sorted.
template <typename Logged>
std::vector<std::string> AccountsOf(const std::vector<Logged>& log);
extern template std::vector<std::string> AccountsOf(const std::vector<LoggedCall>& log);
extern template std::vector<std::string> AccountsOf(const std::vector<LoggedText>& log);

}  // namespace farebox::drivers

#endif  // FAREBOX_TOOLS_DRIVERS_CALL_LOG_H_
