#include "client/cli/statement.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

namespace farebox::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class StatementTest : public ::testing::Test {
 protected:
  StatementTest() {
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        R"(account_id: "acme" currency_code: "USD" time_zone: "America/New_York"
           as_of_entry_id: 42
           range { date: "2026-11-01" start_time { seconds: 1793505600 }
                   end_time { seconds: 1796101200 }
                   opening_balance_micros: 5000000 closing_balance_micros: 3995500
                   total { debit_count: 2 debit_micros: 2004500 credit_count: 1
                           credit_micros: 1000000 }
                   items { item: ITEM_OUTBOUND_CALL total { debit_count: 1 debit_micros: 4500 } }
                   items { item: ITEM_ADJUSTMENT total { debit_count: 1 debit_micros: 2000000 } }
                   items { item: ITEM_FUNDS_MANUAL
                           total { credit_count: 1 credit_micros: 1000000 } } }
           periods { date: "2026-11-01" start_time { seconds: 1793505600 }
                     end_time { seconds: 1793595600 } opening_balance_micros: 5000000
                     closing_balance_micros: 3995500
                     total { debit_count: 2 debit_micros: 2004500 credit_count: 1
                             credit_micros: 1000000 }
                     items { item: ITEM_OUTBOUND_CALL
                             total { debit_count: 1 debit_micros: 4500 } } })",
        &statement_.summary));
    EXPECT_TRUE(absl::LoadTimeZone("America/New_York", &statement_.zone));
  }

  Statement statement_;
};

TEST_F(StatementTest, SaysWhatTheMonthCameTo) {
  const std::string html = StatementHtml(statement_);

  EXPECT_THAT(html, AllOf(HasSubstr("1 November 2026 – 30 November 2026"), HasSubstr("acme"),
                          HasSubstr("<td>Outbound call</td><td class=\"n\">1</td>"),
                          HasSubstr("As of entry 42")));
}

TEST_F(StatementTest, AmountsHaveTheDecimalsOfTheFinest) {
  const std::string html = StatementHtml(statement_);

  for (const char* amount : {"5.0000", "1.0000", "−2.0045", "3.9955", "0.0045"}) {
    EXPECT_THAT(html, HasSubstr(std::string(">") + amount + "<"));
  }
}

TEST_F(StatementTest, NothingThatOthersWroteIsMarkup) {
  statement_.summary.set_account_id("<img src=x onerror='alert(1)'>");
  statement_.summary.set_time_zone("\"><script>");
  v1::Entry& line = statement_.lines.emplace_back();
  line.set_description("</td><script src=\"http://x/\"></script>&\x01");
  line.mutable_usage()->mutable_call()->set_to("<b>");
  line.mutable_usage()->mutable_call()->set_direction(v1::DIRECTION_OUTBOUND);

  const std::string html = StatementHtml(statement_);

  EXPECT_THAT(html, AllOf(Not(HasSubstr("<img")), Not(HasSubstr("<script")), Not(HasSubstr("<b>")),
                          HasSubstr("&lt;/td&gt;&lt;script src=&quot;http://x/&quot;&gt;"),
                          HasSubstr("default-src 'none'")));
}

TEST_F(StatementTest, AnEmptyMonthIsAStatementToo) {
  statement_.summary.mutable_range()->clear_total();
  statement_.summary.mutable_range()->clear_items();
  statement_.summary.clear_periods();

  const std::string html = StatementHtml(statement_);

  EXPECT_THAT(html, AllOf(Not(HasSubstr("Charges by item")), HasSubstr("Closing balance")));
}

}  // namespace
}  // namespace farebox::cli
