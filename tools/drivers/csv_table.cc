#include "tools/drivers/csv_table.h"

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/rating/csv_reader.h"

namespace farebox::drivers {

using rating::CsvReader;

absl::StatusOr<CsvTable> CsvTable::Parse(absl::string_view text) {
  CsvTable table;
  CsvReader reader;
  bool finished = false;
  reader.Feed(text);
  while (true) {
    const CsvReader::Step step = reader.Next();
    if (step == CsvReader::Step::kProblem) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", reader.problem().line, ": ", reader.problem().why));
    }
    if (step == CsvReader::Step::kMoreBytes) {
      if (finished) break;
      reader.Finish();
      finished = true;
      continue;
    }
    Row row{.line = reader.fields().front().line};
    for (const CsvReader::Field& field : reader.fields()) row.fields.emplace_back(field.text);
    if (table.columns_.empty()) {
      for (size_t i = 0; i < row.fields.size(); ++i) table.columns_[row.fields[i]] = i;
      continue;
    }
    if (row.fields.size() != table.columns_.size()) {
      return absl::InvalidArgumentError(absl::StrCat("line ", row.line, " has ", row.fields.size(),
                                                     " fields, the first line ",
                                                     table.columns_.size()));
    }
    table.rows_.push_back(std::move(row));
  }
  return table;
}

absl::Status CsvTable::Require(const std::vector<absl::string_view>& columns) const {
  for (const absl::string_view column : columns) {
    if (columns_.contains(column)) continue;
    return absl::InvalidArgumentError(absl::StrCat("line 1: there is no column \"", column, "\""));
  }
  return absl::OkStatus();
}

absl::string_view CsvTable::At(size_t row, absl::string_view column) const {
  const auto found = columns_.find(column);
  return found == columns_.end() ? absl::string_view() : rows_[row].fields[found->second];
}

absl::Status CsvTable::Error(size_t row, absl::string_view column, absl::string_view why) const {
  return absl::InvalidArgumentError(
      absl::StrCat("line ", rows_[row].line, " (", column, "): \"", At(row, column), "\" ", why));
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  return text.str();
}

}  // namespace farebox::drivers
