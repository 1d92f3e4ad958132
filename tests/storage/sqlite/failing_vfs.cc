#include "tests/storage/sqlite/failing_vfs.h"

#include <sqlite3.h>

#include <atomic>
#include <limits>

#include "storage/check.h"
#include "storage/sqlite/vfs_shim.h"

namespace farebox::sqlite {
namespace {

struct File {
  sqlite3_file base;  // First: SQLite sees this part.
};

using Shim = VfsShim<File>;

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// How many operations still succeed.
std::atomic<int64_t> left = kNever;
std::atomic<bool> fails_for_good = false;
std::atomic<bool> loses_deletions = false;

bool Fails() {
  if (left.load() == kNever) return false;
  const int64_t before = left.fetch_sub(1);
  return before == 0 || (before < 0 && fails_for_good.load());
}

// The method as the system has it, or this error.
template <auto kMethod, int kError, typename... Args>
int ForwardOrFail(sqlite3_file* file, Args... args) {
  return Fails() ? kError : Shim::ForwardFile<kMethod>(file, args...);
}

constexpr sqlite3_io_methods MakeMethods() {
  sqlite3_io_methods methods = Shim::kForward;
  methods.xRead = ForwardOrFail<&sqlite3_io_methods::xRead, SQLITE_IOERR_READ>;
  methods.xWrite = ForwardOrFail<&sqlite3_io_methods::xWrite, SQLITE_IOERR_WRITE>;
  methods.xTruncate = ForwardOrFail<&sqlite3_io_methods::xTruncate, SQLITE_IOERR_TRUNCATE>;
  methods.xSync = ForwardOrFail<&sqlite3_io_methods::xSync, SQLITE_IOERR_FSYNC>;
  methods.xFileSize = ForwardOrFail<&sqlite3_io_methods::xFileSize, SQLITE_IOERR_FSTAT>;
  methods.xShmMap = ForwardOrFail<&sqlite3_io_methods::xShmMap, SQLITE_IOERR_SHMMAP>;
  return methods;
}
constexpr sqlite3_io_methods kMethods = MakeMethods();

int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* flags_out) {
  file->pMethods = nullptr;
  if (Fails()) return SQLITE_CANTOPEN;
  return Shim::OpenInner(vfs, path, file, flags, flags_out, &kMethods);
}

int Delete(sqlite3_vfs* vfs, const char* path, int sync_directory) {
  const int result = Shim::ForwardVfs<&sqlite3_vfs::xDelete>(vfs, path, sync_directory);
  return loses_deletions.load() ? SQLITE_IOERR_DELETE : result;
}

// The first call has it stand there.
bool StandsBeforeTheDefault() {
  static sqlite3_vfs vfs = [] {
    sqlite3_vfs made = Shim::Make("farebox-failing", Open);
    made.xDelete = Delete;
    return made;
  }();
  static const bool stands = sqlite3_vfs_register(&vfs, /*makeDflt=*/1) == SQLITE_OK;
  return stands;
}

}  // namespace

FailingVfs::FailingVfs(int64_t count, FailFor how_long) {
  FAREBOX_CHECK(StandsBeforeTheDefault() && left.load() == kNever);
  fails_for_good.store(how_long == FailFor::kGood);
  left.store(count);
}

FailingVfs::~FailingVfs() { left.store(kNever); }

bool FailingVfs::has_failed() const { return left.load() < 0; }

LostDeletions::LostDeletions() {
  FAREBOX_CHECK(StandsBeforeTheDefault() && !loses_deletions.load());
  loses_deletions.store(true);
}

LostDeletions::~LostDeletions() { loses_deletions.store(false); }

}  // namespace farebox::sqlite
