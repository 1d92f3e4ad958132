#include "server/numbers/renewal_calendar.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace farebox::server {
namespace {

absl::TimeZone Zone(const std::string& name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

TEST(RenewalCalendarTest, AMonthBeginsOnThePurchasesDayOrTheLastOne) {
  struct Row {
    const char* zone;
    const char* bought;
    int month;
    const char* starts;
  };
  for (const Row& row : std::vector<Row>{
           {"UTC", "2026-01-15 10:30:00", 0, "2026-01-15 10:30:00"},
           {"UTC", "2026-01-15 10:30:00", 1, "2026-02-15 10:30:00"},
           {"UTC", "2026-01-15 10:30:00", 12, "2027-01-15 10:30:00"},
           // The 31st is the last day, and the 31st again.
           {"UTC", "2026-01-31 23:59:59", 1, "2026-02-28 23:59:59"},
           {"UTC", "2026-01-31 23:59:59", 2, "2026-03-31 23:59:59"},
           {"UTC", "2026-01-31 23:59:59", 3, "2026-04-30 23:59:59"},
           {"UTC", "2026-01-31 23:59:59", 12, "2027-01-31 23:59:59"},
           // Leap years, and a century that is none.
           {"UTC", "2028-01-30 00:00:00", 1, "2028-02-29 00:00:00"},
           {"UTC", "2028-02-29 00:00:00", 12, "2029-02-28 00:00:00"},
           {"UTC", "2028-02-29 00:00:00", 48, "2032-02-29 00:00:00"},
           {"UTC", "2099-12-31 00:00:00", 2, "2100-02-28 00:00:00"},
           // The time of day is the one on the customer's wall.
           {"America/New_York", "2026-02-10 09:00:00", 1, "2026-03-10 09:00:00"},
           {"America/New_York", "2026-10-10 09:00:00", 1, "2026-11-10 09:00:00"},
           // 02:30 on 8 March 2026 does not exist there: clocks go from 02:00 to 03:00.
           {"America/New_York", "2026-02-08 02:30:00", 1, "2026-03-08 03:00:00"},
           // A day that does not exist at all: Samoa left out 30 December 2011.
           {"Pacific/Apia", "2011-11-30 12:00:00", 1, "2011-12-31 00:00:00"},
       }) {
    const absl::TimeZone zone = Zone(row.zone);
    absl::Time bought;
    std::string error;
    ASSERT_TRUE(absl::ParseTime("%Y-%m-%d %H:%M:%S", row.bought, zone, &bought, &error)) << error;

    const absl::Time start = MonthStart(bought, row.month, zone);

    EXPECT_EQ(absl::FormatTime("%Y-%m-%d %H:%M:%S", start, zone), row.starts)
        << row.zone << " " << row.bought << " month " << row.month;
  }
}

TEST(RenewalCalendarTest, OfTwoMomentsWithOneTimeOfDayTheFirstIsTaken) {
  const absl::TimeZone zone = Zone("America/New_York");
  const absl::Time bought = absl::FromCivil(absl::CivilSecond(2026, 10, 1, 1, 30, 0), zone);
  const absl::Time twice = absl::FromCivil(absl::CivilSecond(2026, 11, 1, 1, 30, 0), zone);

  EXPECT_EQ(MonthStart(bought, 1, zone), twice);
  EXPECT_EQ(absl::FormatTime("%z", twice, zone), "-0400");
}

TEST(RenewalCalendarTest, EveryMonthBeginsAfterTheOneBefore) {
  for (const char* const name : {"UTC", "America/New_York", "Europe/Berlin", "Asia/Kathmandu",
                                 "Pacific/Apia", "Pacific/Chatham", "Africa/Casablanca"}) {
    const absl::TimeZone zone = Zone(name);
    for (int day = 0; day < 366; ++day) {
      const absl::Time bought =
          absl::FromCivil(absl::CivilSecond(2027, 6, 1, 2, 30, 0), zone) + absl::Hours(24 * day);
      for (int month = 0; month < 60; ++month) {
        ASSERT_LT(MonthStart(bought, month, zone), MonthStart(bought, month + 1, zone))
            << name << " " << bought << " month " << month;
      }
    }
  }
}

}  // namespace
}  // namespace farebox::server
