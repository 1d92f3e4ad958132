#ifndef FAREBOX_SERVER_SERVICES_SERVER_STATUS_H_
#define FAREBOX_SERVER_SERVICES_SERVER_STATUS_H_

#include <cstdint>
#include <string>

#include "absl/numeric/int128.h"
#include "absl/time/time.h"
#include "farebox/v1/operations.pb.h"
#include "server/base/reader_pool.h"
#include "server/base/rpc_metrics.h"
#include "server/metrics/commit_metrics.h"
#include "server/metrics/ledger_metrics.h"
#include "server/metrics/outcome_metrics.h"
#include "server/metrics/work_in_hand.h"
#include "server/security/tls.h"
#include "server/services/watch_hub.h"
#include "storage/clock.h"
#include "storage/journal.h"
#include "storage/ledger.h"

namespace farebox::server {

// Where the figures of GetStatus come from: the same as those of /metrics. All outlive whoever has
// them.
struct ServerStatusParts {
  const Clock* clock = nullptr;
  const Ledger* ledger = nullptr;
  Journal* journal = nullptr;
  const ReaderPool* readers = nullptr;
  const WatchHub* watchers = nullptr;
  const TlsFiles* tls = nullptr;  // Null where there is no TLS.
  const RpcMetrics* rpcs = nullptr;
  const CommitMetrics* commits = nullptr;
  const LedgerMetrics* totals = nullptr;
  const RechargeMetrics* recharges = nullptr;
  const MailMetrics* mails = nullptr;
  const WorkInHand* work = nullptr;
  int64_t queued_commands_max = 0;
  absl::Time start_time;
  // At that time.
  LedgerStats start;
};

// A sum that may be too large for 64 bits, as the API has it.
std::string SumText(absl::int128 sum);

// Waits for a disk.
void FillServerStatus(const ServerStatusParts& parts, v1::GetStatusResponse* response);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_SERVER_STATUS_H_
