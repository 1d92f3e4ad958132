#ifndef FAREBOX_TESTS_SUPPORT_DISK_FAULT_PLAN_H_
#define FAREBOX_TESTS_SUPPORT_DISK_FAULT_PLAN_H_

#include <atomic>
#include <cstdint>

// What a test and the library that is preloaded into a server share: a file that both have mapped.
namespace farebox::testing {

// Where a server's files are, by the ends of their paths; what is none of these is not counted and
// does not fail.
enum LedgerFile : uint32_t {
  kJournalLog = 1,   // journal.db-wal: where a commit goes.
  kJournalFile = 2,  // journal.db: where a checkpoint goes.
  kDerivedFiles = 4,
  // The directory itself, the lock, and a new journal.
  kOtherFiles = 8,
};

// Of one kind of call. The fields may be changed while the server runs.
struct DiskCallPlan {
  // Files whose calls are counted and may fail: LedgerFile bits.
  std::atomic<uint32_t> files{0};
  // Calls on these files so far, and how many of them failed.
  std::atomic<int64_t> calls{0};
  std::atomic<int64_t> failed{0};
  // The calls with these numbers, from 1, fail.
  std::atomic<int64_t> first{0};
  std::atomic<int64_t> last{0};
  // With this error number. 0: they succeed by half, as a write may.
  std::atomic<int32_t> error{0};
  // How long each call takes beyond what the disk needs.
  std::atomic<int64_t> delay_micros{0};
  // When a call failed for the first time, by the monotonic clock.
  std::atomic<int64_t> failed_at_nanos{0};
};

struct DiskFaultPlan {
  DiskCallPlan syncs;
  DiskCallPlan writes;
};

static_assert(std::atomic<int64_t>::is_always_lock_free, "it is shared by two processes");

// The environment variable that names the file.
inline constexpr char kDiskFaultsVariable[] = "FAREBOX_DISK_FAULTS";

}  // namespace farebox::testing

#endif  // FAREBOX_TESTS_SUPPORT_DISK_FAULT_PLAN_H_
