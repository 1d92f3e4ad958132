#include "tests/support/disk_faults.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/check.h"

namespace farebox::testing {

DiskFaults::DiskFaults(std::string library, const std::string& directory)
    : library_(std::move(library)), path_(absl::StrCat(directory, "/disk-faults")) {
  const int file = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  FAREBOX_CHECK(file >= 0 && ftruncate(file, sizeof(DiskFaultPlan)) == 0);
  void* const memory =
      mmap(nullptr, sizeof(DiskFaultPlan), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  FAREBOX_CHECK(memory != MAP_FAILED);
  close(file);
  plan_ = new (memory) DiskFaultPlan;
}

DiskFaults::~DiskFaults() { munmap(plan_, sizeof(DiskFaultPlan)); }

std::vector<std::string> DiskFaults::environment() const {
  return {absl::StrCat("LD_PRELOAD=", library_), absl::StrCat(kDiskFaultsVariable, "=", path_),
          // A sanitized server would rather have nothing before its sanitizer.
          "ASAN_OPTIONS=verify_asan_link_order=0"};
}

void DiskFaults::Fail(const Failures& failures, DiskCallPlan* plan) {
  plan->first = failures.skip + 1;
  plan->last = failures.count == kForEver ? kForEver : failures.skip + failures.count;
  plan->error = failures.error;
  // Last: it is what switches the others on.
  plan->files = failures.files;
}

void DiskFaults::FailSyncs(const Failures& failures) {
  Heal();
  FAREBOX_CHECK(failures.error != 0);
  Fail(failures, &plan_->syncs);
}

void DiskFaults::FailWrites(const Failures& failures) {
  Heal();
  Fail(failures, &plan_->writes);
}

void DiskFaults::SlowSyncs(absl::Duration delay) {
  Heal();
  plan_->syncs.delay_micros = absl::ToInt64Microseconds(delay);
  plan_->syncs.files = kJournalLog;
}

void DiskFaults::CountSyncs() { SlowSyncs(absl::ZeroDuration()); }

void DiskFaults::Heal() {
  for (DiskCallPlan* const plan : {&plan_->syncs, &plan_->writes}) {
    plan->files = 0;
    plan->first = 0;
    plan->last = 0;
    plan->delay_micros = 0;
    plan->calls = 0;
    plan->failed = 0;
    plan->failed_at_nanos = 0;
  }
}

absl::Duration DiskFaults::SinceFailure() const {
  const int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
  const int64_t syncs = plan_->syncs.failed_at_nanos.load();
  const int64_t writes = plan_->writes.failed_at_nanos.load();
  return absl::Nanoseconds(now - std::max(syncs, writes));
}

}  // namespace farebox::testing
