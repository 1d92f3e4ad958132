#include "server/rating/text_segments.h"

#include <array>
#include <cstddef>
#include <string_view>

#include "server/rating/utf8.h"

namespace farebox::rating {
namespace {

// 3GPP TS 23.038, 6.2.1 and 6.2.1.1. An extension character is an escape and a second septet.
constexpr std::u32string_view kGsm7Default =
    U"@£$¥èéùìòÇ\nØø\rÅå"
    U"Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    U" !\"#¤%&'()*+,-./0123456789:;<=>?"
    U"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    U"¿abcdefghijklmnopqrstuvwxyzäöñüà";
constexpr std::u32string_view kGsm7Extension = U"\f^{}\\[~]|€";

// The septets that GSM-7 spells a character with, 0 where it cannot.
constexpr int FindSeptets(char32_t code_point) {
  if (kGsm7Default.find(code_point) != std::u32string_view::npos) return 1;
  if (kGsm7Extension.find(code_point) != std::u32string_view::npos) return 2;
  return 0;
}

// The same for Latin-1, which is most of every text, found beforehand.
constexpr auto kLatin1Septets = [] {
  std::array<uint8_t, 256> septets{};
  for (size_t c = 0; c < septets.size(); ++c) septets[c] = static_cast<uint8_t>(FindSeptets(c));
  return septets;
}();

int Septets(char32_t code_point) {
  return code_point < kLatin1Septets.size() ? kLatin1Septets[code_point] : FindSeptets(code_point);
}

int Utf16Units(char32_t code_point) { return code_point > 0xFFFF ? 2 : 1; }

// Lays characters out, each whole, in segments of `capacity` units.
class Layout {
 public:
  explicit Layout(int64_t capacity) : capacity_(capacity) {}

  void Add(int character_units) {
    units_ += character_units;
    if (used_ + character_units > capacity_) {
      ++segments_;
      used_ = 0;
    }
    used_ += character_units;
  }

  int64_t units() const { return units_; }
  int64_t segments() const { return segments_; }

 private:
  const int64_t capacity_;
  int64_t units_ = 0;
  int64_t segments_ = 1;
  int64_t used_ = 0;  // Of the last segment.
};

constexpr int64_t kSeptetsAlone = 160;
constexpr int64_t kSeptetsOfMany = 153;
constexpr int64_t kUnitsAlone = 70;
constexpr int64_t kUnitsOfMany = 67;

}  // namespace

std::optional<TextSegments> CountSegments(absl::string_view utf8_body) {
  Layout gsm7(kSeptetsOfMany);
  Layout ucs2(kUnitsOfMany);
  bool spelled_in_gsm7 = true;
  while (!utf8_body.empty()) {
    const std::optional<char32_t> code_point = TakeCodePoint(&utf8_body);
    if (!code_point.has_value()) return std::nullopt;
    const int septets = spelled_in_gsm7 ? Septets(*code_point) : 0;
    spelled_in_gsm7 = septets > 0;
    gsm7.Add(septets);
    ucs2.Add(Utf16Units(*code_point));
  }
  const Layout& layout = spelled_in_gsm7 ? gsm7 : ucs2;
  const int64_t alone = spelled_in_gsm7 ? kSeptetsAlone : kUnitsAlone;
  return TextSegments{.alphabet = spelled_in_gsm7 ? Alphabet::kGsm7 : Alphabet::kUcs2,
                      .units = layout.units(),
                      .segments = layout.units() <= alone ? 1 : layout.segments()};
}

}  // namespace farebox::rating
