#include "tools/drivers/report.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace farebox::drivers {
namespace {

// So many problems of one kind are told; the rest are counted.
constexpr size_t kProblemsShownMax = 20;

class Table {
 public:
  void Add(absl::string_view label, absl::string_view value) {
    absl::StrAppendFormat(&text_, "  %-32s %20s\n", label, value);
  }

  void Add(absl::string_view label, int64_t value) { Add(label, absl::StrCat(value)); }

  // Left out where it is 0, so that only what happened is read.
  void AddIfAny(absl::string_view label, int64_t value) {
    if (value != 0) Add(label, value);
  }

  void AddIfAny(absl::string_view label, const std::map<std::string, int64_t>& by_reason) {
    for (const auto& [reason, count] : by_reason) Add(absl::StrCat(label, reason), count);
  }

  void Space() { text_ += '\n'; }

  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

// Micros as units with six decimals, which is exact.
std::string Money(int64_t micros) {
  const uint64_t size = micros < 0 ? 0 - static_cast<uint64_t>(micros) : micros;
  return absl::StrFormat("%s%d.%06d", micros < 0 ? "-" : "", size / 1'000'000, size % 1'000'000);
}

// The time within which so many of a thousand were answered.
std::string Latency(std::vector<int64_t> nanos, size_t per_mille) {
  if (nanos.empty()) return "-";
  const size_t rank = (nanos.size() - 1) * per_mille / 1000;
  std::nth_element(nanos.begin(), nanos.begin() + static_cast<std::ptrdiff_t>(rank), nanos.end());
  return absl::StrFormat("%.3f ms", static_cast<double>(nanos[rank]) / 1e6);
}

void AddPlay(const RunResult& result, Table* table) {
  const Tally& tally = result.tally;
  table->Add(result.use, tally.uses);
  table->Add("  granted", tally.granted);
  table->AddIfAny("  denied, ", tally.denied);
  table->AddIfAny("  released", tally.released);
  table->AddIfAny("  settled", tally.settled);
  table->AddIfAny("    cut off as the grant ended", tally.cut_off);
  table->AddIfAny("    after the hold had expired", tally.late);
  table->AddIfAny("  forgotten on purpose", tally.forgotten);
  table->AddIfAny("reauthorizations", tally.reauthorizations);
  table->AddIfAny("  denied, ", tally.extension_denied);
  table->AddIfAny("interim settlements", tally.interim_settlements);
  table->AddIfAny("requests sent twice", tally.repeated);
  table->AddIfAny("answers marked replayed", tally.replayed);
  table->AddIfAny("balances read meanwhile", tally.balance_reads);
  table->AddIfAny("requests never answered", tally.unanswered);
  table->AddIfAny("unexpected errors, ", tally.errors);
}

void AddTimes(const RunResult& result, Table* table) {
  const Tally& tally = result.tally;
  const double seconds = static_cast<double>(tally.nanos) / 1e9;
  table->Add("time", absl::StrFormat("%.2f s", seconds));
  table->Add(absl::StrCat(result.use, " a second"),
             absl::StrFormat("%.0f", seconds > 0 ? static_cast<double>(tally.uses) / seconds : 0));
  table->Add("first answer, p50", Latency(tally.first_answer_nanos, 500));
  table->Add("first answer, p99", Latency(tally.first_answer_nanos, 990));
}

void AddBooks(const RunResult& result, Table* table) {
  const Balancing& balancing = result.balancing;
  table->Add("entries read back", balancing.entries);
  table->AddIfAny("holds forgotten", balancing.holds_forgotten);
  table->AddIfAny("  expired by now", balancing.holds_expired);
  table->AddIfAny("  still open", balancing.holds_still_open);
  table->Add("money charged", Money(balancing.charged_micros));
  table->Add("money expected", Money(balancing.expected_micros));
  table->Add("difference", Money(balancing.charged_micros - balancing.expected_micros));
}

void AppendProblems(absl::string_view title, const std::vector<std::string>& problems,
                    std::string* report) {
  if (problems.empty()) return;
  absl::StrAppend(report, "\n", title, " (", problems.size(), "):\n");
  for (size_t i = 0; i < std::min(problems.size(), kProblemsShownMax); ++i) {
    absl::StrAppend(report, "  ", problems[i], "\n");
  }
  if (problems.size() > kProblemsShownMax) absl::StrAppend(report, "  ...\n");
}

}  // namespace

bool IsClean(const RunResult& result) {
  return result.tally.problems.empty() && result.tally.errors.empty() &&
         result.tally.unanswered == 0 && result.balancing.problems.empty() &&
         result.balancing.charged_micros == result.balancing.expected_micros &&
         result.violations.empty();
}

std::string Report(const RunResult& result) {
  Table table;
  AddPlay(result, &table);
  table.Space();
  AddTimes(result, &table);
  table.Space();
  AddBooks(result, &table);
  std::string report = table.Take();

  std::vector<std::string> violations;
  for (const history::Violation& violation : result.violations) {
    violations.push_back(
        absl::StrCat("check ", static_cast<int>(violation.check), ": ", violation.sentence));
  }
  AppendProblems("Seen while playing", result.tally.problems, &report);
  AppendProblems("The books do not balance", result.balancing.problems, &report);
  AppendProblems("The history cannot be true", violations, &report);
  absl::StrAppend(&report, "\n",
                  IsClean(result) ? "The books balance and the history holds.\n"
                                  : "THERE ARE PROBLEMS: see above.\n");
  return report;
}

}  // namespace farebox::drivers
