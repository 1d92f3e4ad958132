#include "server/metrics/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <system_error>

#include "server/metrics/families.h"

namespace farebox::server {
namespace {

int64_t CountEntries(const char* directory) {
  std::error_code error;
  int64_t count = 0;
  for (auto entry = std::filesystem::directory_iterator(directory, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    ++count;
  }
  return count;
}

absl::Duration CpuTime() {
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0) return absl::ZeroDuration();
  return absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
}

int64_t DescriptorsMax() {
  struct rlimit limit;
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<int64_t>(limit.rlim_cur) : 0;
}

}  // namespace

ProcessFigures ReadProcess() {
  std::ifstream file("/proc/self/statm");
  int64_t pages = 0;
  int64_t resident_pages = 0;
  file >> pages >> resident_pages;
  const int64_t page_bytes = sysconf(_SC_PAGESIZE);
  return {.cpu_time = CpuTime(),
          .resident_bytes = resident_pages * page_bytes,
          .virtual_bytes = pages * page_bytes,
          .open_descriptors = CountEntries("/proc/self/fd"),
          .descriptors_max = DescriptorsMax(),
          .threads = CountEntries("/proc/self/task")};
}

std::vector<prometheus::MetricFamily> ProcessMetrics::Collect() const {
  const ProcessFigures process = ReadProcess();
  return {
      Gauge("process_start_time_seconds", "When the server was started, since 1970",
            absl::ToDoubleSeconds(start_time_ - absl::UnixEpoch())),
      Counter("process_cpu_seconds_total", "Time on processors, of all threads",
              absl::ToDoubleSeconds(process.cpu_time)),
      Gauge("process_resident_memory_bytes", "Memory in use",
            static_cast<double>(process.resident_bytes)),
      Gauge("process_virtual_memory_bytes", "Memory that is mapped",
            static_cast<double>(process.virtual_bytes)),
      Gauge("process_open_fds", "Open file descriptors",
            static_cast<double>(process.open_descriptors)),
      Gauge("process_max_fds", "How many descriptors may be open",
            static_cast<double>(process.descriptors_max)),
      Gauge("process_threads", "Threads", static_cast<double>(process.threads)),
  };
}

}  // namespace farebox::server
