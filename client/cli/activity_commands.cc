#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/decimal.h"
#include "client/cli/files.h"
#include "client/cli/pages.h"
#include "client/cli/show.h"
#include "client/cli/times.h"
#include "client/cli/words.h"
#include "farebox/v1/account.pb.h"

namespace farebox::cli {
namespace {

Cell Amount(int64_t micros) {
  return {FormatMicros(micros), micros > 0 ? Tone::kGood : Tone::kPlain};
}

// Seconds of a call or segments of a text.
std::string Used(const v1::Entry& entry) {
  if (entry.segments() > 0) return absl::StrCat(entry.segments(), " seg");
  return entry.billed_seconds() > 0 ? FormatSeconds(entry.billed_seconds()) : "";
}

void ShowActivity(Session* session, const v1::ListActivityRequest& request,
                  const v1::ListActivityResponse& response) {
  const std::string currency = session->CurrencyOf(request.account_id());
  const bool is_journal = request.show() == v1::ACTIVITY_SHOW_JOURNAL;
  // A zone of ours has one name in summer and another in winter: no name is right for all rows.
  const bool is_utc = session->zone() == absl::UTCTimeZone();
  std::vector<Column> columns = {{"entry", Align::kRight},
                                 {is_utc ? "time (UTC)" : "time"},
                                 {"kind"},
                                 {"for"},
                                 {"billed", Align::kRight},
                                 {absl::StrCat("amount ", currency), Align::kPoint},
                                 {absl::StrCat("balance ", currency), Align::kPoint}};
  if (is_journal) columns.push_back({absl::StrCat("held ", currency), Align::kPoint});
  columns.push_back({"remarks"});
  Table table(columns);
  for (const v1::Entry& entry : response.entries()) {
    std::vector<Cell> row = {absl::StrCat(entry.entry_id()),
                             FormatTime(entry.time(), session->zone()),
                             Word(entry.kind()),
                             DescribeEntry(entry),
                             Used(entry),
                             Amount(entry.amount_micros()),
                             FormatMicros(entry.balance_after_micros())};
    if (is_journal) row.emplace_back(FormatMicros(entry.held_after_micros()));
    row.emplace_back(Remarks(entry));
    table.AddRow(std::move(row));
  }
  if (table.empty()) {
    session->Note("No entries.");
  } else {
    session->Print(table);
  }
  NoteMore(session, response);
}

struct ActivityArguments {
  v1::ListActivityRequest request;
  std::string from;
  std::string to;
  int64_t limit = 50;
  bool is_csv = false;
  std::string path = kStandardStream;
};

// How far something is, in one line of a terminal on standard error; nothing where that is none.
class Progress {
 public:
  ~Progress() {
    if (percent_ >= 0) std::cerr << "\r\033[K" << std::flush;
  }

  void Show(int64_t done, int64_t total) {
    const int64_t percent = total == 0 ? 100 : done * 100 / total;
    if (!is_terminal_ || percent == percent_) return;
    percent_ = percent;
    std::cerr << "\r" << done << " of " << total << " entries, " << percent << " %" << std::flush;
  }

 private:
  const bool is_terminal_ = isatty(STDERR_FILENO) == 1;
  int64_t percent_ = -1;
};

// Everything that passes, as it comes.
int ExportActivity(Session* session, const ActivityArguments& arguments) {
  v1::ExportActivityRequest request;
  request.set_account_id(arguments.request.account_id());
  request.set_show(arguments.request.show());
  *request.mutable_items() = arguments.request.items();
  if (arguments.request.has_from_time()) {
    *request.mutable_from_time() = arguments.request.from_time();
  }
  if (arguments.request.has_to_time()) *request.mutable_to_time() = arguments.request.to_time();

  const absl::StatusOr<std::unique_ptr<OutputFile>> file = OutputFile::Create(arguments.path);
  if (!file.ok()) return session->Fail(file.status());
  absl::Status status;
  {
    Progress progress;
    status = session->client().ExportActivity(
        request,
        [&](const v1::ExportActivityResponse& piece) {
          (*file)->Write(piece.csv());
          progress.Show(piece.exported_entries(), piece.total_entries());
        },
        session->call_options());
  }
  if (!status.ok()) return session->Fail(status);
  const absl::Status kept = (*file)->Keep();
  return kept.ok() ? static_cast<int>(kExitOk) : session->Fail(kept);
}

int ListActivity(Session* session, ActivityArguments* arguments) {
  const auto read_time = [&](const std::string& text, auto set) -> absl::Status {
    if (text.empty()) return absl::OkStatus();
    const absl::StatusOr<absl::Time> time = ParseTime(text, session->zone(), absl::Now());
    if (time.ok()) FillTimestamp(*time, set());
    return time.status();
  };
  v1::ListActivityRequest& request = arguments->request;
  for (const absl::Status& status :
       {read_time(arguments->from, [&] { return request.mutable_from_time(); }),
        read_time(arguments->to, [&] { return request.mutable_to_time(); })}) {
    if (!status.ok()) return session->Fail(status);
  }
  if (arguments->is_csv) return ExportActivity(session, *arguments);
  const auto response =
      FetchPages(session, request, arguments->limit, kActivityPageSizeMax,
                 &client::Client::ListActivity, &v1::ListActivityResponse::entries);
  return session->Answer<v1::ListActivityResponse>(
      response, [&](const auto& entries) { ShowActivity(session, request, entries); });
}

void AddActivity(Commands* commands) {
  auto arguments = std::make_shared<ActivityArguments>();
  CLI::App* const command = commands->Add(
      "activity", "List what an account paid and got, newest first",
      [arguments](Session* session) { return ListActivity(session, arguments.get()); });
  v1::ListActivityRequest* const request = &arguments->request;
  AddAccountId(command, request->mutable_account_id());
  command
      ->add_option("--from", arguments->from,
                   "Only from this time on: 2026-03-01, \"2026-03-01 14:30\", today, 24h (ago)")
      ->type_name("TIME");
  command->add_option("--to", arguments->to, "Only before this time")->type_name("TIME");
  AddChoice<v1::ActivityShow>(
      command, "--show", [request](v1::ActivityShow show) { request->set_show(show); },
      "Which lines; all that moved the balance by default, journal is truly everything");
  AddChoice<v1::Item>(
      command, "--item", [request](v1::Item item) { request->add_items(item); }, "Only this item");
  CLI::Option* const limit = AddLimit(command, &arguments->limit);
  CLI::Option* const csv =
      command
          ->add_flag("--csv", arguments->is_csv,
                     "All of them as CSV, with exact amounts and times in the account's time zone")
          ->excludes(limit);
  command
      ->add_option("--output", arguments->path, "Write the CSV to this file; - is standard output")
      ->type_name(kFileType)
      ->needs(csv);
}

// One line an event, without a table: the next one is not known yet.
std::string DescribeEvent(Session* session, const v1::WatchAccountResponse& event, bool is_of_all) {
  std::string line;
  if (event.has_signal()) {
    const v1::Signal& signal = event.signal();
    line = absl::StrCat("signal  ", Word(signal.kind()), "  ", signal.account_id());
    if (signal.hold_id() != 0) absl::StrAppend(&line, "  hold ", signal.hold_id());
    absl::StrAppend(&line, "  available ", FormatMicros(signal.available_micros()));
    return Printable(line);
  }
  const v1::Entry& entry = event.entry();
  line = absl::StrCat(entry.entry_id(), "  ", FormatTime(entry.time(), session->zone()), "  ");
  if (is_of_all) absl::StrAppend(&line, entry.account_id(), "  ");
  absl::StrAppend(&line, Word(entry.kind()), "  ", FormatMicros(entry.amount_micros()),
                  "  balance ", FormatMicros(entry.balance_after_micros()), "  held ",
                  FormatMicros(entry.held_after_micros()));
  for (const std::string& part : {DescribeEntry(entry), Remarks(entry)}) {
    if (!part.empty()) absl::StrAppend(&line, "  ", part);
  }
  return Printable(line);
}

struct WatchArguments {
  v1::WatchAccountRequest request;
  int64_t count = 0;
};

// A server that cannot be reached now is an error; one that goes away later is waited for. Asks for
// what everybody may who may watch; without an account, being told that one is missing is enough.
absl::Status Reach(Session* session, const std::string& account_id) {
  v1::GetBalanceRequest request;
  request.set_account_id(account_id);
  absl::Status status = session->client().GetBalance(request, session->call_options()).status();
  const bool is_missing = account_id.empty() && absl::IsInvalidArgument(status);
  return is_missing ? absl::OkStatus() : status;
}

int RunWatch(Session* session, const WatchArguments& arguments) {
  const absl::Status reached = Reach(session, arguments.request.account_id());
  if (!reached.ok()) return session->Fail(reached);
  int64_t seen = 0;
  std::unique_ptr<client::Watch> watch;
  absl::Mutex mu;
  // The first event may come before the watch has its name here.
  mu.Lock();
  watch =
      session->client().WatchAccount(arguments.request, [&](const v1::WatchAccountResponse& event) {
        const absl::MutexLock lock(&mu);
        if (arguments.count != 0 && seen >= arguments.count) return;
        if (session->has_json()) {
          session->PrintJsonLine(event);
        } else {
          session->Print(absl::StrCat(
              DescribeEvent(session, event, arguments.request.account_id().empty()), "\n"));
        }
        if (++seen == arguments.count || !session->can_print()) watch->Stop();
      });
  mu.Unlock();
  const absl::Status end = watch->Wait();
  return end.ok() ? static_cast<int>(kExitOk) : session->Fail(end);
}

void AddWatch(Commands* commands) {
  auto arguments = std::make_shared<WatchArguments>();
  CLI::App* const command =
      commands->Add("watch", "Print entries and signals as they happen, until interrupted",
                    [arguments](Session* session) { return RunWatch(session, *arguments); });
  v1::WatchAccountRequest* const request = &arguments->request;
  command
      ->add_option("ACCOUNT", *request->mutable_account_id(), "The account's id; without it, all")
      ->type_name("");
  AddNumber(
      command, "--from-entry", [request](int64_t id) { request->set_from_entry_id(id); },
      "First the entries after this one; without it, only new ones", "ENTRY");
  AddNumber(
      command, "--count", [arguments](int64_t count) { arguments->count = count; },
      "End after so many events", "COUNT");
}

}  // namespace

void AddActivityCommands(Commands* commands) {
  AddActivity(commands);
  AddWatch(commands);
}

}  // namespace farebox::cli
