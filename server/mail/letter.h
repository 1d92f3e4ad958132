#ifndef FAREBOX_SERVER_MAIL_LETTER_H_
#define FAREBOX_SERVER_MAIL_LETTER_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace farebox::mail {

// `text` as it may stand in one line of a mail: what is no UTF-8 becomes U+FFFD; control
// characters, and those that turn the direction of writing, become spaces; what is longer than
// `bytes_max` is cut, with an ellipsis.
std::string OneLine(absl::string_view text, size_t bytes_max);

// The content of a mail, said once and written twice: as text and as HTML.
//
// Takes any bytes for its values. They are shown as what they are: none of them becomes markup,
// another line or a link. Thread-compatible.
class Letter {
 public:
  explicit Letter(absl::string_view title);

  // A paragraph.
  Letter& Say(absl::string_view text);

  // A line of a table; lines in a row are one table.
  Letter& Fact(absl::string_view name, absl::string_view value);

  // Something to open. Anything but a plain http or https address is shown, and is no link.
  Letter& Link(absl::string_view label, absl::string_view url);

  std::string Text() const;

  // Without colours, images or anything that is fetched: it looks as the reader's program likes.
  std::string Html() const;

 private:
  enum class Kind { kParagraph, kFact, kLink };

  struct Block {
    Kind kind;
    std::string name;  // Empty for a paragraph.
    std::string value;
  };

  bool IsKindAt(size_t index, Kind kind) const;
  void AppendTextOf(size_t index, size_t name_size, std::string* out) const;
  void AppendHtmlOf(size_t index, std::string* out) const;

  const std::string title_;
  std::vector<Block> blocks_;
};

}  // namespace farebox::mail

#endif  // FAREBOX_SERVER_MAIL_LETTER_H_
