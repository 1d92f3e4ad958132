#ifndef FAREBOX_SERVER_METRICS_SERVER_METRICS_H_
#define FAREBOX_SERVER_METRICS_SERVER_METRICS_H_

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "prometheus/collectable.h"
#include "server/base/reader_pool.h"
#include "server/security/audit_log.h"
#include "server/security/tls.h"
#include "storage/journal.h"
#include "storage/ledger.h"

namespace farebox::server {

// How the server is at the moment it is asked. Thread-safe.
//
//   farebox_build_info{version}         gauge     1
//   farebox_accounts                    gauge     accounts, of any state
//   farebox_entries_total               counter   entries in the journal
//   farebox_batches_total               counter   batches in the journal: a disk sync each
//   farebox_queued_commands             gauge     changes that wait for the disk
//   farebox_queued_commands_max         gauge     more are answered OVERLOADED
//   farebox_refused_total{urgency}      counter   what was, for this or for how long it would wait
//   farebox_expected_wait_seconds       gauge     that wait, for a change that came now
//   farebox_commit_under_way_seconds    gauge     how long what is being written takes so far
//   farebox_derived_lag_entries         gauge     entries that the derived file does not have yet
//   farebox_journal_bytes               gauge     the journal file
//   farebox_wal_bytes                   gauge     its write-ahead log
//   farebox_derived_bytes               gauge     the derived file
//   farebox_disk_free_bytes             gauge     where these files are; none where nobody knows
//   farebox_watchers                    gauge     open WatchAccount streams
//   farebox_reader_queries_waiting      gauge     queries that wait for a reader
//   farebox_reader_queries_waiting_max  gauge     more are answered OVERLOADED
//   farebox_reader_queries_total        counter   run since the start
//   farebox_audit_records_total{event}  counter   lines of the audit log since the start
//   farebox_audit_lost_total            counter   those that could not be written
//   farebox_certificate_expiry_timestamp_seconds  gauge   since 1970; only with TLS
//   farebox_certificate_refused         gauge     1 while newer files cannot be used; only with TLS
class ServerMetrics : public prometheus::Collectable {
 public:
  // All outlive it.
  struct Sources {
    const Ledger* ledger = nullptr;
    Journal* journal = nullptr;
    const ReaderPool* readers = nullptr;
    const AuditLog* audit = nullptr;
    const TlsFiles* tls = nullptr;  // Null where there is no TLS.
    std::function<int64_t()> watcher_count;
    size_t queued_commands_max = 0;
  };
  explicit ServerMetrics(Sources sources) : sources_(std::move(sources)) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Sources sources_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_METRICS_SERVER_METRICS_H_
