#include "server/base/log.h"

#include <atomic>
#include <memory>

#include "absl/strings/escaping.h"
#include "nlohmann/json.hpp"
#include "spdlog/logger.h"
#include "spdlog/sinks/stdout_sinks.h"

namespace farebox::server {
namespace {

constexpr char kTextPattern[] = "%Y-%m-%dT%H:%M:%S.%e%z %l %v";
constexpr char kJsonPattern[] = R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})";

spdlog::logger& Logger() {
  static auto* const logger = [] {
    auto* const made =
        new spdlog::logger("farebox", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern(kTextPattern);
    return made;
  }();
  return *logger;
}

std::atomic<LogFormat> log_format{LogFormat::kText};

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string Quoted(absl::string_view text) {
  // Bytes that are no UTF-8 are replaced, not thrown at.
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', /*ensure_ascii=*/true, nlohmann::json::error_handler_t::replace);
}

void AppendJson(absl::string_view key, const LogValue& value, std::string* line) {
  if (!line->empty()) line->push_back(',');
  absl::StrAppend(line, "\"", key, "\":", value.is_text() ? Quoted(value.text()) : value.text());
}

void AppendText(absl::string_view key, const LogValue& value, std::string* line) {
  const bool is_plain =
      value.text().find_first_of(" \"=") == std::string::npos && !value.text().empty();
  const std::string escaped = absl::CHexEscape(value.text());
  absl::StrAppend(line, " ", key, "=", is_plain ? escaped : absl::StrCat("\"", escaped, "\""));
}

}  // namespace

void ConfigureLog(LogFormat format, LogLevel least) {
  log_format.store(format);
  Logger().set_pattern(format == LogFormat::kJson ? kJsonPattern : kTextPattern);
  Logger().set_level(ToSpdlog(least));
}

namespace {

template <typename Fields>
void WriteLine(LogLevel level, absl::string_view event, const Fields& fields) {
  spdlog::logger& logger = Logger();
  if (!logger.should_log(ToSpdlog(level))) return;

  std::string line;
  if (log_format.load() == LogFormat::kJson) {
    AppendJson("event", event, &line);
    for (const auto& [key, value] : fields) AppendJson(key, value, &line);
  } else {
    line = std::string(event);
    for (const auto& [key, value] : fields) AppendText(key, value, &line);
  }
  logger.log(ToSpdlog(level), line);
}

}  // namespace

void Log(LogLevel level, absl::string_view event, std::initializer_list<LogField> fields) {
  WriteLine(level, event, fields);
}

void Log(LogLevel level, absl::string_view event, const std::vector<LogField>& fields) {
  WriteLine(level, event, fields);
}

void FlushLog() { Logger().flush(); }

}  // namespace farebox::server
