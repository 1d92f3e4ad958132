#include "client/cli/times.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace farebox::cli {
namespace {

using ::testing::HasSubstr;

class TimesTest : public ::testing::Test {
 protected:
  absl::Time At(int hour, int minute, int second = 0, int day = 2) {
    return absl::FromCivil(absl::CivilSecond(2026, 3, day, hour, minute, second), zone_);
  }
  absl::Time Read(absl::string_view text) {
    return ParseTime(text, zone_, now_).value_or(absl::InfinitePast());
  }

  const absl::TimeZone zone_ = absl::FixedTimeZone(2 * 3600);
  const absl::Time now_ = At(14, 30);
};

TEST_F(TimesTest, ReadsWhatPeopleWrite) {
  EXPECT_EQ(Read("2026-03-02"), At(0, 0));
  EXPECT_EQ(Read("2026-03-02 08:15"), At(8, 15));
  EXPECT_EQ(Read("2026-03-02 08:15:30"), At(8, 15, 30));
  EXPECT_EQ(Read("2026-03-02T06:15:30Z"), At(8, 15, 30));
  EXPECT_EQ(Read("2026-03-02T08:15:30+02:00"), At(8, 15, 30));
  EXPECT_EQ(Read("today"), At(0, 0));
  EXPECT_EQ(Read("yesterday"), At(0, 0, 0, 1));
  EXPECT_EQ(Read("now"), now_);
  EXPECT_EQ(Read("90m"), At(13, 0));
  EXPECT_EQ(Read("1d"), At(14, 30, 0, 1));
}

TEST_F(TimesTest, ReadsLengthsAheadWhereATimeIsToCome) {
  const auto read = [&](absl::string_view text) {
    return ParseTimeAhead(text, zone_, now_).value_or(absl::InfinitePast());
  };
  EXPECT_EQ(read("90m"), At(16, 0));
  EXPECT_EQ(read("1d"), At(14, 30, 0, 3));
  EXPECT_EQ(read("2026-03-03"), At(0, 0, 0, 3));
  EXPECT_EQ(read("2026-03-02T20:15:30+02:00"), At(20, 15, 30));
  for (const char* text : {"", "noon", "-5m", "inf", "99999999999999999d", "today"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseTimeAhead(text, zone_, now_).status())) << text;
  }
}

TEST_F(TimesTest, RefusesOtherTimes) {
  for (const char* text : {"", "noon", "2026-02-30", "2026-13-01", "02.03.2026", "-5m", "12",
                           "infinite-future", "inf"}) {
    EXPECT_THAT(ParseTime(text, zone_, now_).status().message(), HasSubstr("is not a time"))
        << text;
  }
}

TEST_F(TimesTest, ReadsLengthsOfTime) {
  EXPECT_EQ(ParseDuration("500ms").value_or(absl::ZeroDuration()), absl::Milliseconds(500));
  EXPECT_EQ(ParseDuration("2").value_or(absl::ZeroDuration()), absl::Seconds(2));
  EXPECT_EQ(ParseDuration("1m30s").value_or(absl::ZeroDuration()), absl::Seconds(90));
  for (const char* text : {"", "0", "-1s", "soon", "inf"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseDuration(text).status())) << text;
  }
}

TEST_F(TimesTest, ShowsTimesInTheZone) {
  google::protobuf::Timestamp time;
  FillTimestamp(At(8, 15, 30), &time);

  EXPECT_EQ(FormatTime(time, zone_), "2026-03-02 08:15:30");
  EXPECT_EQ(FormatTime(time, absl::UTCTimeZone()), "2026-03-02 06:15:30");
  EXPECT_EQ(FormatTime(google::protobuf::Timestamp(), zone_), "");
}

TEST_F(TimesTest, ShowsSecondsAsPeopleSayThem) {
  EXPECT_EQ(FormatSeconds(42), "42s");
  EXPECT_EQ(FormatSeconds(62), "1m 02s");
  EXPECT_EQ(FormatSeconds(3723), "1h 02m 03s");
}

}  // namespace
}  // namespace farebox::cli
