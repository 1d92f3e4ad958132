#include "server/mail/letter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/mail/limits.h"

namespace farebox::mail {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(OneLine, LeavesOrdinaryTextAlone) {
  for (const char* text : {"", "acme", "Grüße, 5 € für \"Zoë\" & <b>", "日本語 🎉"}) {
    EXPECT_EQ(OneLine(text, kValueBytesMax), text);
  }
}

TEST(OneLine, IsOneLineOfUtf8WhateverComes) {
  struct Case {
    std::string text;
    std::string line;
  };
  const std::vector<Case> cases = {
      {"a\r\nBcc: b", "a  Bcc: b"},
      {std::string("a\0b\x1b[31m\x7f", 8), "a b [31m"},
      {"a\xff\xfe"
       "b",
       "a\uFFFD\uFFFDb"},
      {"\xc3", "\uFFFD"},
      {"a\u202Ecba", "a cba"},  // Turns the writing round.
      {"a\u2066b\u2069", "a b "},
      {"a\u2028b\u2029c\u0085", "a b c "},  // Unicode's own line breaks.
  };
  for (const Case& c : cases) EXPECT_EQ(OneLine(c.text, kValueBytesMax), c.line);
}

TEST(OneLine, IsCutBetweenCharacters) {
  EXPECT_EQ(OneLine("12345", 5), "12345");
  EXPECT_EQ(OneLine("123456", 5), "12…");
  EXPECT_EQ(OneLine("ééé", 6), "ééé");
  EXPECT_EQ(OneLine("éééé", 6), "é…");
}

TEST(Letter, SaysTheSameInBothParts) {
  const Letter letter = Letter("Title")
                            .Say("Hello.")
                            .Fact("Amount", "5.00 USD")
                            .Fact("Card", "visa")
                            .Link("Open", "https://example.com/a?b=c&d=e");

  EXPECT_EQ(letter.Text(),
            "Hello.\n"
            "\n"
            "  Amount:  5.00 USD\n"
            "  Card:    visa\n"
            "\n"
            "Open:\n"
            "https://example.com/a?b=c&d=e\n");
  EXPECT_THAT(letter.Html(), HasSubstr("<title>Title</title>\n"));
  EXPECT_THAT(letter.Html(), EndsWith("<p>Hello.</p>\n"
                                      "<table>\n"
                                      "<tr><th align=\"left\" scope=\"row\">Amount</th>\n"
                                      "<td>5.00 USD</td></tr>\n"
                                      "<tr><th align=\"left\" scope=\"row\">Card</th>\n"
                                      "<td>visa</td></tr>\n"
                                      "</table>\n"
                                      "<p><a href=\"https://example.com/a?b=c&amp;d=e\">Open</a>"
                                      "</p>\n"
                                      "</body>\n"
                                      "</html>\n"));
}

TEST(Letter, BreaksLinesAtSpaces) {
  std::string text;
  for (int i = 0; i < 60; ++i) absl::StrAppend(&text, i > 0 ? " " : "", "word", i);

  for (const absl::string_view line : absl::StrSplit(Letter("t").Say(text).Text(), '\n')) {
    EXPECT_LE(line.size(), kTextColumnsMax);
  }
  EXPECT_EQ(Letter("t").Say(std::string(100, 'x')).Text(), std::string(100, 'x') + "\n");
}

TEST(Letter, ShowsMarkupAsText) {
  const std::string hostile = "<script>alert('x')</script>&amp;\"";
  const std::string shown = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;&quot;";
  const Letter letter =
      Letter(hostile).Say(hostile).Fact(hostile, hostile).Link(hostile, "https://example.com/");

  const std::string html = letter.Html();

  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, HasSubstr(absl::StrCat("<title>", shown, "</title>")));
  EXPECT_THAT(html, HasSubstr(absl::StrCat("<p>", shown, "</p>")));
  EXPECT_THAT(html, HasSubstr(absl::StrCat(">", shown, "</th>\n<td>", shown, "</td>")));
  EXPECT_THAT(html, HasSubstr(absl::StrCat("\">", shown, "</a>")));
  EXPECT_THAT(letter.Text(), HasSubstr(hostile));
}

TEST(Letter, LinksOnlyWhatIsPlainlyAnAddressOfTheWeb) {
  EXPECT_THAT(Letter("t").Link("Open", "http://localhost:8080/x").Html(), HasSubstr("<a href"));
  const std::vector<std::string> urls = {
      "javascript:alert(1)",
      "data:text/html,x",
      " https://example.com/",
      "HTTPS://example.com/",
      "https://example.com/\" onclick=\"alert(1)",
      "https://example.com/'x",
      "https://example.com/<b>",
      "https://example.com/a b",
      "https://example.com/\nhttps://example.org/",
      "https://ex\u0430mple.com/",
      absl::StrCat("https://example.com/", std::string(kUrlBytesMax, 'x')),
      "",
  };
  for (const std::string& url : urls) {
    EXPECT_THAT(Letter("t").Link("Open", url).Html(), Not(HasSubstr("<a"))) << url;
  }
}

}  // namespace
}  // namespace farebox::mail
