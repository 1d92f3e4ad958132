#ifndef FAREBOX_SERVER_SERVICES_ACTIVITY_H_
#define FAREBOX_SERVER_SERVICES_ACTIVITY_H_

#include <bitset>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "farebox/v1/account.pb.h"
#include "storage/journal.h"
#include "storage/ledger.h"

namespace farebox::server {

// A page of an account's lines, newest first: a ListActivityRequest that has been checked.
struct ActivityQuery {
  std::string account_id;
  AccountNumber account = 0;
  EntryId newest = 0;  // The account's, when the query was made.
  EntryId from = 0;    // The page begins at or below this.
  absl::Time from_time;
  absl::Time to_time;
  v1::ActivityShow show = v1::ACTIVITY_SHOW_ALL;
  std::bitset<256> items;  // None: all.
  size_t page_size = 0;
  std::string token_query;  // What page tokens are bound to.
};

// Fails with FIELD_INVALID or ACCOUNT_NOT_FOUND.
absl::StatusOr<ActivityQuery> ReadActivityQuery(const Ledger& ledger,
                                                const v1::ListActivityRequest& request);

// Looks at a bounded number of entries; a page may therefore be short and have a next one.
absl::Status FillActivity(const ActivityQuery& query, JournalReader* reader,
                          v1::ListActivityResponse* response);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_ACTIVITY_H_
