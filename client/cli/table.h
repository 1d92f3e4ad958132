#ifndef FAREBOX_CLIENT_CLI_TABLE_H_
#define FAREBOX_CLIENT_CLI_TABLE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace farebox::cli {

// What a cell is, shown by colour on a terminal that has it.
enum class Tone { kPlain, kStrong, kGood, kBad, kFaint };

struct Cell {
  Cell() = default;
  // Cells are mostly plain text.
  Cell(std::string cell_text)
      : text(std::move(cell_text)) {}               // NOLINT(google-explicit-constructor)
  Cell(const char* cell_text) : text(cell_text) {}  // NOLINT(google-explicit-constructor)
  Cell(std::string cell_text, Tone cell_tone) : text(std::move(cell_text)), tone(cell_tone) {}

  std::string text;
  Tone tone = Tone::kPlain;
};

// How a column is lined up. Money is lined up at its point.
enum class Align { kLeft, kRight, kPoint };

struct Column {
  std::string name;  // Of the heading; a table whose columns have no names has no heading.
  Align align = Align::kLeft;
};

// Rows in columns as wide as their widest cell. Thread-compatible.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // One cell a column; cells that are missing at the end are empty.
  void AddRow(std::vector<Cell> row);

  bool empty() const { return rows_.empty(); }
  // Lines that end with a line feed, without blanks at their ends.
  std::string ToString(bool has_colour) const;

 private:
  const std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// `text` without what would steer a terminal: control characters and bytes that are not UTF-8 are
// shown as `?`. Much of what is shown was typed by somebody else.
std::string Printable(absl::string_view text);

// `text` in the colour of its tone.
std::string Toned(absl::string_view text, Tone tone, bool has_colour);

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_TABLE_H_
