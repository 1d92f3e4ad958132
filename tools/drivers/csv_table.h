#ifndef FAREBOX_TOOLS_DRIVERS_CSV_TABLE_H_
#define FAREBOX_TOOLS_DRIVERS_CSV_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace farebox::drivers {

// A whole CSV file whose first line names its columns. Thread-compatible.
class CsvTable {
 public:
  // Fails where a line is not CSV or has not as many fields as the first.
  static absl::StatusOr<CsvTable> Parse(absl::string_view text);

  // Fails, and names them, where columns are missing.
  absl::Status Require(const std::vector<absl::string_view>& columns) const;

  size_t rows() const { return rows_.size(); }

  // The field, empty where the file does not have the column.
  absl::string_view At(size_t row, absl::string_view column) const;

  // Says where the row stands in the file and what is wrong with the field.
  absl::Status Error(size_t row, absl::string_view column, absl::string_view why) const;

 private:
  struct Row {
    int64_t line = 0;
    std::vector<std::string> fields;
  };

  absl::flat_hash_map<std::string, size_t> columns_;
  std::vector<Row> rows_;
};

// The whole file; NOT_FOUND with its name where it cannot be read.
absl::StatusOr<std::string> ReadFile(const std::string& path);

}  // namespace farebox::drivers

#endif  // FAREBOX_TOOLS_DRIVERS_CSV_TABLE_H_
