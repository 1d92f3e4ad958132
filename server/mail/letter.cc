#include "server/mail/letter.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "server/mail/limits.h"
#include "server/rating/utf8.h"

namespace farebox::mail {
namespace {

constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr absl::string_view kEllipsis = "\xE2\x80\xA6";     // U+2026

// Not `margin:auto` or colours: what is not said cannot be unreadable in the dark.
constexpr absl::string_view kHead =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<meta name=\"supported-color-schemes\" content=\"light dark\">\n";
constexpr absl::string_view kBody =
    "<body style=\"font-family: sans-serif; line-height: 1.5; max-width: 36em\">\n";

// Control characters, line and paragraph separators, and what turns the direction of writing.
bool IsUnsafe(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || c == 0x200E || c == 0x200F ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

std::string Shortened(std::string line, size_t bytes_max) {
  if (line.size() <= bytes_max) return line;
  size_t cut = bytes_max - kEllipsis.size();
  while (cut > 0 && (line[cut] & 0xC0) == 0x80) --cut;  // Not within a character.
  line.resize(cut);
  return absl::StrCat(line, kEllipsis);
}

std::string EscapeHtml(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

// Lines of at most kTextColumnsMax bytes, broken at spaces.
std::string Wrapped(absl::string_view text) {
  std::string out;
  size_t column = 0;
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const bool fits = column + 1 + word.size() <= kTextColumnsMax;
    if (column > 0) out.push_back(fits ? ' ' : '\n');
    column = column > 0 && fits ? column + 1 + word.size() : word.size();
    out.append(word.data(), word.size());
  }
  return out;
}

bool IsUrlCharacter(char c) {
  return absl::ascii_isgraph(static_cast<unsigned char>(c)) &&
         !absl::StrContains("\"'<>\\^`{|}", c);
}

bool IsLinkable(absl::string_view url) {
  return (absl::StartsWith(url, "https://") || absl::StartsWith(url, "http://")) &&
         std::all_of(url.begin(), url.end(), IsUrlCharacter);
}

}  // namespace

std::string OneLine(absl::string_view text, size_t bytes_max) {
  std::string line;
  while (!text.empty()) {
    const absl::string_view before = text;
    const std::optional<char32_t> c = rating::TakeCodePoint(&text);
    if (!c.has_value()) {
      text.remove_prefix(1);
      absl::StrAppend(&line, kReplacement);
    } else {
      absl::StrAppend(&line, IsUnsafe(*c) ? " " : before.substr(0, before.size() - text.size()));
    }
  }
  return Shortened(std::move(line), bytes_max);
}

Letter::Letter(absl::string_view title) : title_(OneLine(title, kSubjectBytesMax)) {}

Letter& Letter::Say(absl::string_view text) {
  blocks_.push_back({Kind::kParagraph, "", OneLine(text, kParagraphBytesMax)});
  return *this;
}

Letter& Letter::Fact(absl::string_view name, absl::string_view value) {
  blocks_.push_back({Kind::kFact, OneLine(name, kValueBytesMax), OneLine(value, kValueBytesMax)});
  return *this;
}

Letter& Letter::Link(absl::string_view label, absl::string_view url) {
  blocks_.push_back({Kind::kLink, OneLine(label, kValueBytesMax), OneLine(url, kUrlBytesMax)});
  return *this;
}

std::string Letter::Text() const {
  size_t name_size = 0;
  for (const Block& block : blocks_) {
    if (block.kind == Kind::kFact) name_size = std::max(name_size, block.name.size());
  }
  std::string out;
  for (size_t i = 0; i < blocks_.size(); ++i) AppendTextOf(i, name_size, &out);
  return out;
}

std::string Letter::Html() const {
  std::string out =
      absl::StrCat(kHead, "<title>", EscapeHtml(title_), "</title>\n</head>\n", kBody);
  for (size_t i = 0; i < blocks_.size(); ++i) AppendHtmlOf(i, &out);
  return absl::StrCat(out, "</body>\n</html>\n");
}

bool Letter::IsKindAt(size_t index, Kind kind) const {
  return index < blocks_.size() && blocks_[index].kind == kind;
}

void Letter::AppendTextOf(size_t index, size_t name_size, std::string* out) const {
  const Block& block = blocks_[index];
  const bool continues = block.kind == Kind::kFact && index > 0 && IsKindAt(index - 1, Kind::kFact);
  if (index > 0 && !continues) out->push_back('\n');
  switch (block.kind) {
    case Kind::kParagraph:
      absl::StrAppend(out, Wrapped(block.value), "\n");
      return;
    case Kind::kFact:
      absl::StrAppend(out, "  ", block.name, ":",
                      std::string(name_size - block.name.size() + 2, ' '), block.value, "\n");
      return;
    case Kind::kLink:
      absl::StrAppend(out, Wrapped(block.name), ":\n", block.value, "\n");
      return;
  }
}

void Letter::AppendHtmlOf(size_t index, std::string* out) const {
  const Block& block = blocks_[index];
  const std::string name = EscapeHtml(block.name);
  const std::string value = EscapeHtml(block.value);
  switch (block.kind) {
    case Kind::kParagraph:
      absl::StrAppend(out, Wrapped(absl::StrCat("<p>", value, "</p>")), "\n");
      return;
    case Kind::kFact:
      if (index == 0 || !IsKindAt(index - 1, Kind::kFact)) absl::StrAppend(out, "<table>\n");
      absl::StrAppend(out, "<tr><th align=\"left\" scope=\"row\">", name, "</th>\n<td>", value,
                      "</td></tr>\n");
      if (!IsKindAt(index + 1, Kind::kFact)) absl::StrAppend(out, "</table>\n");
      return;
    case Kind::kLink:
      if (IsLinkable(block.value)) {
        absl::StrAppend(out, "<p><a href=\"", value, "\">", name, "</a></p>\n");
      } else {
        absl::StrAppend(out, "<p>", name, ": ", value, "</p>\n");
      }
      return;
  }
}

}  // namespace farebox::mail
