// Preloaded into a server, a disk that fails as its test says: syncs and writes that fail, writes
// that are done by half, and calls that take long. It stands between the program and the C library.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "tests/support/disk_fault_plan.h"

namespace farebox::testing {
namespace {

// Null where nobody asked for faults.
DiskFaultPlan* MapPlan() {
  const char* const path = getenv(kDiskFaultsVariable);
  if (path == nullptr) return nullptr;
  const int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) abort();
  void* const memory =
      mmap(nullptr, sizeof(DiskFaultPlan), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) abort();
  close(file);
  return static_cast<DiskFaultPlan*>(memory);
}

DiskFaultPlan* Plan() {
  static DiskFaultPlan* const plan = MapPlan();
  return plan;
}

bool EndsWith(const char* text, size_t size, const char* end) {
  const size_t end_size = strlen(end);
  return size >= end_size && memcmp(text + size - end_size, end, end_size) == 0;
}

// Which of a ledger's files this is; 0 for sockets and all else.
uint32_t KindOf(int file) {
  std::array<char, 32> link = {"/proc/self/fd/"};
  std::array<char, 12> digits;
  size_t count = 0;
  for (int rest = file; rest > 0 || count == 0; rest /= 10) {
    digits[count++] = static_cast<char>('0' + rest % 10);
  }
  size_t end = strlen(link.data());
  while (count > 0) link[end++] = digits[--count];
  link[end] = '\0';

  std::array<char, 4096> path;
  const ssize_t size = readlink(link.data(), path.data(), path.size());
  if (size <= 0 || path[0] != '/') return 0;
  const auto bytes = static_cast<size_t>(size);
  if (EndsWith(path.data(), bytes, "/journal.db-wal")) return kJournalLog;
  if (EndsWith(path.data(), bytes, "/journal.db")) return kJournalFile;
  const bool is_derived = EndsWith(path.data(), bytes, "/derived.db") ||
                          EndsWith(path.data(), bytes, "/derived.db-wal");
  return is_derived ? kDerivedFiles : kOtherFiles;
}

void Delay(int64_t micros) {
  if (micros <= 0) return;
  timespec rest = {.tv_sec = micros / 1'000'000, .tv_nsec = micros % 1'000'000 * 1'000};
  while (nanosleep(&rest, &rest) != 0 && errno == EINTR) {
  }
}

// Counts the call, makes it last, and returns whether it is to fail.
bool MustFail(DiskCallPlan* plan, int file) {
  if ((plan->files.load() & KindOf(file)) == 0) return false;
  Delay(plan->delay_micros.load());
  const int64_t number = ++plan->calls;
  if (number < plan->first.load() || number > plan->last.load()) return false;
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  int64_t never = 0;
  plan->failed_at_nanos.compare_exchange_strong(never, now.tv_sec * 1'000'000'000 + now.tv_nsec);
  ++plan->failed;
  return true;
}

template <typename Function>
Function Real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

using SyncFunction = int (*)(int);
using WriteFunction = ssize_t (*)(int, const void*, size_t, off_t);

int Sync(int file, SyncFunction real) {
  DiskFaultPlan* const plan = Plan();
  if (plan == nullptr || !MustFail(&plan->syncs, file)) return real(file);
  errno = plan->syncs.error.load();
  return -1;
}

ssize_t Write(int file, const void* bytes, size_t size, off_t offset, WriteFunction real) {
  DiskFaultPlan* const plan = Plan();
  if (plan == nullptr || !MustFail(&plan->writes, file)) return real(file, bytes, size, offset);
  const int error = plan->writes.error.load();
  if (error == 0) return real(file, bytes, (size + 1) / 2, offset);
  errno = error;
  return -1;
}

}  // namespace
}  // namespace farebox::testing

extern "C" {

int fdatasync(int file) {
  static const auto real = farebox::testing::Real<farebox::testing::SyncFunction>("fdatasync");
  return farebox::testing::Sync(file, real);
}

int fsync(int file) {
  static const auto real = farebox::testing::Real<farebox::testing::SyncFunction>("fsync");
  return farebox::testing::Sync(file, real);
}

ssize_t pwrite(int file, const void* bytes, size_t size, off_t offset) {
  static const auto real = farebox::testing::Real<farebox::testing::WriteFunction>("pwrite");
  return farebox::testing::Write(file, bytes, size, offset, real);
}

ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t offset) {
  static const auto real = farebox::testing::Real<farebox::testing::WriteFunction>("pwrite64");
  return farebox::testing::Write(file, bytes, size, offset, real);
}

}  // extern "C"
