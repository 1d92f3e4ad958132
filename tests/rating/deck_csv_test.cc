#include "server/rating/deck_csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/civil_time.h"
#include "server/rating/limits.h"

namespace farebox::rating {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsNull;
using ::testing::NotNull;
using ::testing::SizeIs;

DeckCsvParser::Result Parse(absl::string_view csv, size_t piece = 1'000'000) {
  DeckCsvParser parser;
  for (size_t at = 0; at < csv.size(); at += piece) parser.Feed(csv.substr(at, piece));
  return std::move(parser).Finish();
}

// The errors in words; nothing of a bad deck is there to be used.
std::vector<std::string> ErrorsOf(absl::string_view csv, size_t piece = 1'000'000) {
  const DeckCsvParser::Result result = Parse(csv, piece);
  EXPECT_EQ(result.deck == nullptr, !result.errors.empty());
  std::vector<std::string> errors;
  for (const DeckCsvError& error : result.errors) errors.push_back(ToString(error));
  return errors;
}

std::string Write(const RateDeck& deck) {
  std::string csv = DeckCsvHeader();
  for (uint32_t ordinal = 0; ordinal < deck.size(); ++ordinal) {
    AppendDeckCsvRow(*deck.Row(ordinal), &csv);
  }
  return csv;
}

constexpr absl::string_view kSmallDeck =
    "item,prefix,description,connect_fee,attempt_fee,rate_per_minute,initial_increment,increment,"
    "rate_after_seconds,rate_after_per_minute,unit_fee,effective_from,effective_to\n"
    "OUTBOUND_CALL,44,\"United Kingdom, landline\",0.05,0.001,0.0123,60,6,300,0.0098765,,"
    "2026-01-31,2026-02-28T12:30:00+01:00\n"
    "OUTBOUND_CALL,,,,,0,,,,,,,\n"
    "OUTGOING_TEXT,exact:72345,\"\"\"Votes\"\"\",,,,,,,,0.25,,\n";

TEST(DeckCsv, ReadsEveryColumn) {
  const DeckCsvParser::Result result = Parse(kSmallDeck);

  ASSERT_THAT(result.deck, NotNull());
  ASSERT_EQ(result.deck->size(), 3u);
  const RateRow& row = *result.deck->Row(1);
  EXPECT_EQ(row.item, Item::kOutboundCall);
  EXPECT_EQ(row.prefix, "44");
  EXPECT_EQ(row.description, "United Kingdom, landline");
  EXPECT_EQ(row.line, 2u);
  EXPECT_EQ(row.effective_from, absl::FromCivil(absl::CivilDay(2026, 1, 31), absl::UTCTimeZone()));
  EXPECT_EQ(row.effective_to,
            absl::FromCivil(absl::CivilMinute(2026, 2, 28, 11, 30), absl::UTCTimeZone()));
  EXPECT_EQ(row.tariff, (Tariff{.connect_fee = Micros(50'000),
                                .attempt_fee = Micros(1'000),
                                .rate_nanos_per_minute = 12'300'000,
                                .initial_increment_seconds = 60,
                                .increment_seconds = 6,
                                .rate_after_seconds = 300,
                                .rate_after_nanos_per_minute = 9'876'500}));
}

TEST(DeckCsv, TakesEmptyFieldsForWhatIsUsual) {
  const DeckCsvParser::Result result = Parse(kSmallDeck);

  ASSERT_THAT(result.deck, NotNull());
  const RateRow& row = *result.deck->Row(0);
  EXPECT_EQ(row.prefix, "");
  EXPECT_EQ(row.tariff, Tariff{});
  EXPECT_EQ(row.effective_from, absl::InfinitePast());
  EXPECT_EQ(row.effective_to, absl::InfiniteFuture());
  EXPECT_EQ(result.deck->Row(2)->tariff, Tariff{.unit_fee = Micros(250'000)});
  EXPECT_EQ(result.deck->Row(2)->description, "\"Votes\"");
}

TEST(DeckCsv, TakesColumnsInAnyOrderAndOnlyThoseThatAreNeeded) {
  const DeckCsvParser::Result result =
      Parse("rate_per_minute,prefix,item\r\n0.02,1,OUTBOUND_CALL\r\n");

  ASSERT_THAT(result.deck, NotNull());
  EXPECT_EQ(result.deck->Row(0)->tariff, Tariff{.rate_nanos_per_minute = 20'000'000});
}

TEST(DeckCsv, NamesLineColumnAndTextOfABadValue) {
  constexpr absl::string_view kHeader =
      "item,prefix,connect_fee,rate_per_minute,increment,rate_after_seconds,unit_fee,"
      "effective_from,effective_to,description\n";
  struct Case {
    absl::string_view line;
    absl::string_view error;
  };
  const std::vector<Case> cases = {
      {"OUTBOUND_CALL,44,,\"0,5\",,,,,,",
       "line 2, column 4 (rate_per_minute): \"0,5\" must be a decimal number such as 0.0123"},
      {"outbound_call,44,,1,,,,,,", "line 2, column 1 (item): \"outbound_call\" is not an item"},
      {",44,,1,,,,,,", "line 2, column 1 (item): \"\" is needed"},
      {"OUTBOUND_CALL,+44,,1,,,,,,",
       "line 2, column 2 (prefix): \"+44\" must be digits without +, or exact: and a whole "
       "destination"},
      {"OUTBOUND_CALL,44,0.0000001,1,,,,,,",
       "line 2, column 3 (connect_fee): \"0.0000001\" has more than 6 decimals"},
      {"OUTBOUND_CALL,44,,0.0000000001,,,,,,",
       "line 2, column 4 (rate_per_minute): \"0.0000000001\" has more than 9 decimals"},
      {"OUTBOUND_CALL,44,,1000000001,,,,,,",
       "line 2, column 4 (rate_per_minute): \"1000000001\" is too large"},
      {"OUTBOUND_CALL,44,,,,,,,,", "line 2, column 4 (rate_per_minute): \"\" is needed for calls"},
      {"OUTBOUND_CALL,44,,1,0,,,,,", "line 2, column 5 (increment): \"0\" must be at least 1"},
      {"OUTBOUND_CALL,44,,1,6s,,,,,",
       "line 2, column 5 (increment): \"6s\" must be a whole number of seconds"},
      {"OUTBOUND_CALL,44,,1,-6,,,,,",
       "line 2, column 5 (increment): \"-6\" must be a whole number of seconds"},
      {"OUTBOUND_CALL,44,,1,4294967297,,,,,",
       "line 2, column 5 (increment): \"4294967297\" must be a whole number of seconds"},
      {"OUTBOUND_CALL,44,,1,,60,,,,",
       "line 2, rate_after_per_minute: \"\" is needed with rate_after_seconds"},
      {"OUTGOING_TEXT,44,,,,,,,,", "line 2, column 7 (unit_fee): \"\" is needed for OUTGOING_TEXT"},
      {"OUTGOING_TEXT,44,,1,,,1,,,",
       "line 2, column 4 (rate_per_minute): \"1\" does not apply to OUTGOING_TEXT"},
      {"OUTBOUND_CALL,44,,1,,,,2026-02-30,,",
       "line 2, column 8 (effective_from): \"2026-02-30\" must be a date such as 2026-01-31 or a "
       "time such as 2026-01-31T12:00:00Z"},
      {"OUTBOUND_CALL,44,,1,,,,0226-02-01,,",
       "line 2, column 8 (effective_from): \"0226-02-01\" must be in the years 1970 to 9999"},
      {"OUTBOUND_CALL,44,,1,,,,,9999-12-31T23:00:00-02:00,",
       "line 2, column 9 (effective_to): \"9999-12-31T23:00:00-02:00\" must be in the years 1970 "
       "to 9999"},
      {"OUTBOUND_CALL,44,,1,,,,2026-02-02,2026-02-01,",
       "line 2, column 9 (effective_to): \"2026-02-01\" must be later than effective_from"},
      {"OUTBOUND_CALL,44,,1",
       "line 2, column 5 (increment): \"\" is missing: the line has 4 fields, the header 10"},
      {"OUTBOUND_CALL,44,,1,,,,,,,eleven",
       "line 2, column 11: \"eleven\" has no column: the line has 11 fields, the header 10"},
      {"OUTBOUND_CALL,4\"4,,1,,,,,,",
       "line 2, column 2 (prefix): \"4\" has a quote within a field that is not quoted"},
      {"OUTBOUND_CALL,44,,1,,,,,,\"a\x1B[31m\"",
       "line 2, column 10 (description): \"a\\x1b[31m\" must be UTF-8 without control characters"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(ErrorsOf(absl::StrCat(kHeader, c.line, "\n")), ElementsAre(c.error)) << c.line;
  }
}

TEST(DeckCsv, RefusesTimesThatAreNotRfc3339) {
  for (const absl::string_view time :
       {"infinite-future", "now", "31.01.2026", "2026-1-31", "2026-01-31T12:00:00", " 2026-01-31",
        "2026-01-31 ", "12026-01-31", "2026-01-31T25:00:00Z", "9999-12-31T23:59:59-01:00"}) {
    EXPECT_THAT(ErrorsOf(absl::StrCat("item,prefix,rate_per_minute,effective_to\n",
                                      "OUTBOUND_CALL,44,1,", time, "\n")),
                ElementsAre(HasSubstr("line 2, column 4 (effective_to)")))
        << time;
  }
}

TEST(DeckCsv, ReportsAllBadValuesOfALineAndOfTheFile) {
  EXPECT_THAT(ErrorsOf("item,prefix,rate_per_minute,increment\n"
                       "OUTBOUND_CALL,44,x,y\n"
                       "OUTBOUND_CALL,45,1,1\n"
                       "\n"
                       "OUTBOUND_CALL,46,z,1\n"),
              ElementsAre(HasSubstr("line 2, column 3"), HasSubstr("line 2, column 4"),
                          HasSubstr("line 5, column 3")));
}

TEST(DeckCsv, ReportsNoMoreErrorsThanCanBeRead) {
  std::string csv = "item,prefix,rate_per_minute\n";
  for (int i = 0; i < 1'000; ++i) csv += "OUTBOUND_CALL,44,x\n";
  DeckCsvParser parser;

  parser.Feed(csv);

  EXPECT_TRUE(parser.gave_up());
  parser.Feed(csv);
  EXPECT_THAT(std::move(parser).Finish().errors, SizeIs(kDeckCsvErrorsMax));
}

TEST(DeckCsv, ShortensAndEscapesTheTextOfAnError) {
  const std::string umlauts = "x" + absl::StrReplaceAll(std::string(40, 'u'), {{"u", "ü"}});
  const std::string csv = absl::StrCat("item,prefix,rate_per_minute\nOUTBOUND_CALL,44,", umlauts,
                                       "\nOUTBOUND_CALL,45,\xFF\xFE\n");

  const DeckCsvParser::Result result = Parse(csv);

  ASSERT_THAT(result.errors, SizeIs(2));
  EXPECT_EQ(result.errors[0].text, umlauts.substr(0, 63) + "...");
  EXPECT_EQ(result.errors[1].text, "\\xff\\xfe");
}

TEST(DeckCsv, RefusesAHeaderThatItDoesNotUnderstand) {
  EXPECT_THAT(ErrorsOf("item,prefix,price\nOUTBOUND_CALL,44,1\n"),
              ElementsAre("line 1, column 3: \"price\" is not the name of a column"));
  EXPECT_THAT(ErrorsOf("item,prefix,item\n"),
              ElementsAre("line 1, column 3: \"item\" names a column that was named before"));
  EXPECT_THAT(ErrorsOf("prefix,rate_per_minute\n"),
              ElementsAre("line 1, item: \"\" is not among the columns"));
  EXPECT_THAT(ErrorsOf("OUTBOUND_CALL,44,0.01\n"), SizeIs(5));
  EXPECT_THAT(ErrorsOf("it\"em,prefix\nOUTBOUND_CALL,44\n"), SizeIs(1));
}

TEST(DeckCsv, RefusesAFileWithoutRates) {
  EXPECT_THAT(ErrorsOf(""), ElementsAre(HasSubstr("the file is empty")));
  EXPECT_THAT(ErrorsOf("item,prefix\n"), ElementsAre(HasSubstr("the file has no rates")));
}

TEST(DeckCsv, RefusesTwoRatesOfOnePrefixAtTheSameTime) {
  EXPECT_THAT(ErrorsOf("prefix,item,rate_per_minute,effective_from,effective_to\n"
                       "44,OUTBOUND_CALL,1,,2026-02-01\n"
                       "1,OUTBOUND_CALL,1,,\n"
                       "44,OUTBOUND_CALL,1,2026-02-01,\n"
                       "1,INBOUND_CALL,1,,\n"
                       "44,OUTBOUND_CALL,1,2026-03-01,\n"
                       "1,OUTBOUND_CALL,2,,\n"),
              ElementsAre("line 6, column 1 (prefix): \"44\" has a rate for OUTBOUND_CALL at the "
                          "same time in line 4",
                          "line 7, column 1 (prefix): \"1\" has a rate for OUTBOUND_CALL at the "
                          "same time in line 3"));
}

TEST(DeckCsv, WritesWhatItReads) {
  const DeckCsvParser::Result result = Parse(kSmallDeck);

  ASSERT_THAT(result.deck, NotNull());
  EXPECT_EQ(Write(*result.deck),
            absl::StrCat(DeckCsvHeader(),
                         "OUTBOUND_CALL,,,0,0,0,1,1,,,,,\n"
                         "OUTBOUND_CALL,44,\"United Kingdom, landline\",0.05,0.001,0.0123,60,6,300,"
                         "0.0098765,,2026-01-31T00:00:00+00:00,2026-02-28T11:30:00+00:00\n"
                         "OUTGOING_TEXT,exact:72345,\"\"\"Votes\"\"\",,,,,,,,0.25,,\n"));
}

TEST(DeckCsv, ReadsTheSameHoweverTheBytesAreCut) {
  const std::string good =
      absl::StrCat("\xEF\xBB\xBF", absl::StrReplaceAll(kSmallDeck, {{"\n", "\r\n"}}));
  const std::string bad = absl::StrReplaceAll(good, {{"0.25", "25c"}, {"0.05", ""}});
  const std::string written = Write(*Parse(good).deck);
  const std::vector<std::string> errors = ErrorsOf(bad);

  EXPECT_THAT(errors, SizeIs(1));
  for (size_t piece = 1; piece <= good.size(); ++piece) {
    const DeckCsvParser::Result result = Parse(good, piece);
    ASSERT_THAT(result.deck, NotNull()) << piece;
    EXPECT_EQ(Write(*result.deck), written) << piece;
    EXPECT_EQ(ErrorsOf(bad, piece), errors) << piece;
  }
}

class DeckCsvProperty : public ::testing::Test {
 protected:
  int64_t Below(int64_t bound) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(bound));
  }

  std::string AnyText(absl::string_view letters, int64_t size_max) {
    std::string text;
    for (int64_t n = Below(size_max + 1); n > 0; --n) text += letters[Below(letters.size())];
    return text;
  }

  Tariff AnyTariff(Item item) {
    if (!IsCall(item)) return {.unit_fee = Micros(Below(kFeeMax.value() + 1))};
    Tariff tariff = {
        .connect_fee = Micros(Below(kFeeMax.value() + 1)),
        .attempt_fee = Micros(Below(3)),
        .rate_nanos_per_minute = Below(kRateNanosPerMinuteMax + 1),
        .initial_increment_seconds = static_cast<int32_t>(1 + Below(kIncrementSecondsMax)),
        .increment_seconds = static_cast<int32_t>(1 + Below(60))};
    if (Below(2) == 0) return tariff;
    tariff.rate_after_seconds = static_cast<int32_t>(1 + Below(kRateAfterSecondsMax));
    tariff.rate_after_nanos_per_minute = Below(1'000'000'000);
    return tariff;
  }

  absl::Time AnyTime() { return absl::FromUnixNanos(Below(4'000'000'000'000'000'000)); }

  std::mt19937_64 random_{11};
};

TEST_F(DeckCsvProperty, ReadingWhatWasWrittenGivesTheSameDeck) {
  for (int round = 0; round < 200; ++round) {
    RateDeck::Builder builder;
    std::set<std::pair<Item, std::string>> taken;
    for (int64_t n = 1 + Below(40); n > 0; --n) {
      const Item item = kItems[Below(kItems.size())];
      const std::string prefix = AnyText("0123456789", 15);
      const std::string description = AnyText("ab \",;'=", 30);
      if (!taken.emplace(item, prefix).second) continue;
      RateRow row = {
          .item = item, .prefix = prefix, .description = description, .tariff = AnyTariff(item)};
      if (Below(2) == 0) row.effective_from = AnyTime();
      if (Below(2) == 0) row.effective_to = AnyTime() + absl::Hours(24 * 365 * 150);
      ASSERT_FALSE(builder.Add(row).has_value());
    }
    const std::shared_ptr<const RateDeck> deck = std::move(builder).Build().deck;

    const DeckCsvParser::Result result = Parse(Write(*deck), 1 + Below(100));

    ASSERT_THAT(result.errors, IsEmpty());
    ASSERT_EQ(result.deck->size(), deck->size());
    for (uint32_t ordinal = 0; ordinal < deck->size(); ++ordinal) {
      const RateRow& before = *deck->Row(ordinal);
      const RateRow& after = *result.deck->Row(ordinal);
      EXPECT_EQ(after.item, before.item);
      EXPECT_EQ(after.prefix, before.prefix);
      EXPECT_EQ(after.description, before.description);
      EXPECT_EQ(after.tariff, before.tariff);
      EXPECT_EQ(after.effective_from, before.effective_from);
      EXPECT_EQ(after.effective_to, before.effective_to);
    }
  }
}

}  // namespace
}  // namespace farebox::rating
