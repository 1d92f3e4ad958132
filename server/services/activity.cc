#include "server/services/activity.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/limits.h"
#include "server/services/entries.h"
#include "server/services/fields.h"
#include "server/services/page_token.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// Whether an entry is something that was paid for, even where it was free.
bool IsPayment(const Entry& entry) {
  switch (entry.kind) {
    case EntryKind::kDebit:
    case EntryKind::kHoldCharged:
    case EntryKind::kHoldSettled:
      return true;
    case EntryKind::kHoldReleased:
      return !entry.amount.is_zero();
    default:
      return false;
  }
}

bool IsShown(const ActivityQuery& query, const Entry& entry) {
  if (query.items.any() && !query.items.test(entry.item)) return false;
  switch (query.show) {
    case v1::ACTIVITY_SHOW_DEBITS:
      return IsPayment(entry);
    case v1::ACTIVITY_SHOW_CREDITS:
      return entry.kind == EntryKind::kCredit;
    case v1::ACTIVITY_SHOW_JOURNAL:
      return true;
    default:
      return IsPayment(entry) || entry.kind == EntryKind::kCredit;
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

}  // namespace

absl::StatusOr<ActivityQuery> ReadActivityQuery(const Ledger& ledger,
                                                const v1::ListActivityRequest& request) {
  FAREBOX_RETURN_IF_ERROR(CheckAccountId(request.account_id()));
  FAREBOX_RETURN_IF_ERROR(CheckTimestamp(request.from_time(), "from_time"));
  FAREBOX_RETURN_IF_ERROR(CheckTimestamp(request.to_time(), "to_time"));
  if (!v1::ActivityShow_IsValid(request.show())) {
    return error::FieldInvalid("show", "must be ALL, DEBITS, CREDITS or JOURNAL");
  }
  ActivityQuery query;
  for (const int item : request.items()) {
    FAREBOX_RETURN_IF_ERROR(CheckItem(static_cast<v1::Item>(item), "items"));
    query.items.set(static_cast<size_t>(item));
  }
  FAREBOX_ASSIGN_OR_RETURN(
      query.page_size,
      ReadPageSize(request.page_size(), {.by_default = limits::kActivityPageSizeDefault,
                                         .max = limits::kActivityPageSizeMax}));
  query.token_query = TokenQuery(request);
  FAREBOX_ASSIGN_OR_RETURN(const EntryId from,
                           ReadPageToken(request.page_token(), query.token_query, 0));

  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account, ledger.FindAccount(request.account_id()));
  query.account_id = account.account_id;
  query.account = account.number;
  query.newest = account.state.last_entry;
  query.from = from == 0 ? query.newest : std::min(from, query.newest);
  query.show = request.show();
  query.from_time = request.has_from_time() ? FromProto(request.from_time()) : absl::InfinitePast();
  query.to_time = request.has_to_time() ? FromProto(request.to_time()) : absl::InfiniteFuture();
  return query;
}

absl::Status FillActivity(const ActivityQuery& query, JournalReader* reader,
                          v1::ListActivityResponse* response) {
  EntryId from = query.from;
  if (query.to_time != absl::InfiniteFuture()) {
    FAREBOX_ASSIGN_OR_RETURN(const EntryId last, reader->LastEntryBefore(query.to_time));
    from = std::min(from, last);
  }
  if (from == 0) return absl::OkStatus();

  int64_t scanned = 0;
  EntryId next = 0;
  FAREBOX_RETURN_IF_ERROR(
      reader->ScanAccount(query.account, query.newest, from, [&](const Entry& entry) {
        if (entry.time < query.from_time) return false;
        const size_t shown = static_cast<size_t>(response->entries_size());
        if (shown == query.page_size || scanned++ == limits::kActivityEntriesScannedMax) {
          next = entry.id;
          return false;
        }
        if (IsShown(query, entry)) FillEntry(entry, query.account_id, response->add_entries());
        return true;
      }));
  if (next != 0) response->set_next_page_token(MakePageToken(query.token_query, next));
  return absl::OkStatus();
}

}  // namespace farebox::server
