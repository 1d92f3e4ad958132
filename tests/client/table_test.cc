#include "client/cli/table.h"

#include <gtest/gtest.h>

namespace farebox::cli {
namespace {

TEST(TableTest, LinesUpColumnsAndMoneyAtItsPoint) {
  Table table({{"for"}, {"n", Align::kRight}, {"amount", Align::kPoint}});
  table.AddRow({"call", "7", "-0.0304"});
  table.AddRow({"text message", "12", "12.50"});

  EXPECT_EQ(table.ToString(/*has_colour=*/false),
            "for            n   amount\n"
            "call           7  -0.0304\n"
            "text message  12  12.50\n");
}

TEST(TableTest, CountsCharactersNotBytes) {
  Table table({{"a"}, {"b"}});
  table.AddRow({"wörld", "1"});
  table.AddRow({"world", "2"});

  EXPECT_EQ(table.ToString(false), "a      b\nwörld  1\nworld  2\n");
}

TEST(TableTest, HasNoHeadingWithoutNames) {
  Table table({{}, {}});
  table.AddRow({"balance", "12.50"});

  EXPECT_EQ(table.ToString(false), "balance  12.50\n");
}

TEST(TableTest, ColoursOnlyWhereItMay) {
  Table table(std::vector<Column>(1));
  table.AddRow({{"denied", Tone::kBad}});

  EXPECT_EQ(table.ToString(/*has_colour=*/true), "\x1b[31mdenied\x1b[0m\n");
  EXPECT_EQ(table.ToString(/*has_colour=*/false), "denied\n");
}

TEST(TableTest, NoCellSteersTheTerminal) {
  Table table(std::vector<Column>(1));
  table.AddRow({"a\x1b[2Jb\r\nc"});

  EXPECT_EQ(table.ToString(false), "a?[2Jb??c\n");
}

TEST(PrintableTest, KeepsTextAndReplacesTheRest) {
  EXPECT_EQ(Printable("h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x93\x9e"),
            "h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x93\x9e");
  EXPECT_EQ(Printable("a\tb\x7f"), "a?b?");
  EXPECT_EQ(Printable("\xc2\x9b"), "??");  // A control character of two bytes.
  EXPECT_EQ(Printable("\xff\xc3"), "??");  // No UTF-8.
  EXPECT_EQ(Printable("\xe2\x82"), "??");  // Cut short.
}

}  // namespace
}  // namespace farebox::cli
