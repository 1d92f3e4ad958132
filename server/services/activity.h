#ifndef FAREBOX_SERVER_SERVICES_ACTIVITY_H_
#define FAREBOX_SERVER_SERVICES_ACTIVITY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "farebox/v1/account.pb.h"
#include "storage/books.h"
#include "storage/journal.h"
#include "storage/ledger.h"

namespace farebox::server {

// Which of an account's lines are wanted: a request that has been checked.
struct ActivityQuery {
  AccountFacts account;  // When the query was made; what comes later is not looked at.
  EntryFilter filter;
  absl::Time from_time = absl::InfinitePast();
  absl::Time to_time = absl::InfiniteFuture();
};

// A page of them, newest first.
struct ActivityPageQuery {
  ActivityQuery lines;
  EntryId from = 0;  // The page begins at or below this.
  size_t page_size = 0;
  std::string token_query;  // What page tokens are bound to.
};

// Both fail with FIELD_INVALID or ACCOUNT_NOT_FOUND.
absl::StatusOr<ActivityPageQuery> ReadActivityQuery(const Ledger& ledger,
                                                    const v1::ListActivityRequest& request);
absl::StatusOr<ActivityQuery> ReadActivityQuery(const Ledger& ledger,
                                                const v1::ExportActivityRequest& request);

// The scan that finds them.
absl::StatusOr<AccountScan> MakeScan(const ActivityQuery& query, JournalReader* reader);

// Looks at a bounded number of entries; a page may therefore be short and have a next one.
absl::Status FillActivity(const ActivityPageQuery& query, JournalReader* reader,
                          v1::ListActivityResponse* response);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_ACTIVITY_H_
