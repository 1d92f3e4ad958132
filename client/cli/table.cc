#include "client/cli/table.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace farebox::cli {
namespace {

constexpr absl::string_view kGap = "  ";

bool IsContinuation(char c) { return (static_cast<uint8_t>(c) & 0xc0) == 0x80; }

// Bytes of the UTF-8 sequence that begins with `lead`; 0 where none does.
size_t SequenceSize(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  if (byte < 0x80) return 1;
  if (byte >= 0xc2 && byte < 0xe0) return 2;
  if (byte >= 0xe0 && byte < 0xf0) return 3;
  if (byte >= 0xf0 && byte < 0xf5) return 4;
  return 0;
}

// Bytes of the character that `text` begins with, where it is one that only shows; 0 otherwise.
size_t ShownSize(absl::string_view text) {
  const size_t size = SequenceSize(text[0]);
  if (size == 0 || size > text.size() || absl::ascii_iscntrl(text[0])) return 0;
  for (size_t i = 1; i < size; ++i) {
    if (!IsContinuation(text[i])) return 0;
  }
  // U+0080 to U+009F are control characters as well.
  if (size == 2 && static_cast<uint8_t>(text[0]) == 0xc2 && static_cast<uint8_t>(text[1]) < 0xa0) {
    return 0;
  }
  return size;
}

size_t Width(absl::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); }));
}

// What a column needs to line its cells up.
struct Extent {
  size_t before = 0;  // The widest part up to the point, or cell.
  size_t after = 0;   // The widest part from the point on.
};

size_t PointOf(absl::string_view text, Align align) {
  const size_t point = text.find('.');
  return align == Align::kPoint && point != absl::string_view::npos ? point : text.size();
}

void Extend(absl::string_view text, Align align, Extent* extent) {
  const size_t point = PointOf(text, align);
  extent->before = std::max(extent->before, Width(text.substr(0, point)));
  extent->after = std::max(extent->after, Width(text.substr(point)));
}

std::string Pad(const Cell& cell, Align align, const Extent& extent, bool has_colour) {
  const size_t point = PointOf(cell.text, align);
  std::string left;
  if (align != Align::kLeft) {
    left.append(extent.before - Width(absl::string_view(cell.text).substr(0, point)), ' ');
  }
  const size_t used = left.size() + Width(cell.text);
  const size_t width = extent.before + extent.after;
  return absl::StrCat(left, Toned(cell.text, cell.tone, has_colour),
                      std::string(width > used ? width - used : 0, ' '));
}

}  // namespace

void Table::AddRow(std::vector<Cell> row) {
  row.resize(columns_.size());
  for (Cell& cell : row) cell.text = Printable(cell.text);
  rows_.push_back(std::move(row));
}

std::string Table::ToString(bool has_colour) const {
  const bool has_heading = std::any_of(columns_.begin(), columns_.end(),
                                       [](const Column& column) { return !column.name.empty(); });
  std::vector<Extent> extents(columns_.size());
  for (const std::vector<Cell>& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) Extend(row[i].text, columns_[i].align, &extents[i]);
  }
  std::string text;
  const auto add_line = [&text](std::string line) {
    absl::StripTrailingAsciiWhitespace(&line);
    absl::StrAppend(&text, line, "\n");
  };
  if (has_heading) {
    std::string line;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const size_t width = extents[i].before + extents[i].after;
      const size_t missing = Width(columns_[i].name) > width ? Width(columns_[i].name) - width : 0;
      extents[i].before += missing;
      const Align align = columns_[i].align == Align::kLeft ? Align::kLeft : Align::kRight;
      const Extent whole = {.before = extents[i].before + extents[i].after};
      absl::StrAppend(&line, i == 0 ? "" : kGap,
                      Pad({columns_[i].name, Tone::kStrong}, align, whole, has_colour));
    }
    add_line(std::move(line));
  }
  for (const std::vector<Cell>& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      absl::StrAppend(&line, i == 0 ? "" : kGap,
                      Pad(row[i], columns_[i].align, extents[i], has_colour));
    }
    add_line(std::move(line));
  }
  return text;
}

std::string Printable(absl::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const size_t size = ShownSize(text);
    shown += size == 0 ? "?" : std::string(text.substr(0, size));
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return shown;
}

std::string Toned(absl::string_view text, Tone tone, bool has_colour) {
  if (!has_colour || tone == Tone::kPlain || text.empty()) return std::string(text);
  constexpr absl::string_view kCodes[] = {"0", "1", "32", "31", "2"};
  return absl::StrCat("\x1b[", kCodes[static_cast<size_t>(tone)], "m", text, "\x1b[0m");
}

}  // namespace farebox::cli
