#include "server/metrics/server_metrics.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "prometheus/client_metric.h"
#include "prometheus/metric_family.h"
#include "prometheus/metric_type.h"

namespace farebox::server {
namespace {

prometheus::MetricFamily Family(const char* name, const char* help, prometheus::MetricType type,
                                prometheus::ClientMetric metric) {
  return {.name = name, .help = help, .type = type, .metric = {std::move(metric)}};
}

prometheus::MetricFamily Gauge(const char* name, const char* help, double value) {
  prometheus::ClientMetric metric;
  metric.gauge.value = value;
  return Family(name, help, prometheus::MetricType::Gauge, std::move(metric));
}

prometheus::MetricFamily Counter(const char* name, const char* help, int64_t value) {
  prometheus::ClientMetric metric;
  metric.counter.value = static_cast<double>(value);
  return Family(name, help, prometheus::MetricType::Counter, std::move(metric));
}

prometheus::MetricFamily BuildInfo() {
  prometheus::ClientMetric metric;
  metric.label = {{.name = "version", .value = FAREBOX_VERSION}};
  metric.gauge.value = 1;
  return Family("farebox_build_info", "The program", prometheus::MetricType::Gauge,
                std::move(metric));
}

prometheus::MetricFamily Refused(const LedgerStats& ledger) {
  prometheus::MetricFamily family = {
      .name = "farebox_refused_total",
      .help = "What was answered OVERLOADED since it would have had to wait, by how urgent it was",
      .type = prometheus::MetricType::Counter};
  for (size_t i = 0; i < kUrgencies; ++i) {
    prometheus::ClientMetric metric;
    metric.label = {
        {.name = "urgency", .value = std::string(UrgencyName(static_cast<Urgency>(i)))}};
    metric.counter.value = static_cast<double>(ledger.refused[i]);
    family.metric.push_back(std::move(metric));
  }
  return family;
}

// 0 where it cannot be told: alerts look for too little.
double FreeBytes(const std::string& directory) {
  struct statvfs disk;
  if (statvfs(directory.c_str(), &disk) != 0) return 0;
  return static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize);
}

double ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t size = 0;
  int64_t resident = 0;
  file >> size >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double OpenDescriptors() {
  std::error_code error;
  int count = 0;
  for (auto entry = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    ++count;
  }
  return count;
}

}  // namespace

std::vector<prometheus::MetricFamily> ServerMetrics::Collect() const {
  const LedgerStats ledger = sources_.ledger->Stats();
  const JournalStats journal = sources_.journal->Stats();
  return {
      BuildInfo(),
      Gauge("farebox_accounts", "Accounts, of any state", static_cast<double>(ledger.accounts)),
      Counter("farebox_entries_total", "Entries in the journal", ledger.last_entry),
      Counter("farebox_batches_total", "Batches in the journal: a disk sync each", ledger.batches),
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
      Gauge("farebox_disk_free_bytes", "Free where the ledger's files are",
            FreeBytes(sources_.data_directory)),
      Gauge("farebox_watchers", "Open WatchAccount streams",
            static_cast<double>(sources_.watcher_count())),
      Gauge("process_start_time_seconds", "When the server was started, since 1970",
            absl::ToDoubleSeconds(sources_.start_time - absl::UnixEpoch())),
      Gauge("process_resident_memory_bytes", "Memory in use", ResidentBytes()),
      Gauge("process_open_fds", "Open file descriptors", OpenDescriptors()),
  };
}

}  // namespace farebox::server
