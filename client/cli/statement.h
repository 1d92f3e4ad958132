#ifndef FAREBOX_CLIENT_CLI_STATEMENT_H_
#define FAREBOX_CLIENT_CLI_STATEMENT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "farebox/v1/account.pb.h"
#include "farebox/v1/entry.pb.h"

// A statement of account as a page to be printed. Pure.
namespace farebox::cli {

struct Statement {
  v1::GetSummaryResponse summary;
  // Of the summary's days.
  absl::TimeZone zone;
  // The lines to be shown, oldest first.
  std::vector<v1::Entry> lines;
  // Whether these are all lines, or only what came in.
  bool has_all_lines = false;
};

// HTML that stands alone: no scripts, nothing fetched, styled for the screen and for A4 and letter
// paper. Whatever others have written is escaped.
std::string StatementHtml(const Statement& statement);

// `text` as HTML text or as an attribute's value; control characters are left out.
std::string EscapeHtml(absl::string_view text);

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_STATEMENT_H_
