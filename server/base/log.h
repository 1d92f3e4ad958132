#ifndef FAREBOX_SERVER_BASE_LOG_H_
#define FAREBOX_SERVER_BASE_LOG_H_

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace farebox::server {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

enum class LogFormat {
  kJson,  // One JSON object a line.
  kText,  // time level event key=value..., for people.
};

// A value of a log line: text, or a number that JSON shows as one.
class LogValue {
 public:
  LogValue(absl::string_view text) : text_(text), is_text_(true) {}   // NOLINT: implicit
  LogValue(const char* text) : text_(text), is_text_(true) {}         // NOLINT: implicit
  LogValue(const std::string& text) : text_(text), is_text_(true) {}  // NOLINT: implicit
  LogValue(int64_t number) : text_(absl::StrCat(number)) {}           // NOLINT: implicit
  LogValue(int number) : text_(absl::StrCat(number)) {}               // NOLINT: implicit

  const std::string& text() const { return text_; }
  bool is_text() const { return is_text_; }

 private:
  std::string text_;
  bool is_text_ = false;
};

using LogField = std::pair<absl::string_view, LogValue>;

// Where lines go: standard error. Called once, before the first Log(); until then lines are text.
void ConfigureLog(LogFormat format, LogLevel least);

// Writes one line: what happened, as a fixed word, and the facts. Whatever the values are, the
// line stays one line and is printable. Thread-safe.
void Log(LogLevel level, absl::string_view event, std::initializer_list<LogField> fields = {});
void Log(LogLevel level, absl::string_view event, const std::vector<LogField>& fields);

// Waits until all lines are written.
void FlushLog();

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_LOG_H_
