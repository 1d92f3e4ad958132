#ifndef FAREBOX_TOOLS_DRIVERS_REPORT_H_
#define FAREBOX_TOOLS_DRIVERS_REPORT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/support/history_check.h"
#include "tools/drivers/books.h"
#include "tools/drivers/tally.h"

namespace farebox::drivers {

// All that is known at the end of a run.
struct RunResult {
  std::string use;  // What was played, e.g. "calls".
  Tally tally;
  Balancing balancing;
  std::vector<history::Violation> violations;
};

// Whether everything was as it must be: nothing unexpected was met and the books balance.
bool IsClean(const RunResult& result);

// The run as a table for people, and every problem in a sentence.
std::string Report(const RunResult& result);

}  // namespace farebox::drivers

#endif  // FAREBOX_TOOLS_DRIVERS_REPORT_H_
