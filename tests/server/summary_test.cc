// AccountService/GetSummary.

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/substitute.h"
#include "absl/time/civil_time.h"
#include "server/base/limits.h"
#include "tests/server/server_fixture.h"

namespace farebox::server {
namespace {

using grpc::StatusCode;

class Summary : public ServerTest {
 protected:
  void OpenIn(absl::string_view zone) {
    zone_ = std::string(zone);
    FAREBOX_CHECK(absl::LoadTimeZone(zone, &time_zone_));
    const auto opened = Send<v1::CreateAccountRequest>(absl::Substitute(
        "account { account_id: 'alice' currency_code: 'USD' deck: 'standard' time_zone: '$0' } "
        "request_id: 'open'",
        zone));
    ASSERT_TRUE(opened.status.ok()) << opened.status.error_message();
    Credit(1'000'000'000);
  }

  void Credit(int64_t micros) {
    const auto paid = Send<v1::CreditRequest>(absl::Substitute(
        "account_id: 'alice' request_id: 'r$0' amount_micros: $1 reason: CREDIT_REASON_PAYMENT",
        ++requests_, micros));
    ASSERT_TRUE(paid.status.ok()) << paid.status.error_message();
  }

  void Debit(int64_t micros, absl::string_view item = "ITEM_ADJUSTMENT") {
    const auto paid = Send<v1::DebitRequest>(
        absl::Substitute("account_id: 'alice' request_id: 'r$0' amount_micros: $1 item: $2",
                         ++requests_, micros, item));
    ASSERT_TRUE(paid.status.ok()) << paid.status.error_message();
  }

  // Moves the clock to a moment of the account's zone, e.g. "2026-03-08 01:30:00".
  void GoTo(const std::string& civil) {
    absl::Time time;
    std::string problem;
    FAREBOX_CHECK(absl::ParseTime("%Y-%m-%d %H:%M:%E*S", civil, time_zone_, &time, &problem));
    clock_.Set(time);
  }

  Answer<v1::GetSummaryResponse> Get(absl::string_view more = "") {
    return Send<v1::GetSummaryRequest>(absl::StrCat("account_id: 'alice' ", more));
  }

  // "date: opening -debits +credits = closing" of each.
  static std::vector<std::string> Lines(const v1::GetSummaryResponse& summary) {
    std::vector<std::string> lines;
    for (const v1::SummaryPeriod& period : summary.periods()) lines.push_back(Line(period));
    return lines;
  }
  static std::string Line(const v1::SummaryPeriod& period) {
    return absl::StrFormat("%s: %d -%d +%d = %d", period.date(), period.opening_balance_micros(),
                           period.total().debit_micros(), period.total().credit_micros(),
                           period.closing_balance_micros());
  }

  std::string zone_;
  absl::TimeZone time_zone_;
  int requests_ = 0;
};

TEST_F(Summary, ADayBeginsAtMidnightInTheTimeZoneOfTheAccount) {
  OpenIn("America/New_York");
  GoTo("2026-01-02 23:59:59.999999");
  Debit(1);
  GoTo("2026-01-03 00:00:00");
  Debit(20);
  GoTo("2026-01-03 23:59:59.999999");
  Debit(300);
  GoTo("2026-01-04 00:00:00");
  Debit(4000);

  const auto summary = Get("from_date: '2026-01-02'");

  EXPECT_THAT(Lines(*summary.operator->()),
              ::testing::ElementsAre("2026-01-02: 1000000000 -1 +0 = 999999999",
                                     "2026-01-03: 999999999 -320 +0 = 999999679",
                                     "2026-01-04: 999999679 -4000 +0 = 999995679"));
  EXPECT_THAT(summary, Answers("account_id: 'alice' currency_code: 'USD' "
                               "time_zone: 'America/New_York' range { date: '2026-01-02' "
                               "start_time { seconds: 1767330000 } "
                               "end_time { seconds: 1767589200 } "
                               "total { debit_count: 4 debit_micros: 4321 } }"));
}

// Midnights of zones are at every quarter of an hour; a day has 23, 24 or 25 hours, or another
// number where a country moves its clocks by half an hour, or over the date line.
TEST_F(Summary, DaysEndWhereTheNextOnesBegin) {
  const struct {
    const char* zone;
    const char* date;
    int64_t start_seconds;
    double hours;
  } kDays[] = {
      {"America/New_York", "2026-03-08", 1772946000, 23},
      {"America/New_York", "2026-11-01", 1793505600, 25},
      {"Asia/Kathmandu", "2026-02-01", 1769883300, 24},
      {"Australia/Lord_Howe", "2026-04-05", 1775307600, 24.5},
      // The clock is set forward at midnight: the day begins at one.
      {"Asia/Beirut", "2026-03-29", 1774735200, 23},
      // There was no 30th.
      {"Pacific/Apia", "2011-12-30", 1325239200, 0},
  };
  clock_.Set(absl::FromUnixSeconds(1'800'000'000));
  for (const auto& day : kDays) {
    SCOPED_TRACE(absl::StrCat(day.zone, " ", day.date));
    const std::string id = absl::StrReplaceAll(day.zone, {{"/", "."}});
    Send<v1::CreateAccountRequest>(absl::Substitute(
        "account { account_id: '$0' currency_code: 'USD' time_zone: '$1' } request_id: 'open'", id,
        day.zone));

    const auto summary = Send<v1::GetSummaryRequest>(
        absl::Substitute("account_id: '$0' from_date: '$1' to_date: '$1'", id, day.date));

    ASSERT_EQ(summary->periods_size(), 1) << summary.status.error_message();
    EXPECT_EQ(summary->periods(0).start_time().seconds(), day.start_seconds);
    EXPECT_EQ(summary->periods(0).end_time().seconds(),
              day.start_seconds + static_cast<int64_t>(day.hours * 3600));
  }
}

TEST_F(Summary, IsWhatTheLinesAddUpTo) {
  std::mt19937_64 random(20'261'129);
  OpenIn("Asia/Kathmandu");
  constexpr const char* kItems[] = {"ITEM_OUTBOUND_CALL", "ITEM_OUTGOING_TEXT", "ITEM_ADJUSTMENT"};
  for (int i = 0; i < 400; ++i) {
    clock_.Advance(absl::Minutes(static_cast<int64_t>(random() % 240)));
    const auto micros = static_cast<int64_t>(1 + random() % 1'000'000);
    if (random() % 20 == 0) {
      Credit(micros);
    } else if (random() % 10 == 0) {
      AuthorizeCall("alice", absl::StrCat("h", i), 60);
    } else {
      Debit(micros, kItems[random() % 3]);
    }
  }

  // Lines by day and item: count, sum.
  std::map<std::string, std::map<int, std::pair<int64_t, int64_t>>> expected;
  v1::ListActivityRequest request;
  request.set_account_id("alice");
  do {
    const auto page = Send(request);
    for (const v1::Entry& entry : page->entries()) {
      const absl::Time time = absl::FromUnixSeconds(entry.time().seconds());
      const std::string day = absl::FormatCivilTime(absl::ToCivilDay(time, time_zone_));
      std::pair<int64_t, int64_t>& sum = expected[day][entry.item()];
      ++sum.first;
      sum.second += entry.amount_micros();
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());

  const auto summary = Get();
  int64_t balance = 0;
  for (const v1::SummaryPeriod& day : summary->periods()) {
    EXPECT_EQ(day.opening_balance_micros(), balance);
    std::map<int, std::pair<int64_t, int64_t>> sums;
    for (const v1::ItemTotal& item : day.items()) {
      const v1::ActivityTotal& total = item.total();
      const int64_t sum = total.credit_micros() - total.debit_micros();
      sums[item.item()] = {total.debit_count() + total.credit_count(), sum};
      balance += sum;
    }
    EXPECT_EQ(sums, expected[day.date()]) << day.date();
    EXPECT_EQ(day.closing_balance_micros(), balance);
  }
  EXPECT_EQ(balance, Balance("alice").balance_micros());
  EXPECT_EQ(summary->range().closing_balance_micros(), balance);
}

TEST_F(Summary, MonthsHaveTheDaysThatAreAskedFor) {
  OpenIn("UTC");
  GoTo("2026-01-31 12:00:00");
  Debit(1);
  GoTo("2026-02-10 12:00:00");
  Debit(20);
  GoTo("2026-03-01 00:00:00");
  Debit(300);

  EXPECT_THAT(Lines(*Get("from_date: '2026-01-15' to_date: '2026-02-10' "
                         "step: SUMMARY_STEP_MONTH")
                         .
                         operator->()),
              ::testing::ElementsAre("2026-01-15: 1000000000 -1 +0 = 999999999",
                                     "2026-02-01: 999999999 -20 +0 = 999999979"));
  EXPECT_THAT(Get("to_date: '2026-02-28' step: SUMMARY_STEP_NONE"),
              Answers("range { date: '2026-01-01' total { debit_micros: 21 } "
                      "opening_balance_micros: 0 closing_balance_micros: 999999979 }"));
  EXPECT_EQ(Get("step: SUMMARY_STEP_NONE")->periods_size(), 0);
}

TEST_F(Summary, ListsDaysUpToToday) {
  OpenIn("UTC");
  GoTo("2026-01-02 12:00:00");
  Debit(1);

  const auto summary = Get("to_date: '9999-12-31'");
  EXPECT_THAT(Lines(*summary.operator->()),
              ::testing::ElementsAre("2026-01-01: 0 -0 +1000000000 = 1000000000",
                                     "2026-01-02: 1000000000 -1 +0 = 999999999"));
  EXPECT_EQ(summary->range().end_time().seconds(), 253402300799) << "the last one there is";
  const auto later = Get("from_date: '2027-01-01'");
  EXPECT_EQ(later->periods_size(), 0);
  EXPECT_THAT(later, Answers("range { opening_balance_micros: 999999999 "
                             "closing_balance_micros: 999999999 total {} }"));
}

TEST_F(Summary, BeforeTheAccountThereIsNothing) {
  OpenIn("UTC");

  EXPECT_THAT(Lines(*Get("from_date: '2025-12-30' to_date: '2025-12-31'").operator->()),
              ::testing::ElementsAre("2025-12-30: 0 -0 +0 = 0", "2025-12-31: 0 -0 +0 = 0"));
  EXPECT_THAT(Lines(*Get("to_date: '2025-12-31'").operator->()),
              ::testing::ElementsAre("2025-12-31: 0 -0 +0 = 0"));
}

TEST_F(Summary, CountsReleasesThatCostSomethingAndNoHolds) {
  OpenIn("UTC");
  const auto authorize = [&](const char* id) {
    return Send<v1::AuthorizeRequest>(absl::Substitute(
        "account_id: 'alice' request_id: '$0' requested_seconds: 60 usage { call { direction: "
        "DIRECTION_OUTBOUND from: '+12025550100' to: '+447400123456' } }",
        id));
  };
  const auto call = authorize("a");
  Send<v1::ReleaseRequest>(
      absl::Substitute("account_id: 'alice' request_id: 'b' hold_id: $0", call->hold_id()));
  authorize("c");

  EXPECT_THAT(Get(), Answers("range { items { item: ITEM_OUTBOUND_CALL total { debit_count: 1 "
                             "debit_micros: 10000 } } items { item: ITEM_FUNDS_MANUAL } "
                             "total { debit_count: 1 credit_count: 1 } }"));
}

TEST_F(Summary, SurvivesARestart) {
  OpenIn("America/New_York");
  GoTo("2026-01-05 10:00:00");
  Debit(77);
  const auto before = Get();

  Restart();

  EXPECT_EQ(Get()->ShortDebugString(), before->ShortDebugString());
}

TEST_F(Summary, RefusesWhatIsNoRange) {
  OpenIn("UTC");
  for (const char* date :
       {"2026-1-1", "2026-01-1", "20260101", "2026-01-01T00:00:00Z", "today", " 2026-01-01",
        "2026-01-01 ", "2026-13-01", "2026-02-29", "2026-04-31", "2026-00-10", "2026-01-00",
        "1969-12-31", "-001-01-01", "10000-01-01", "+026-01-01", "2026/01/01", "२०२६-०१-०१"}) {
    EXPECT_THAT(Get(absl::Substitute("from_date: '$0'", date)), BlamesField("from_date")) << date;
    EXPECT_THAT(Get(absl::Substitute("to_date: '$0'", date)), BlamesField("to_date")) << date;
  }
  EXPECT_THAT(Get("from_date: '2026-01-02' to_date: '2026-01-01'"), BlamesField("to_date"));
  EXPECT_THAT(Get("step: 9"), BlamesField("step"));
  EXPECT_THAT(Get("from_date: '1970-01-01' step: SUMMARY_STEP_DAY"), BlamesField("step"));
  EXPECT_TRUE(Get("from_date: '1970-01-01' step: SUMMARY_STEP_MONTH").status.ok());
  EXPECT_THAT(Send<v1::GetSummaryRequest>(""), BlamesField("account_id"));
  EXPECT_THAT(Send<v1::GetSummaryRequest>("account_id: 'bob'"),
              FailsWith(StatusCode::NOT_FOUND, "ACCOUNT_NOT_FOUND"));
}

TEST_F(Summary, HasAsManyPeriodsAsAreAllowed) {
  OpenIn("UTC");
  const absl::CivilDay today(2026, 1, 1);
  const auto days_ago = [&](int64_t days) {
    return absl::StrCat("step: SUMMARY_STEP_DAY from_date: '", absl::FormatCivilTime(today - days),
                        "'");
  };
  const auto most = static_cast<int64_t>(limits::kSummaryPeriodsMax);

  EXPECT_EQ(Get(days_ago(most - 1))->periods_size(), most);
  EXPECT_THAT(Get(days_ago(most)), BlamesField("step"));
}

// Once, what asked for nothing but an account was refused as soon as that was old.
TEST_F(Summary, AnOldAccountIsSummedUpByMonthWhereNobodyAsksForDays) {
  OpenIn("UTC");
  clock_.Advance(absl::Hours(24 * 999));
  EXPECT_EQ(Get()->periods_size(), 1'000);

  clock_.Advance(absl::Hours(24 * 2));
  const auto answer = Get();

  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  // January 2026 to September 2028.
  ASSERT_EQ(answer->periods_size(), 33);
  EXPECT_THAT(answer->periods(0), Shows("date: '2026-01-01' closing_balance_micros: 1000000000"));
  EXPECT_THAT(answer->periods(32), Shows("date: '2028-09-01' closing_balance_micros: 1000000000"));
}

}  // namespace
}  // namespace farebox::server
