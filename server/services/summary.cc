#include "server/services/summary.h"

#include <algorithm>
#include <limits>
#include <string>

#include "absl/numeric/int128.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/account_settings.h"
#include "server/base/limits.h"
#include "server/base/proto_time.h"
#include "server/services/fields.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// ---- The request

// "2026-11-01" and nothing else.
absl::StatusOr<absl::CivilDay> ReadDate(absl::string_view text, absl::string_view field) {
  int year = 0;
  int month = 0;
  int day = 0;
  const bool is_shaped =
      text.size() == 10 && text[4] == '-' && text[7] == '-' && IsDigits(text.substr(0, 4)) &&
      IsDigits(text.substr(5, 2)) && IsDigits(text.substr(8, 2)) &&
      absl::SimpleAtoi(text.substr(0, 4), &year) && absl::SimpleAtoi(text.substr(5, 2), &month) &&
      absl::SimpleAtoi(text.substr(8, 2), &day);
  const absl::CivilDay date(year, month, day);
  // What is no date, such as a 30th of February, comes out as another one.
  if (is_shaped && year >= 1970 && date.month() == month && date.day() == day) return date;
  return error::FieldInvalid(field, "must be a date from 1970-01-01 on, e.g. 2026-11-01", text);
}

// The first day of the period after the one that `day` is in.
absl::CivilDay NextPeriod(absl::CivilDay day, v1::SummaryStep step) {
  if (step == v1::SUMMARY_STEP_MONTH) return absl::CivilDay(absl::CivilMonth(day) + 1);
  return day + 1;
}

// Up to today: what will be is not listed.
absl::Status AddEdges(absl::CivilDay today, v1::SummaryStep step, SummaryQuery* query) {
  if (step == v1::SUMMARY_STEP_NONE || query->first > today) return absl::OkStatus();
  const absl::CivilDay end = std::min(query->end, today + 1);
  // Where nobody asks for days, an account may be too old for them.
  if (step == v1::SUMMARY_STEP_UNSPECIFIED &&
      end - query->first > static_cast<absl::civil_diff_t>(limits::kSummaryPeriodsMax)) {
    step = v1::SUMMARY_STEP_MONTH;
  }
  absl::CivilDay day = query->first;
  for (; day < end; day = NextPeriod(day, step)) {
    if (query->edges.size() == limits::kSummaryPeriodsMax) {
      return error::FieldInvalid("step", absl::StrCat("divides the range into more than ",
                                                      limits::kSummaryPeriodsMax, " parts"));
    }
    query->edges.push_back(day);
  }
  query->edges.push_back(std::min(day, query->end));
  return absl::OkStatus();
}

// ---- The answer

// The beginning of the day: where the clock is set forward at midnight, the moment at which it is.
// No later than a Timestamp can say.
absl::Time StartOf(absl::CivilDay day, absl::TimeZone zone) {
  return std::min(absl::FromCivil(day, zone), absl::FromUnixSeconds(kTimestampSecondsMax));
}

absl::StatusOr<EntryId> LastEntryBefore(absl::Time time, const AccountFacts& account,
                                        JournalReader* reader) {
  if (time <= account.open_time) return 0;
  return reader->LastEntryBefore(time);
}

// Adds one row; false where the sum is beyond 64 bits.
bool AddRow(const AccountTotals::Row& row, v1::ActivityTotal* total) {
  const bool is_credit = row.side == EntrySide::kCredit;
  const absl::int128 sum = is_credit ? total->credit_micros() + row.amount_micros
                                     : total->debit_micros() - row.amount_micros;
  if (sum > std::numeric_limits<int64_t>::max()) return false;
  if (is_credit) {
    total->set_credit_count(total->credit_count() + row.count);
    total->set_credit_micros(static_cast<int64_t>(sum));
  } else {
    total->set_debit_count(total->debit_count() + row.count);
    total->set_debit_micros(static_cast<int64_t>(sum));
  }
  return true;
}

absl::Status FillTotals(const AccountTotals& totals, const std::string& account_id,
                        v1::SummaryPeriod* out) {
  v1::ItemTotal* item = nullptr;
  out->mutable_total();
  for (const AccountTotals::Row& row : totals.rows()) {
    if (row.side == EntrySide::kNone) continue;
    if (item == nullptr || item->item() != row.item) {
      item = out->add_items();
      item->set_item(static_cast<v1::Item>(row.item));
    }
    if (!AddRow(row, item->mutable_total()) || !AddRow(row, out->mutable_total())) {
      return error::AmountOverflow(account_id);
    }
  }
  return absl::OkStatus();
}

// A day and what the account's entries add up to when it begins.
struct Edge {
  absl::CivilDay day;
  AccountTotals totals;
};

absl::Status FillPeriod(const SummaryQuery& query, const Edge& first, const Edge& end,
                        v1::SummaryPeriod* out) {
  out->set_date(absl::FormatCivilTime(first.day));
  FillTime(StartOf(first.day, query.zone), out->mutable_start_time());
  FillTime(StartOf(end.day, query.zone), out->mutable_end_time());
  // They are balances that an entry carries, and fit.
  out->set_opening_balance_micros(static_cast<int64_t>(first.totals.amount_micros()));
  out->set_closing_balance_micros(static_cast<int64_t>(end.totals.amount_micros()));
  AccountTotals totals = end.totals;
  if (!totals.Subtract(first.totals)) return error::TotalsNotReady();
  return FillTotals(totals, query.account.account_id, out);
}

}  // namespace

absl::StatusOr<SummaryQuery> ReadSummaryQuery(const Ledger& ledger, absl::Time now,
                                              const v1::GetSummaryRequest& request) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
  if (!v1::SummaryStep_IsValid(request.step())) {
    return error::FieldInvalid("step", "must be DAY, MONTH or NONE", absl::StrCat(request.step()));
  }
  SummaryQuery query;
  absl::CivilDay last;
  if (!request.from_date().empty()) {
    FAREBOX_ASSIGN_OR_RETURN(query.first, ReadDate(request.from_date(), "from_date"));
  }
  if (!request.to_date().empty()) {
    FAREBOX_ASSIGN_OR_RETURN(last, ReadDate(request.to_date(), "to_date"));
  }
  const bool has_both = !request.from_date().empty() && !request.to_date().empty();
  if (has_both && last < query.first) {
    return error::FieldInvalid("to_date", "must not be before from_date", request.to_date());
  }
  FAREBOX_ASSIGN_OR_RETURN(query.account, ledger.FindAccount(request.account_id()));

  query.zone = TimeZoneOf(query.account);
  const absl::CivilDay today = absl::ToCivilDay(now, query.zone);
  if (request.from_date().empty()) {
    query.first = absl::ToCivilDay(query.account.open_time, query.zone);
    if (!request.to_date().empty()) query.first = std::min(query.first, last);
  }
  if (request.to_date().empty()) last = std::max(today, query.first);
  query.end = last + 1;
  FAREBOX_RETURN_IF_ERROR(AddEdges(today, request.step(), &query));
  return query;
}

absl::Status FillSummary(const SummaryQuery& query, JournalReader* reader,
                         v1::GetSummaryResponse* response) {
  std::vector<absl::CivilDay> days = query.edges;
  if (days.empty()) days.push_back(query.first);
  if (days.back() < query.end) days.push_back(query.end);
  std::vector<EntryId> positions;
  for (const absl::CivilDay day : days) {
    FAREBOX_ASSIGN_OR_RETURN(
        positions.emplace_back(),
        LastEntryBefore(absl::FromCivil(day, query.zone), query.account, reader));
  }
  const EntryId newest = query.account.state.last_entry;
  FAREBOX_ASSIGN_OR_RETURN(std::vector<AccountTotals> totals,
                           reader->ReadTotals(query.account.number, newest, positions));

  std::vector<Edge> edges;
  for (size_t i = 0; i < days.size(); ++i) {
    edges.push_back({.day = days[i], .totals = std::move(totals[i])});
  }
  for (size_t i = 0; i + 1 < query.edges.size(); ++i) {
    FAREBOX_RETURN_IF_ERROR(FillPeriod(query, edges[i], edges[i + 1], response->add_periods()));
  }
  FAREBOX_RETURN_IF_ERROR(
      FillPeriod(query, edges.front(), edges.back(), response->mutable_range()));
  const stored::v1::AccountSettings settings = SettingsOf(*query.account.settings);
  response->set_account_id(query.account.account_id);
  response->set_currency_code(settings.currency_code());
  response->set_time_zone(settings.time_zone());
  response->set_as_of_entry_id(newest);
  return absl::OkStatus();
}

}  // namespace farebox::server
