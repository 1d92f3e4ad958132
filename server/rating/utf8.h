#ifndef FAREBOX_SERVER_RATING_UTF8_H_
#define FAREBOX_SERVER_RATING_UTF8_H_

#include <optional>

#include "absl/strings/string_view.h"

namespace farebox::rating {

// Takes the first character off `text`, which must not be empty. Nothing where `text` does not
// begin with well-formed UTF-8: overlong forms, surrogates and what lies above U+10FFFF are not.
std::optional<char32_t> TakeCodePoint(absl::string_view* text);

// Well-formed to the end and free of control characters, so that it can be shown on one line.
bool IsPrintableUtf8(absl::string_view text);

}  // namespace farebox::rating

#endif  // FAREBOX_SERVER_RATING_UTF8_H_
