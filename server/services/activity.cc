#include "server/services/activity.h"

#include <algorithm>
#include <bitset>
#include <limits>

#include "absl/strings/str_cat.h"
#include "server/base/limits.h"
#include "server/base/proto_time.h"
#include "server/services/entries.h"
#include "server/services/fields.h"
#include "server/services/page_token.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

std::bitset<3> SidesOf(v1::ActivityShow show) {
  const auto debits = std::bitset<3>().set(static_cast<size_t>(EntrySide::kDebit));
  const auto credits = std::bitset<3>().set(static_cast<size_t>(EntrySide::kCredit));
  switch (show) {
    case v1::ACTIVITY_SHOW_DEBITS:
      return debits;
    case v1::ACTIVITY_SHOW_CREDITS:
      return credits;
    case v1::ACTIVITY_SHOW_JOURNAL:
      return std::bitset<3>().set();
    default:
      return debits | credits;
  }
}

std::string TokenQuery(const v1::ListActivityRequest& request) {
  std::string query = absl::StrCat("activity ", request.account_id(), " ", request.show());
  for (const int item : request.items()) absl::StrAppend(&query, " ", item);
  absl::StrAppend(&query, " from ", request.from_time().seconds(), ".",
                  request.from_time().nanos());
  absl::StrAppend(&query, " to ", request.to_time().seconds(), ".", request.to_time().nanos());
  return query;
}

// All but the account itself, which comes last in the order of errors.
template <typename Request>
absl::StatusOr<ActivityQuery> ReadLines(const Request& request) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
  FAREBOX_RETURN_IF_ERROR(CheckTimestamp(request.from_time(), "from_time"));
  FAREBOX_RETURN_IF_ERROR(CheckTimestamp(request.to_time(), "to_time"));
  if (!v1::ActivityShow_IsValid(request.show())) {
    return error::FieldInvalid("show", "must be ALL, DEBITS, CREDITS or JOURNAL",
                               absl::StrCat(request.show()));
  }
  ActivityQuery query;
  query.filter.sides = SidesOf(request.show());
  for (const int item : request.items()) {
    FAREBOX_RETURN_IF_ERROR(CheckItem(static_cast<v1::Item>(item), "items"));
    query.filter.items.set(static_cast<size_t>(item));
  }
  if (request.has_from_time()) query.from_time = TimeOf(request.from_time());
  if (request.has_to_time()) query.to_time = TimeOf(request.to_time());
  return query;
}

// Goes on at an entry of the account, whose links lead to the rest, also where the index does not
// reach that far yet. A token that somebody made up is no such entry.
void GoOnAt(EntryId entry_id, JournalReader* reader, AccountScan* scan) {
  if (entry_id < scan->newest) {
    const absl::StatusOr<Entry> entry = reader->Read(entry_id);
    if (entry.ok() && entry->account == scan->account) scan->newest = entry_id;
  }
  scan->from = std::min(scan->from, entry_id);
}

}  // namespace

absl::StatusOr<ActivityPageQuery> ReadActivityQuery(const Ledger& ledger,
                                                    const v1::ListActivityRequest& request) {
  ActivityPageQuery query;
  FAREBOX_ASSIGN_OR_RETURN(query.lines, ReadLines(request));
  FAREBOX_ASSIGN_OR_RETURN(
      query.page_size,
      ReadPageSize(request.page_size(), {.by_default = limits::kActivityPageSizeDefault,
                                         .max = limits::kActivityPageSizeMax}));
  query.token_query = TokenQuery(request);
  FAREBOX_ASSIGN_OR_RETURN(query.from, ReadPageToken(request.page_token(), query.token_query,
                                                     std::numeric_limits<EntryId>::max()));
  FAREBOX_ASSIGN_OR_RETURN(query.lines.account, ledger.FindAccount(request.account_id()));
  return query;
}

absl::StatusOr<ActivityQuery> ReadActivityQuery(const Ledger& ledger,
                                                const v1::ExportActivityRequest& request) {
  FAREBOX_ASSIGN_OR_RETURN(ActivityQuery query, ReadLines(request));
  FAREBOX_ASSIGN_OR_RETURN(query.account, ledger.FindAccount(request.account_id()));
  return query;
}

absl::StatusOr<AccountScan> MakeScan(const ActivityQuery& query, JournalReader* reader) {
  AccountScan scan = {.account = query.account.number,
                      .newest = query.account.state.last_entry,
                      .from = query.account.state.last_entry,
                      .filter = query.filter};
  if (query.to_time != absl::InfiniteFuture()) {
    FAREBOX_ASSIGN_OR_RETURN(const EntryId last, reader->LastEntryBefore(query.to_time));
    scan.from = std::min(scan.from, last);
  }
  if (query.from_time != absl::InfinitePast()) {
    FAREBOX_ASSIGN_OR_RETURN(scan.after, reader->LastEntryBefore(query.from_time));
  }
  return scan;
}

absl::Status FillActivity(const ActivityPageQuery& query, JournalReader* reader,
                          v1::ListActivityResponse* response) {
  FAREBOX_ASSIGN_OR_RETURN(AccountScan scan, MakeScan(query.lines, reader));
  GoOnAt(query.from, reader, &scan);
  scan.looks_max = limits::kActivityEntriesScannedMax;
  if (scan.from <= scan.after) return absl::OkStatus();

  FAREBOX_ASSIGN_OR_RETURN(const EntryId next, reader->ScanAccount(scan, [&](const Entry& entry) {
    if (static_cast<size_t>(response->entries_size()) == query.page_size) return false;
    FillEntry(entry, query.lines.account.account_id, response->add_entries());
    return true;
  }));
  if (next != 0) response->set_next_page_token(MakePageToken(query.token_query, next));
  return absl::OkStatus();
}

}  // namespace farebox::server
