#include "server/rating/utf8.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "storage/check.h"

namespace farebox::rating {
namespace {

// How a character of `size` bytes begins, and the least code point that needs that many.
struct Form {
  size_t size;
  uint8_t mark_mask;
  uint8_t mark;
  char32_t least;
};

constexpr std::array<Form, 4> kForms = {{
    {1, 0x80, 0x00, 0x0},
    {2, 0xE0, 0xC0, 0x80},
    {3, 0xF0, 0xE0, 0x800},
    {4, 0xF8, 0xF0, 0x10000},
}};

const Form* FindForm(uint8_t first) {
  for (const Form& form : kForms) {
    if ((first & form.mark_mask) == form.mark) return &form;
  }
  return nullptr;
}

bool IsControl(char32_t code_point) {
  return code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0);
}

}  // namespace

std::optional<char32_t> TakeCodePoint(absl::string_view* text) {
  FAREBOX_CHECK(!text->empty());
  const auto first = static_cast<uint8_t>(text->front());
  const Form* const form = FindForm(first);
  if (form == nullptr || text->size() < form->size) return std::nullopt;
  char32_t code_point = first & ~form->mark_mask;
  for (const char c : text->substr(1, form->size - 1)) {
    const auto byte = static_cast<uint8_t>(c);
    if ((byte & 0xC0) != 0x80) return std::nullopt;
    code_point = (code_point << 6) | (byte & 0x3F);
  }
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  if (code_point < form->least || surrogate || code_point > 0x10FFFF) return std::nullopt;
  text->remove_prefix(form->size);
  return code_point;
}

bool IsPrintableUtf8(absl::string_view text) {
  while (!text.empty()) {
    const std::optional<char32_t> code_point = TakeCodePoint(&text);
    if (!code_point.has_value() || IsControl(*code_point)) return false;
  }
  return true;
}

}  // namespace farebox::rating
