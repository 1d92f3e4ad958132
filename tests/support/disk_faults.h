#ifndef FAREBOX_TESTS_SUPPORT_DISK_FAULTS_H_
#define FAREBOX_TESTS_SUPPORT_DISK_FAULTS_H_

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/support/disk_fault_plan.h"

namespace farebox::testing {

// Makes the disk of a running server fail and heal again. Thread-safe.
class DiskFaults {
 public:
  static constexpr int64_t kForEver = std::numeric_limits<int64_t>::max();

  // Which calls fail, and how.
  struct Failures {
    uint32_t files = kJournalLog;
    // Calls that succeed before; then so many fail.
    int64_t skip = 0;
    int64_t count = 1;
    // 0: the call succeeds by half.
    int error = 0;
  };

  // `library` is the failing_disk library; the plan is a file in `directory`, which outlives it.
  DiskFaults(std::string library, const std::string& directory);
  ~DiskFaults();
  DiskFaults(const DiskFaults&) = delete;
  DiskFaults& operator=(const DiskFaults&) = delete;

  // What a server needs in its environment.
  std::vector<std::string> environment() const;

  // From the next call on.
  void FailSyncs(const Failures& failures);
  void FailWrites(const Failures& failures);
  // Each sync of the journal's log takes so much longer.
  void SlowSyncs(absl::Duration delay);
  // Counts syncs of the log, without more.
  void CountSyncs();
  // All is well again.
  void Heal();

  // Since the last of the calls above.
  int64_t syncs() const { return plan_->syncs.calls.load(); }
  int64_t failures() const { return plan_->syncs.failed.load() + plan_->writes.failed.load(); }
  // How long ago the first failure was.
  absl::Duration SinceFailure() const;

 private:
  static void Fail(const Failures& failures, DiskCallPlan* plan);

  const std::string library_;
  const std::string path_;
  DiskFaultPlan* plan_;
};

}  // namespace farebox::testing

#endif  // FAREBOX_TESTS_SUPPORT_DISK_FAULTS_H_
