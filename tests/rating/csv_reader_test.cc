#include "server/rating/csv_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/rating/limits.h"

namespace farebox::rating {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What is read from `bytes`, fed in pieces of `piece` bytes: records as "2:a|3:b" with the line of
// each field, problems as "line 2 field 1: why".
std::vector<std::string> Read(absl::string_view bytes, size_t piece = 1'000'000) {
  CsvReader reader;
  std::vector<std::string> events;
  const auto take = [&reader, &events] {
    for (CsvReader::Step step = reader.Next(); step != CsvReader::Step::kMoreBytes;
         step = reader.Next()) {
      if (step == CsvReader::Step::kProblem) {
        events.push_back(absl::StrCat("line ", reader.problem().line, " field ",
                                      reader.problem().field, ": ", reader.problem().text, " ",
                                      reader.problem().why));
        continue;
      }
      events.push_back(
          absl::StrJoin(reader.fields(), "|", [](std::string* out, const CsvReader::Field& field) {
            absl::StrAppend(out, field.line, ":", field.text);
          }));
    }
  };
  for (size_t at = 0; at < bytes.size(); at += piece) {
    reader.Feed(bytes.substr(at, piece));
    take();
  }
  reader.Finish();
  take();
  return events;
}

TEST(CsvReader, SplitsLinesAndFields) {
  EXPECT_THAT(Read("a,b\nc,\n,d\n"), ElementsAre("1:a|1:b", "2:c|2:", "3:|3:d"));
}

TEST(CsvReader, TakesEitherLineEndAndNoneAtTheEnd) {
  EXPECT_THAT(Read("a\r\nb\nc"), ElementsAre("1:a", "2:b", "3:c"));
  EXPECT_THAT(Read("a,"), ElementsAre("1:a|1:"));
  EXPECT_THAT(Read("\"a\""), ElementsAre("1:a"));
}

TEST(CsvReader, SkipsEmptyLinesButCountsThem) {
  EXPECT_THAT(Read("\n\r\na\n\n\nb\n\n"), ElementsAre("3:a", "6:b"));
}

TEST(CsvReader, DropsAByteOrderMark) {
  EXPECT_THAT(Read("\xEF\xBB\xBFitem\n"), ElementsAre("1:item"));
  EXPECT_THAT(Read("\xEF\xBB\xBF\"item\"\n"), ElementsAre("1:item"));
  EXPECT_THAT(Read("\xEF\xBBx\n"), ElementsAre("1:\xEF\xBBx"));
  EXPECT_THAT(Read("a\n\xEF\xBB\xBF\n"), ElementsAre("1:a", "2:\xEF\xBB\xBF"));
}

TEST(CsvReader, TakesQuotedFieldsWithAnythingInThem) {
  EXPECT_THAT(Read("\"a,b\",\"say \"\"hi\"\"\",\"\"\n"), ElementsAre("1:a,b|1:say \"hi\"|1:"));
}

TEST(CsvReader, KnowsTheLineOfAFieldAfterALineBreakInQuotes) {
  EXPECT_THAT(Read("\"a\nb\r\n\",c\nd"), ElementsAre("1:a\nb\r\n|3:c", "4:d"));
}

TEST(CsvReader, ReportsWhatIsMalformedAndGoesOnWithTheNextLine) {
  EXPECT_THAT(Read("a,b\"c,d\ne\n"),
              ElementsAre(HasSubstr("line 1 field 2: b has a quote within"), "2:e"));
  EXPECT_THAT(Read("\"a\"b,c\ne\n"),
              ElementsAre(HasSubstr("line 1 field 1: a goes on after the closing quote"), "2:e"));
  EXPECT_THAT(Read("a\rb\ne\n"), ElementsAre(HasSubstr("carriage return"), "2:e"));
  EXPECT_THAT(Read(absl::string_view("a\0b\ne\n", 6)), ElementsAre(HasSubstr("UTF-16"), "2:e"));
}

TEST(CsvReader, ReportsAQuoteThatIsNotClosedWhereItWasOpened) {
  EXPECT_THAT(Read("a\nb,\"c\nd\n"),
              ElementsAre("1:a", HasSubstr("line 2 field 2: c\nd\n has an opening quote")));
}

TEST(CsvReader, ReportsAFieldThatIsTooLong) {
  const std::string longest(kCsvFieldBytesMax, 'x');

  EXPECT_THAT(Read(longest + "," + longest + "\ne"), ElementsAre(HasSubstr("|1:x"), "2:e"));
  EXPECT_THAT(Read("a," + longest + "x\ne"), ElementsAre(HasSubstr("field 2"), "2:e"));
  EXPECT_THAT(Read("\"" + longest + "\ne"), ElementsAre(HasSubstr("too long"), "2:e"));
}

TEST(CsvReader, ReportsALineOfTooManyFields) {
  EXPECT_THAT(Read(std::string(kCsvFieldsMax - 1, ',') + "\ne"),
              ElementsAre(HasSubstr("1:|1:"), "2:e"));
  EXPECT_THAT(Read(std::string(kCsvFieldsMax, ',') + "\ne"),
              ElementsAre(HasSubstr("too many"), "2:e"));
}

TEST(CsvReader, FindsNothingInAnEmptyFile) {
  EXPECT_THAT(Read(""), IsEmpty());
  EXPECT_THAT(Read("\r\n"), IsEmpty());
}

TEST(CsvReader, ReadsTheSameHoweverTheBytesAreCut) {
  const std::string bytes =
      "\xEF\xBB\xBFitem,\"pre\"\"fix\"\r\n\r\na,\"b\r\nc\"\r\nx\"y,z\r\n\"q\"r\n,\n\"last,\n";
  const std::vector<std::string> whole = Read(bytes);

  EXPECT_EQ(whole.size(), 6u);
  for (size_t piece = 1; piece <= bytes.size(); ++piece) EXPECT_EQ(Read(bytes, piece), whole);
}

TEST(CsvField, IsQuotedWhereItMustBe) {
  std::string line;
  for (const absl::string_view field : {"a b", "a,b", "a\"b", "a\nb", "a\rb", ""}) {
    AppendCsvField(field, &line);
    line += ';';
  }

  EXPECT_EQ(line, "a b;\"a,b\";\"a\"\"b\";\"a\nb\";\"a\rb\";;");
}

}  // namespace
}  // namespace farebox::rating
