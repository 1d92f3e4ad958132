#include "server/rating/text_segments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "server/rating/utf8.h"

namespace farebox::rating {
namespace {

using ::testing::Optional;

constexpr Alphabet kGsm7 = Alphabet::kGsm7;
constexpr Alphabet kUcs2 = Alphabet::kUcs2;

std::string Times(const std::string& text, int n) {
  std::string repeated;
  for (int i = 0; i < n; ++i) repeated += text;
  return repeated;
}

struct Case {
  std::string body;
  TextSegments expected;
};

void ExpectAll(const std::vector<Case>& cases) {
  for (size_t i = 0; i < cases.size(); ++i) {
    const std::optional<TextSegments> counted = CountSegments(cases[i].body);
    ASSERT_TRUE(counted.has_value()) << i;
    EXPECT_EQ(counted->alphabet, cases[i].expected.alphabet) << i;
    EXPECT_EQ(counted->units, cases[i].expected.units) << i;
    EXPECT_EQ(counted->segments, cases[i].expected.segments) << i;
  }
}

TEST(TextSegments, AgreeWithEveryWorkedExample) {
  ExpectAll({
      {Times("a", 160), {kGsm7, 160, 1}},
      {Times("a", 161), {kGsm7, 161, 2}},
      {Times("a", 306), {kGsm7, 306, 2}},
      {Times("a", 307), {kGsm7, 307, 3}},
      {Times("€", 80), {kGsm7, 160, 1}},
      {Times("€", 81), {kGsm7, 162, 2}},
      {"]" + Times("a", 158), {kGsm7, 160, 1}},
      {"]" + Times("a", 159), {kGsm7, 161, 2}},
      {Times("a", 152) + "]" + Times("a", 152), {kGsm7, 306, 3}},
      {Times("Ж", 70), {kUcs2, 70, 1}},
      {Times("Ж", 71), {kUcs2, 71, 2}},
      {Times("Ж", 134), {kUcs2, 134, 2}},
      {Times("Ж", 135), {kUcs2, 135, 3}},
      {Times("😀", 35), {kUcs2, 70, 1}},
      {Times("😀", 36), {kUcs2, 72, 2}},
      {Times("a", 66) + "😀" + Times("a", 66), {kUcs2, 134, 3}},
      {"", {kGsm7, 0, 1}},
  });
}

TEST(TextSegments, SpellEveryCharacterOfTheDefaultAlphabetInOneSeptet) {
  const std::string all =
      "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
      "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

  EXPECT_THAT(CountSegments(all), Optional(TextSegments{kGsm7, 127, 1}));
}

TEST(TextSegments, SpellEveryExtensionCharacterInTwoSeptets) {
  EXPECT_THAT(CountSegments("\f^{}\\[~]|€"), Optional(TextSegments{kGsm7, 20, 1}));
}

TEST(TextSegments, TurnToUcs2ForOneCharacterThatGsm7LacksAnywhere) {
  for (const std::string character : {"`", "ç", "Á", "\t", "\x1B", "’", "Ж"}) {
    EXPECT_THAT(CountSegments(Times("a", 69) + character), Optional(TextSegments{kUcs2, 70, 1}));
    EXPECT_THAT(CountSegments(character + Times("a", 70)), Optional(TextSegments{kUcs2, 71, 2}));
  }
  EXPECT_THAT(CountSegments(std::string(1, '\0')), Optional(TextSegments{kUcs2, 1, 1}));
}

TEST(TextSegments, CountAnExtensionCharacterAsOneUnitInUcs2) {
  EXPECT_THAT(CountSegments("€Ж"), Optional(TextSegments{kUcs2, 2, 1}));
}

TEST(TextSegments, OfMalformedUtf8AreNothing) {
  const std::vector<std::string> bodies = {
      "\x80",              // A continuation without a beginning.
      "a\xC3",             // Cut off.
      "\xE2\x82",          // Cut off.
      "\xC3(",             // A beginning without its continuation.
      "\xC0\x80",          // Overlong.
      "\xC1\xBF",          // Overlong.
      "\xE0\x9F\xBF",      // Overlong.
      "\xF0\x8F\xBF\xBF",  // Overlong.
      "\xED\xA0\x80",      // A surrogate.
      "\xED\xBF\xBF",      // A surrogate.
      "\xF4\x90\x80\x80",  // Above U+10FFFF.
      "\xF8\x88\x80\x80\x80",
      "\xFF",
  };
  for (const std::string& body : bodies) EXPECT_EQ(CountSegments(body), std::nullopt);
}

TEST(TextSegments, TakeTheLastCharactersOfEachUtf8Form) {
  for (const std::string body : {"\x7F", "\u07FF", "\uD7FF", "\uE000", "\uFFFF"}) {
    EXPECT_THAT(CountSegments(body), Optional(TextSegments{kUcs2, 1, 1}));
  }
  EXPECT_THAT(CountSegments("\U00010000\U0010FFFF"), Optional(TextSegments{kUcs2, 4, 1}));
}

TEST(PrintableUtf8, HasNoControlCharacters) {
  EXPECT_TRUE(IsPrintableUtf8("Côte d’Ivoire, mobile"));
  for (const absl::string_view text : {"a\nb", "\x1B[31m", "\x7F", "\u0085", "\xFF"}) {
    EXPECT_FALSE(IsPrintableUtf8(text));
  }
}

}  // namespace
}  // namespace farebox::rating
