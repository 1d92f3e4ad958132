// AccountService/ExportActivity.

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "server/base/limits.h"
#include "server/rating/csv_reader.h"
#include "server/services/activity_csv.h"
#include "server/services/stream_limits.h"
#include "tests/server/server_fixture.h"
#include "tests/support/await.h"

namespace farebox::server {
namespace {

using grpc::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// One call that is read piece by piece.
struct OpenExport {
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReader<v1::ExportActivityResponse>> reader;
};

class Export : public ServerTest {
 protected:
  using Rows = std::vector<std::vector<std::string>>;

  Config MakeConfig() const override {
    Config config = ServerTest::MakeConfig();
    // All of them by one connection.
    config.calls_per_connection_max = 2 * static_cast<int>(limits::kExportsMax);
    return config;
  }

  std::unique_ptr<OpenExport> Begin(const v1::ExportActivityRequest& request) {
    auto call = std::make_unique<OpenExport>();
    SetDeadline(&call->context);
    call->reader = accounts_->ExportActivity(&call->context, request);
    return call;
  }

  // Reads to the end.
  std::string ReadAll(OpenExport* call) {
    std::string csv;
    while (call->reader->Read(&last_piece_)) {
      csv += last_piece_.csv();
      ++pieces_;
    }
    status_ = call->reader->Finish();
    return csv;
  }
  std::string ExportAll(absl::string_view more) {
    const auto call =
        Begin(Parse<v1::ExportActivityRequest>(absl::StrCat("account_id: 'alice' ", more)));
    return ReadAll(call.get());
  }

  // The records of a CSV, headings first, as another program reads them.
  static Rows Read(const std::string& csv) {
    rating::CsvReader reader;
    reader.Feed(csv);
    Rows rows;
    while (reader.Next() == rating::CsvReader::Step::kRecord) {
      std::vector<std::string>& row = rows.emplace_back();
      for (const auto& field : reader.fields()) row.emplace_back(field.text);
    }
    reader.Finish();
    EXPECT_EQ(reader.Next(), rating::CsvReader::Step::kMoreBytes) << "the last line is ended";
    return rows;
  }

  // One column, without its heading.
  static std::vector<std::string> Column(const Rows& rows, absl::string_view name) {
    std::vector<std::string> cells;
    for (size_t i = 0; i < rows[0].size(); ++i) {
      if (rows[0][i] != name) continue;
      for (size_t row = 1; row < rows.size(); ++row) cells.push_back(rows[row][i]);
    }
    return cells;
  }

  void DebitMany(int count) {
    while (count > 0) {
      v1::ApplyBatchRequest batch;
      for (int i = 0; i < 5'000 && count > 0; ++i, --count) {
        auto* const debit = batch.add_operations()->mutable_debit();
        debit->set_account_id("alice");
        debit->set_request_id(absl::StrCat("many", count));
        debit->set_amount_micros(1'234'567);
        debit->set_item(v1::ITEM_ADJUSTMENT);
      }
      ASSERT_TRUE(Send(batch).status.ok());
    }
  }

  v1::ExportActivityResponse last_piece_;
  int pieces_ = 0;
  grpc::Status status_;
};

TEST_F(Export, HasTheLinesOfListActivityNewestFirst) {
  Send<v1::CreateAccountRequest>(
      "account { account_id: 'alice' currency_code: 'USD' deck: 'standard' time_zone: "
      "'America/New_York' } request_id: 'open'");
  Send<v1::CreditRequest>(
      "account_id: 'alice' request_id: 'in' amount_micros: 1000000 reason: CREDIT_REASON_PAYMENT");
  clock_.Advance(absl::Milliseconds(1'500));
  const auto call = AuthorizeCall("alice", "call", 60);
  Settle("alice", "end", call->hold_id(), 30);
  Send<v1::DebitRequest>(
      "account_id: 'alice' request_id: 'text' usage { text { direction: DIRECTION_OUTBOUND from: "
      "'+12025550100' to: '+447400123456' body: 'x' } }");

  const Rows rows = Read(ExportAll(""));

  EXPECT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_THAT(Column(rows, "kind"), ElementsAre("DEBIT", "HOLD_SETTLED", "CREDIT"));
  EXPECT_THAT(Column(rows, "item"), ElementsAre("OUTGOING_TEXT", "OUTBOUND_CALL", "FUNDS_MANUAL"));
  EXPECT_THAT(Column(rows, "amount"), ElementsAre("-0.01", "-0.2", "1"));
  EXPECT_THAT(Column(rows, "amount_micros"), ElementsAre("-10000", "-200000", "1000000"));
  EXPECT_THAT(Column(rows, "balance"), ElementsAre("0.79", "0.8", "1"));
  EXPECT_THAT(Column(rows, "balance_micros"), ElementsAre("790000", "800000", "1000000"));
  EXPECT_THAT(Column(rows, "currency"), ElementsAre("USD", "USD", "USD"));
  EXPECT_THAT(Column(rows, "time"),
              ElementsAre("2025-12-31T19:00:01.500000-05:00", "2025-12-31T19:00:01.500000-05:00",
                          "2025-12-31T19:00:00.000000-05:00"));
  EXPECT_THAT(Column(rows, "time_utc"),
              ElementsAre("2026-01-01T00:00:01.500000Z", "2026-01-01T00:00:01.500000Z",
                          "2026-01-01T00:00:00.000000Z"));
  EXPECT_THAT(Column(rows, "billed_seconds"), ElementsAre("", "60", ""));
  EXPECT_THAT(Column(rows, "segments"), ElementsAre("1", "", ""));
  EXPECT_THAT(Column(rows, "request_id"), ElementsAre("text", "end", "in"));
  EXPECT_EQ(last_piece_.exported_entries(), 3);
  EXPECT_EQ(last_piece_.total_entries(), 3);
}

TEST_F(Export, KeepsToTheFilter) {
  OpenAccount("alice", 10'000'000);
  DebitMany(3);
  clock_.Advance(absl::Hours(1));
  Send<v1::CreditRequest>(
      "account_id: 'alice' request_id: 'in' amount_micros: 7 reason: CREDIT_REASON_PROMOTION");
  const auto amounts = [&](absl::string_view more) {
    const std::vector<std::string> cells = Column(Read(ExportAll(more)), "amount_micros");
    EXPECT_EQ(last_piece_.exported_entries(), static_cast<int64_t>(cells.size()));
    EXPECT_EQ(last_piece_.total_entries(), static_cast<int64_t>(cells.size()));
    return cells;
  };

  EXPECT_THAT(amounts("show: ACTIVITY_SHOW_CREDITS"), ElementsAre("7", "10000000"));
  EXPECT_THAT(amounts("items: ITEM_PROMOTION"), ElementsAre("7"));
  EXPECT_THAT(amounts("show: ACTIVITY_SHOW_DEBITS"),
              ElementsAre("-1234567", "-1234567", "-1234567"));
  EXPECT_THAT(amounts("show: ACTIVITY_SHOW_JOURNAL items: ITEM_REFUND"), ElementsAre());
  EXPECT_THAT(amounts("from_time { seconds: 1767229200 }"), ElementsAre("7"));
  EXPECT_THAT(amounts("to_time { seconds: 1767225601 } show: ACTIVITY_SHOW_CREDITS"),
              ElementsAre("10000000"));
  EXPECT_THAT(amounts("from_time { seconds: 1767229200 } to_time { seconds: 1767225601 }"),
              ElementsAre());
  EXPECT_THAT(amounts("to_time { seconds: -1 }"), ElementsAre());
}

TEST_F(Export, OfNothingIsTheHeadings) {
  OpenAccount("alice");

  EXPECT_EQ(ExportAll(""), ActivityCsvHeader());
  EXPECT_EQ(pieces_, 1);
  EXPECT_EQ(last_piece_.total_entries(), 0);
}

TEST_F(Export, WhatPeopleWroteIsQuotedAndNoFormula) {
  OpenAccount("alice", 1'000'000);
  int count = 0;
  for (const char* text : {"=HYPERLINK(\\\"http://x\\\",\\\"y\\\")", "+1", "-2+3", "@SUM(A1)",
                           "a, \\\"b\\\"", "＝1", "plain"}) {
    ASSERT_TRUE(Send<v1::DebitRequest>(
                    absl::Substitute("account_id: 'alice' request_id: '=$0' amount_micros: 1 item: "
                                     "ITEM_ADJUSTMENT description: \"$1\"",
                                     ++count, text))
                    .status.ok())
        << text;
  }

  const std::string csv = ExportAll("show: ACTIVITY_SHOW_DEBITS");

  EXPECT_THAT(Column(Read(csv), "description"),
              ElementsAre("plain", "'＝1", "a, \"b\"", "'@SUM(A1)", "'-2+3", "'+1",
                          "'=HYPERLINK(\"http://x\",\"y\")"));
  EXPECT_THAT(Column(Read(csv), "request_id"),
              ElementsAre("'=7", "'=6", "'=5", "'=4", "'=3", "'=2", "'=1"));
  EXPECT_THAT(csv, HasSubstr(",\"a, \"\"b\"\"\","));
  EXPECT_THAT(csv, StartsWith("entry_id,time,time_utc,"));
}

TEST_F(Export, KeepsToItsTimesAlsoWithoutAnIndex) {
  Stop();
  // What cannot be made anew: a folder is in its place.
  const std::string derived = MakeConfig().data_directory + "/derived.db";
  std::filesystem::remove(derived);
  std::filesystem::create_directories(derived + "/in the way");
  Start();
  OpenAccount("alice", 100'000'000'000);
  clock_.Advance(absl::Hours(1));
  const int64_t then = absl::ToUnixSeconds(clock_.Now());
  DebitMany(25'000);

  const Rows rows = Read(ExportAll(absl::StrCat("to_time { seconds: ", then, " }")));

  EXPECT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_THAT(Column(rows, "request_id"), ElementsAre("paid in"));
  EXPECT_EQ(last_piece_.total_entries(), 1);
}

TEST_F(Export, LongOnesComeInPiecesWithHowFarTheyAre) {
  OpenAccount("alice", 100'000'000'000);
  DebitMany(3'000);
  const auto call = Begin(Parse<v1::ExportActivityRequest>("account_id: 'alice'"));
  std::string csv;
  int64_t done = 0;
  v1::ExportActivityResponse piece;
  while (call->reader->Read(&piece)) {
    if (csv.empty()) DebitMany(7);  // Comes after the export began.
    csv += piece.csv();
    EXPECT_LT(piece.csv().size(), limits::kActivityPieceBytes + 2'000);
    EXPECT_GT(piece.exported_entries(), done);
    done = piece.exported_entries();
    EXPECT_EQ(piece.total_entries(), 3'001);
  }

  EXPECT_TRUE(call->reader->Finish().ok());
  EXPECT_EQ(done, 3'001);
  const std::vector<std::string> balances = Column(Read(csv), "balance_micros");
  ASSERT_EQ(balances.size(), 3'001u);
  EXPECT_EQ(balances.back(), "100000000000");
  EXPECT_EQ(balances.front(), "96296299000");
}

class ExportOnOneThread : public Export {
 protected:
  Config MakeConfig() const override {
    Config config = Export::MakeConfig();
    config.reader_threads = 1;
    return config;
  }
};

TEST_F(ExportOnOneThread, ACallerThatDoesNotReadHoldsNoReaderThread) {
  OpenAccount("alice", 100'000'000'000);
  DebitMany(10'000);
  std::vector<std::unique_ptr<OpenExport>> calls;
  for (int i = 0; i < 20; ++i) {
    calls.push_back(Begin(Parse<v1::ExportActivityRequest>("account_id: 'alice'")));
  }

  EXPECT_EQ(Send<v1::ListActivityRequest>("account_id: 'alice' page_size: 9")->entries_size(), 9);
  EXPECT_TRUE(Send<v1::GetSummaryRequest>("account_id: 'alice'").status.ok());
  for (const auto& call : calls) call->context.TryCancel();
}

TEST_F(Export, AsManyAsAreAllowedAndThoseThatAreCancelledMakeRoom) {
  OpenAccount("alice", 100'000'000'000);
  DebitMany(5'000);
  const auto request = Parse<v1::ExportActivityRequest>("account_id: 'alice'");
  std::vector<std::unique_ptr<OpenExport>> calls;
  for (size_t i = 0; i < limits::kExportsMax; ++i) {
    calls.push_back(Begin(request));
    // The first piece has come, and those after it are not read.
    ASSERT_TRUE(calls.back()->reader->Read(&last_piece_));
  }
  ReadAll(Begin(request).get());
  EXPECT_THAT(Answer<v1::ExportActivityResponse>{.status = status_},
              FailsWith(StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED"));

  calls[7]->context.TryCancel();
  EXPECT_EQ(calls[7]->reader->Finish().error_code(), StatusCode::CANCELLED);
  const absl::Time start = SystemClock().Now();
  ASSERT_TRUE(testing::Await([&] {
    ReadAll(Begin(request).get());
    return status_.ok();
  })) << "it still has its place";
  EXPECT_LT(SystemClock().Now() - start, absl::Seconds(5));
  for (const auto& call : calls) call->context.TryCancel();
}

TEST_F(Export, EndsWhenTheServerStops) {
  OpenAccount("alice", 100'000'000'000);
  DebitMany(10'000);
  const auto call = Begin(Parse<v1::ExportActivityRequest>("account_id: 'alice'"));
  ASSERT_TRUE(call->reader->Read(&last_piece_));

  std::thread draining([this] { server_->Drain(); });
  ReadAll(call.get());
  draining.join();

  EXPECT_EQ(status_.error_code(), StatusCode::UNAVAILABLE) << status_.error_message();
  server_ = nullptr;
}

TEST_F(Export, RefusesWhatListActivityRefuses) {
  OpenAccount("alice");
  const auto refusal_of = [&](absl::string_view text) {
    ReadAll(Begin(Parse<v1::ExportActivityRequest>(text)).get());
    return Answer<v1::ExportActivityResponse>{.status = status_};
  };

  EXPECT_THAT(refusal_of(""), BlamesField("account_id"));
  EXPECT_THAT(refusal_of("account_id: 'bob'"),
              FailsWith(StatusCode::NOT_FOUND, "ACCOUNT_NOT_FOUND"));
  EXPECT_THAT(refusal_of("account_id: 'alice' show: 99"), BlamesField("show"));
  EXPECT_THAT(refusal_of("account_id: 'alice' items: 0"), BlamesField("items"));
  EXPECT_THAT(refusal_of("account_id: 'alice' items: 99"), BlamesField("items"));
  EXPECT_THAT(refusal_of("account_id: 'alice' from_time { nanos: -1 }"), BlamesField("from_time"));
  EXPECT_THAT(refusal_of("account_id: 'alice' to_time { seconds: 999999999999 }"),
              BlamesField("to_time"));
}

TEST(ActivityCsv, AmountsAreExactWhateverTheirSize) {
  v1::Entry entry;
  entry.set_amount_micros(-999'999'999'999'999'999);
  entry.set_balance_after_micros(1);
  std::string line;

  AppendActivityCsvLine(entry, absl::UTCTimeZone(), "JPY", &line);

  EXPECT_THAT(line, HasSubstr(",-999999999999.999999,-999999999999999999,0.000001,1,0,0,JPY,"));
}

}  // namespace
}  // namespace farebox::server
