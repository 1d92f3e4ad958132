#include "server/metrics/server_metrics.h"

#include <utility>

#include "prometheus/metric_family.h"
#include "prometheus/metric_type.h"
#include "server/metrics/families.h"

namespace farebox::server {
namespace {

prometheus::MetricFamily BuildInfo() {
  LabelledFamily info("farebox_build_info", "The program", prometheus::MetricType::Gauge,
                      "version");
  info.Add(FAREBOX_VERSION, 1);
  return std::move(info).Take();
}

void AddAudit(const AuditLog::Counts& counts, std::vector<prometheus::MetricFamily>* families) {
  LabelledFamily records("farebox_audit_records_total", "Lines of the audit log since the start",
                         prometheus::MetricType::Counter, "event");
  records.Add("asked", static_cast<double>(counts.asked));
  records.Add("answered", static_cast<double>(counts.answered));
  records.Add("denied", static_cast<double>(counts.denied));
  families->push_back(std::move(records).Take());
  families->push_back(Counter("farebox_audit_lost_total",
                              "Lines of the audit log that could not be written",
                              static_cast<double>(counts.lost)));
}

prometheus::MetricFamily Refused(const LedgerStats& ledger) {
  LabelledFamily refused(
      "farebox_refused_total",
      "What was answered OVERLOADED since it would have had to wait, by how urgent it was",
      prometheus::MetricType::Counter, "urgency");
  for (size_t i = 0; i < kUrgencies; ++i) {
    refused.Add(std::string(UrgencyName(static_cast<Urgency>(i))),
                static_cast<double>(ledger.refused[i]));
  }
  return std::move(refused).Take();
}

void AddCertificate(const TlsFiles& tls, std::vector<prometheus::MetricFamily>* families) {
  families->push_back(Gauge("farebox_certificate_expiry_timestamp_seconds",
                            "When the server's certificate expires, since 1970",
                            absl::ToDoubleSeconds(tls.Current()->expire_time - absl::UnixEpoch())));
  families->push_back(Gauge("farebox_certificate_refused",
                            "1 where the files have what cannot be used, and the one before is",
                            tls.is_refused() ? 1 : 0));
}

}  // namespace

std::vector<prometheus::MetricFamily> ServerMetrics::Collect() const {
  const LedgerStats ledger = sources_.ledger->Stats();
  const JournalStats journal = sources_.journal->Stats();
  const ReaderPool::Stats readers = sources_.readers->stats();
  std::vector<prometheus::MetricFamily> families = {
      BuildInfo(),
      Gauge("farebox_accounts", "Accounts, of any state", static_cast<double>(ledger.accounts)),
      Counter("farebox_entries_total", "Entries in the journal",
              static_cast<double>(ledger.last_entry)),
      Counter("farebox_batches_total", "Batches in the journal: a disk sync each",
              static_cast<double>(ledger.batches)),
      Gauge("farebox_queued_commands", "Changes that wait for the disk",
            static_cast<double>(ledger.queued_commands)),
      Gauge("farebox_queued_commands_max", "More of them are answered OVERLOADED",
            static_cast<double>(sources_.queued_commands_max)),
      Refused(ledger),
      Gauge("farebox_expected_wait_seconds",
            "How long a change that came now would wait beyond what the disk needs",
            absl::ToDoubleSeconds(ledger.expected_wait)),
      Gauge("farebox_commit_under_way_seconds",
            "How long the batch that is being written takes so far; 0 where none is",
            absl::ToDoubleSeconds(ledger.commit_under_way)),
      Gauge("farebox_derived_lag_entries", "Entries that the derived file does not have yet",
            static_cast<double>(ledger.last_entry - journal.derived_through)),
      Gauge("farebox_journal_bytes", "The journal file",
            static_cast<double>(journal.journal_bytes)),
      Gauge("farebox_wal_bytes", "The journal's write-ahead log",
            static_cast<double>(journal.wal_bytes)),
      Gauge("farebox_derived_bytes", "The derived file, which can be rebuilt",
            static_cast<double>(journal.derived_bytes)),
      Gauge("farebox_watchers", "Open WatchAccount streams",
            static_cast<double>(sources_.watcher_count())),
      Gauge("farebox_reader_queries_waiting", "Queries that wait for a reader",
            static_cast<double>(readers.waiting)),
      Gauge("farebox_reader_queries_waiting_max", "More of them are answered OVERLOADED",
            static_cast<double>(readers.waiting_max)),
      Counter("farebox_reader_queries_total", "Queries run since the start",
              static_cast<double>(readers.run)),
  };
  // An alert looks for too little: what is not known is no number.
  if (journal.disk_free_bytes.has_value()) {
    families.push_back(Gauge("farebox_disk_free_bytes", "Free where the ledger's files are",
                             static_cast<double>(*journal.disk_free_bytes)));
  }
  AddAudit(sources_.audit->counts(), &families);
  if (sources_.tls != nullptr) AddCertificate(*sources_.tls, &families);
  return families;
}

}  // namespace farebox::server
