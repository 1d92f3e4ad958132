#ifndef FAREBOX_SERVER_SERVICES_SUMMARY_H_
#define FAREBOX_SERVER_SERVICES_SUMMARY_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "farebox/v1/account.pb.h"
#include "storage/books.h"
#include "storage/journal.h"
#include "storage/ledger.h"

namespace farebox::server {

// What an account is summed up over: a GetSummaryRequest that has been checked. Days are those of
// the account's time zone.
struct SummaryQuery {
  AccountFacts account;  // When the query was made; what comes later is not looked at.
  absl::TimeZone zone;
  absl::CivilDay first;
  absl::CivilDay end;  // The day after the last.
  // The first days of the periods, and the day after the last of them; empty where the range is
  // not divided, or has not begun.
  std::vector<absl::CivilDay> edges;
};

// Fails with FIELD_INVALID or ACCOUNT_NOT_FOUND.
absl::StatusOr<SummaryQuery> ReadSummaryQuery(const Ledger& ledger, absl::Time now,
                                              const v1::GetSummaryRequest& request);

// Costs some tens of entries for each edge, however many there are between them.
absl::Status FillSummary(const SummaryQuery& query, JournalReader* reader,
                         v1::GetSummaryResponse* response);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_SUMMARY_H_
