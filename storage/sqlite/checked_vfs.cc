#include "storage/sqlite/checked_vfs.h"

#include <sqlite3.h>
#include <xxhash.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace farebox::sqlite {
namespace {

constexpr char kName[] = "farebox-checked";
constexpr int kPageBytes = 4096;
constexpr int kChecksumBytes = 8;

// A database file. SQLite's own file follows it in the same block of memory.
struct CheckedFile {
  sqlite3_file base;  // First: SQLite sees this part.
};

sqlite3_vfs* SystemVfs(sqlite3_vfs* vfs) { return static_cast<sqlite3_vfs*>(vfs->pAppData); }
sqlite3_file* Inner(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<CheckedFile*>(file) + 1);
}

// Only whole pages have a checksum: SQLite also looks at parts of the first one.
bool IsPage(int bytes, sqlite3_int64 offset) {
  return bytes == kPageBytes && offset % kPageBytes == 0;
}

uint64_t ChecksumOf(const void* page, sqlite3_int64 offset) {
  return XXH3_64bits_withSeed(page, kPageBytes - kChecksumBytes, static_cast<XXH64_hash_t>(offset));
}

int Read(sqlite3_file* file, void* buffer, int bytes, sqlite3_int64 offset) {
  const int result = Inner(file)->pMethods->xRead(Inner(file), buffer, bytes, offset);
  if (result != SQLITE_OK || !IsPage(bytes, offset)) return result;
  uint64_t stored = 0;
  std::memcpy(&stored, static_cast<char*>(buffer) + kPageBytes - kChecksumBytes, sizeof(stored));
  return stored == ChecksumOf(buffer, offset) ? SQLITE_OK : SQLITE_IOERR_DATA;
}

int Write(sqlite3_file* file, const void* buffer, int bytes, sqlite3_int64 offset) {
  if (!IsPage(bytes, offset)) {
    return Inner(file)->pMethods->xWrite(Inner(file), buffer, bytes, offset);
  }
  std::array<char, kPageBytes> page;
  const uint64_t checksum = ChecksumOf(buffer, offset);
  std::memcpy(page.data(), buffer, kPageBytes - kChecksumBytes);
  std::memcpy(page.data() + kPageBytes - kChecksumBytes, &checksum, sizeof(checksum));
  return Inner(file)->pMethods->xWrite(Inner(file), page.data(), kPageBytes, offset);
}

// No memory-mapped pages: they would be read past the check.
int Fetch(sqlite3_file* /*file*/, sqlite3_int64 /*offset*/, int /*bytes*/, void** page) {
  *page = nullptr;
  return SQLITE_OK;
}

int Unfetch(sqlite3_file* /*file*/, sqlite3_int64 /*offset*/, void* /*page*/) { return SQLITE_OK; }

// Calls the same method of the file or the file system below.
template <auto kMethod, typename... Args>
auto ForwardFile(sqlite3_file* file, Args... args) {
  return (Inner(file)->pMethods->*kMethod)(Inner(file), args...);
}
template <auto kMethod, typename... Args>
auto ForwardVfs(sqlite3_vfs* vfs, Args... args) {
  return (SystemVfs(vfs)->*kMethod)(SystemVfs(vfs), args...);
}

constexpr sqlite3_io_methods kMethods = {
    .iVersion = 3,
    .xClose = ForwardFile<&sqlite3_io_methods::xClose>,
    .xRead = Read,
    .xWrite = Write,
    .xTruncate = ForwardFile<&sqlite3_io_methods::xTruncate>,
    .xSync = ForwardFile<&sqlite3_io_methods::xSync>,
    .xFileSize = ForwardFile<&sqlite3_io_methods::xFileSize>,
    .xLock = ForwardFile<&sqlite3_io_methods::xLock>,
    .xUnlock = ForwardFile<&sqlite3_io_methods::xUnlock>,
    .xCheckReservedLock = ForwardFile<&sqlite3_io_methods::xCheckReservedLock>,
    .xFileControl = ForwardFile<&sqlite3_io_methods::xFileControl>,
    .xSectorSize = ForwardFile<&sqlite3_io_methods::xSectorSize>,
    .xDeviceCharacteristics = ForwardFile<&sqlite3_io_methods::xDeviceCharacteristics>,
    .xShmMap = ForwardFile<&sqlite3_io_methods::xShmMap>,
    .xShmLock = ForwardFile<&sqlite3_io_methods::xShmLock>,
    .xShmBarrier = ForwardFile<&sqlite3_io_methods::xShmBarrier>,
    .xShmUnmap = ForwardFile<&sqlite3_io_methods::xShmUnmap>,
    .xFetch = Fetch,
    .xUnfetch = Unfetch,
};

int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* flags_out) {
  // Logs and journals are SQLite's own files, as they are.
  if ((flags & SQLITE_OPEN_MAIN_DB) == 0) {
    return SystemVfs(vfs)->xOpen(SystemVfs(vfs), path, file, flags, flags_out);
  }
  file->pMethods = nullptr;
  const int result = SystemVfs(vfs)->xOpen(SystemVfs(vfs), path, Inner(file), flags, flags_out);
  // SQLite closes exactly those files that have methods.
  if (Inner(file)->pMethods != nullptr) file->pMethods = &kMethods;
  return result;
}

sqlite3_vfs MakeVfs() {
  sqlite3_vfs* const system = sqlite3_vfs_find(nullptr);
  return {
      .iVersion = 2,
      .szOsFile = static_cast<int>(sizeof(CheckedFile)) + system->szOsFile,
      .mxPathname = system->mxPathname,
      .zName = kName,
      .pAppData = system,
      .xOpen = Open,
      .xDelete = ForwardVfs<&sqlite3_vfs::xDelete>,
      .xAccess = ForwardVfs<&sqlite3_vfs::xAccess>,
      .xFullPathname = ForwardVfs<&sqlite3_vfs::xFullPathname>,
      .xDlOpen = ForwardVfs<&sqlite3_vfs::xDlOpen>,
      .xDlError = ForwardVfs<&sqlite3_vfs::xDlError>,
      .xDlSym = ForwardVfs<&sqlite3_vfs::xDlSym>,
      .xDlClose = ForwardVfs<&sqlite3_vfs::xDlClose>,
      .xRandomness = ForwardVfs<&sqlite3_vfs::xRandomness>,
      .xSleep = ForwardVfs<&sqlite3_vfs::xSleep>,
      .xCurrentTime = ForwardVfs<&sqlite3_vfs::xCurrentTime>,
      .xGetLastError = ForwardVfs<&sqlite3_vfs::xGetLastError>,
      .xCurrentTimeInt64 = ForwardVfs<&sqlite3_vfs::xCurrentTimeInt64>,
  };
}

}  // namespace

const char* CheckedVfs() {
  static const bool is_registered = [] {
    static sqlite3_vfs vfs = MakeVfs();
    return sqlite3_vfs_register(&vfs, /*makeDflt=*/0) == SQLITE_OK;
  }();
  return is_registered ? kName : nullptr;
}

absl::Status ReserveChecksums(Connection* connection) {
  int bytes = kChecksumBytes;
  const int result =
      sqlite3_file_control(connection->handle(), "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
  return result == SQLITE_OK ? absl::OkStatus() : connection->LastError();
}

}  // namespace farebox::sqlite
