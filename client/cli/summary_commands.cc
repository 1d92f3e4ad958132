#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "client/cli/commands.h"
#include "client/cli/decimal.h"
#include "client/cli/facts.h"
#include "client/cli/files.h"
#include "client/cli/pages.h"
#include "client/cli/statement.h"
#include "client/cli/words.h"
#include "farebox/v1/account.pb.h"

namespace farebox::cli {
namespace {

// Lines that a statement may have: a hundred pages of paper. A machine reads `activity --csv`.
constexpr int64_t kStatementLinesMax = 4'000;

// "2026-11" as its first and last day.
absl::Status SetMonth(const std::string& text, v1::GetSummaryRequest* request) {
  absl::CivilMonth month;
  if (text.size() != 7 || !absl::ParseCivilTime(text, &month)) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is not a month: 2026-11"));
  }
  request->set_from_date(absl::FormatCivilTime(absl::CivilDay(month)));
  request->set_to_date(absl::FormatCivilTime(absl::CivilDay(month + 1) - 1));
  return absl::OkStatus();
}

// ---- summary

void AddTotal(const v1::ActivityTotal& total, std::vector<Cell>* row) {
  for (const int64_t number : {total.debit_count(), total.credit_count()}) {
    row->emplace_back(number == 0 ? "" : absl::StrCat(number));
  }
  row->emplace_back(total.debit_count() == 0 ? "" : FormatMicros(-total.debit_micros()));
  row->emplace_back(
      total.credit_count() == 0 ? Cell() : Cell(FormatMicros(total.credit_micros()), Tone::kGood));
}

std::vector<Column> TotalColumns(const std::string& first, const std::string& currency) {
  return {{first},
          {"debits", Align::kRight},
          {"credits", Align::kRight},
          {absl::StrCat("paid ", currency), Align::kPoint},
          {absl::StrCat("got ", currency), Align::kPoint}};
}

void ShowSummary(Session* session, const v1::GetSummaryResponse& summary) {
  const std::string& currency = summary.currency_code();
  const v1::SummaryPeriod& range = summary.range();
  Facts facts(session);
  facts.Add("account", {summary.account_id(), Tone::kStrong})
      .Add("from", range.date())
      .Add("time zone", summary.time_zone())
      .AddMoney("opening balance", range.opening_balance_micros(), currency)
      .AddMoney("paid", -range.total().debit_micros(), currency)
      .AddMoney("got", range.total().credit_micros(), currency)
      .AddMoney("closing balance", range.closing_balance_micros(), currency);
  facts.Print();

  Table items(TotalColumns("item", currency));
  for (const v1::ItemTotal& item : range.items()) {
    std::vector<Cell> row = {Word(item.item())};
    AddTotal(item.total(), &row);
    items.AddRow(std::move(row));
  }
  if (items.empty()) return session->Note("Nothing was paid, and nothing came in.");
  session->Print("\n");
  session->Print(items);

  std::vector<Column> columns = TotalColumns("from", currency);
  columns.push_back({absl::StrCat("balance ", currency), Align::kPoint});
  Table periods(columns);
  for (const v1::SummaryPeriod& period : summary.periods()) {
    if (period.items().empty()) continue;
    std::vector<Cell> row = {period.date()};
    AddTotal(period.total(), &row);
    row.emplace_back(FormatMicros(period.closing_balance_micros()));
    periods.AddRow(std::move(row));
  }
  if (periods.empty()) return;
  session->Print("\n");
  session->Print(periods);
}

struct SummaryArguments {
  v1::GetSummaryRequest request;
  std::string month;
};

int RunSummary(Session* session, SummaryArguments* arguments) {
  if (!arguments->month.empty()) {
    const absl::Status set = SetMonth(arguments->month, &arguments->request);
    if (!set.ok()) return session->Fail(set);
  }
  const auto summary = session->client().GetSummary(arguments->request, session->call_options());
  return session->Answer<v1::GetSummaryResponse>(
      summary, [session](const auto& answer) { ShowSummary(session, answer); });
}

void AddSummary(Commands* commands) {
  auto arguments = std::make_shared<SummaryArguments>();
  CLI::App* const command =
      commands->Add("summary", "Add up what an account paid and got, by item and by day",
                    [arguments](Session* session) { return RunSummary(session, arguments.get()); });
  v1::GetSummaryRequest* const request = &arguments->request;
  AddAccountId(command, request->mutable_account_id());
  CLI::Option* const from =
      command
          ->add_option("--from", *request->mutable_from_date(),
                       "The first day, in the account's time zone; when it was opened by default")
          ->type_name("DATE");
  CLI::Option* const to =
      command->add_option("--to", *request->mutable_to_date(), "The last day; today by default")
          ->type_name("DATE");
  command->add_option("--month", arguments->month, "All of a month, e.g. 2026-11")
      ->type_name("MONTH")
      ->excludes(from)
      ->excludes(to);
  AddChoice<v1::SummaryStep>(
      command, "--by", [request](v1::SummaryStep step) { request->set_step(step); },
      "What to divide it into; days by default, months where there are over 1,000 days");
}

// ---- statement

struct StatementArguments {
  v1::GetSummaryRequest request;
  std::string month;
  bool has_lines = false;
  std::string path = kStandardStream;
};

// What came in, or everything, of the summary's time.
absl::StatusOr<std::vector<v1::Entry>> FetchLines(Session* session,
                                                  const v1::GetSummaryResponse& summary,
                                                  bool has_all) {
  const v1::ActivityTotal& total = summary.range().total();
  const int64_t count = total.credit_count() + (has_all ? total.debit_count() : 0);
  if (count > kStatementLinesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("that would be ", count, " lines, and ", kStatementLinesMax,
                     " is the most: leave out --lines, or take farebox activity --csv"));
  }
  v1::ListActivityRequest request;
  request.set_account_id(summary.account_id());
  *request.mutable_from_time() = summary.range().start_time();
  *request.mutable_to_time() = summary.range().end_time();
  request.set_show(has_all ? v1::ACTIVITY_SHOW_ALL : v1::ACTIVITY_SHOW_CREDITS);
  auto page = FetchPages(session, request, 0, kActivityPageSizeMax, &client::Client::ListActivity,
                         &v1::ListActivityResponse::entries);
  if (!page.ok()) return page.status();
  // Those that have come since the summary are not in its sums.
  std::vector<v1::Entry> lines;
  for (v1::Entry& entry : *page->mutable_entries()) {
    if (entry.entry_id() <= summary.as_of_entry_id()) lines.push_back(std::move(entry));
  }
  std::reverse(lines.begin(), lines.end());
  return lines;
}

int RunStatement(Session* session, StatementArguments* arguments) {
  absl::Status set = SetMonth(arguments->month, &arguments->request);
  if (!set.ok()) return session->Fail(set);
  const auto summary = session->client().GetSummary(arguments->request, session->call_options());
  if (!summary.ok()) return session->Fail(summary.status());
  Statement statement = {.summary = *summary, .has_all_lines = arguments->has_lines};
  if (!absl::LoadTimeZone(summary->time_zone(), &statement.zone)) {
    return session->Fail(absl::UnknownError(
        absl::StrCat("this machine does not know the time zone ", summary->time_zone())));
  }
  absl::StatusOr<std::vector<v1::Entry>> lines =
      FetchLines(session, *summary, arguments->has_lines);
  if (!lines.ok()) return session->Fail(lines.status());
  statement.lines = *std::move(lines);
  return session->Write(arguments->path, StatementHtml(statement));
}

void AddStatement(Commands* commands) {
  auto arguments = std::make_shared<StatementArguments>();
  CLI::App* const command = commands->Add(
      "statement", "Write a month of an account as HTML, to be printed or made a PDF",
      [arguments](Session* session) { return RunStatement(session, arguments.get()); });
  AddAccountId(command, arguments->request.mutable_account_id());
  command->add_option("--month", arguments->month, "The month, e.g. 2026-11")
      ->type_name("MONTH")
      ->required();
  command->add_flag("--lines", arguments->has_lines,
                    "With every entry, and not only those that brought money in");
  command->add_option("--output", arguments->path, "Write to this file; standard output by default")
      ->type_name(kFileType);
}

}  // namespace

void AddSummaryCommands(Commands* commands) {
  AddSummary(commands);
  AddStatement(commands);
}

}  // namespace farebox::cli
