#include "tools/drivers/call_log.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "storage/status_macros.h"
#include "tools/drivers/csv_table.h"

namespace farebox::drivers {
namespace {

constexpr int64_t kSegmentsMax = 255;

absl::StatusOr<int64_t> ReadNumber(const CsvTable& table, size_t row, absl::string_view column,
                                   int64_t max) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(table.At(row, column), &number) || number < 0 || number > max) {
    return table.Error(row, column, absl::StrCat("must be a whole number from 0 to ", max));
  }
  return number;
}

absl::StatusOr<absl::Time> ReadStart(const CsvTable& table, size_t row) {
  const absl::string_view text = table.At(row, "start");
  int64_t milliseconds = 0;
  if (absl::SimpleAtoi(text, &milliseconds)) return absl::FromUnixMillis(milliseconds);
  absl::Time time;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) return time;
  return table.Error(row, "start", "must be milliseconds or a time such as 2026-01-31T12:00:00Z");
}

absl::StatusOr<Party> ReadParty(const CsvTable& table, size_t row) {
  const absl::string_view direction = table.At(row, "direction");
  if (direction != "OUTBOUND" && direction != "INBOUND") {
    return table.Error(row, "direction", "must be OUTBOUND or INBOUND");
  }
  return Party{.account_id = std::string(table.At(row, "account")),
               .outbound = direction == "OUTBOUND",
               .from = std::string(table.At(row, "from")),
               .to = std::string(table.At(row, "to"))};
}

absl::Status Fill(const CsvTable& table, size_t row, LoggedCall* call) {
  FAREBOX_ASSIGN_OR_RETURN(call->seconds, ReadNumber(table, row, "seconds", 86'400));
  FAREBOX_ASSIGN_OR_RETURN(const int64_t answered, ReadNumber(table, row, "answered", 1));
  call->answered = answered == 1 && call->seconds > 0;
  return absl::OkStatus();
}

absl::Status Fill(const CsvTable& table, size_t row, LoggedText* text) {
  FAREBOX_ASSIGN_OR_RETURN(const int64_t segments,
                           ReadNumber(table, row, "segments", kSegmentsMax));
  text->segments = static_cast<int32_t>(segments);
  text->body = std::string(table.At(row, "body"));
  return absl::OkStatus();
}

template <typename Logged>
absl::StatusOr<std::vector<Logged>> Parse(absl::string_view csv,
                                          const std::vector<absl::string_view>& columns) {
  FAREBOX_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::Parse(csv));
  FAREBOX_RETURN_IF_ERROR(table.Require(columns));
  std::vector<std::pair<absl::Time, Logged>> lines;
  for (size_t row = 0; row < table.rows(); ++row) {
    Logged logged;
    FAREBOX_ASSIGN_OR_RETURN(const absl::Time start, ReadStart(table, row));
    FAREBOX_ASSIGN_OR_RETURN(logged.party, ReadParty(table, row));
    FAREBOX_RETURN_IF_ERROR(Fill(table, row, &logged));
    lines.emplace_back(start, std::move(logged));
  }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Logged> log;
  for (auto& [start, logged] : lines) {
    logged.start = start - lines.front().first;
    log.push_back(std::move(logged));
  }
  return log;
}

}  // namespace

absl::StatusOr<std::vector<LoggedCall>> ParseCallLog(absl::string_view csv) {
  return Parse<LoggedCall>(csv,
                           {"start", "account", "direction", "from", "to", "seconds", "answered"});
}

absl::StatusOr<std::vector<LoggedText>> ParseTextLog(absl::string_view csv) {
  return Parse<LoggedText>(csv, {"start", "account", "direction", "from", "to", "segments"});
}

template <typename Logged>
std::vector<std::string> AccountsOf(const std::vector<Logged>& log) {
  std::vector<std::string> accounts;
  for (const Logged& logged : log) accounts.push_back(logged.party.account_id);
  std::sort(accounts.begin(), accounts.end());
  accounts.erase(std::unique(accounts.begin(), accounts.end()), accounts.end());
  return accounts;
}

template std::vector<std::string> AccountsOf(const std::vector<LoggedCall>& log);
template std::vector<std::string> AccountsOf(const std::vector<LoggedText>& log);

}  // namespace farebox::drivers
