#include "storage/sqlite/checked_vfs.h"

#include <sqlite3.h>
#include <xxhash.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "storage/sqlite/vfs_shim.h"

namespace farebox::sqlite {
namespace {

constexpr char kName[] = "farebox-checked";
constexpr int kPageBytes = 4096;
constexpr int kChecksumBytes = 8;

// A database file.
struct CheckedFile {
  sqlite3_file base;  // First: SQLite sees this part.
};

using Shim = VfsShim<CheckedFile>;

// Only whole pages have a checksum: SQLite also looks at parts of the first one.
bool IsPage(int bytes, sqlite3_int64 offset) {
  return bytes == kPageBytes && offset % kPageBytes == 0;
}

uint64_t ChecksumOf(const void* page, sqlite3_int64 offset) {
  return XXH3_64bits_withSeed(page, kPageBytes - kChecksumBytes, static_cast<XXH64_hash_t>(offset));
}

int Read(sqlite3_file* file, void* buffer, int bytes, sqlite3_int64 offset) {
  const int result = Shim::ForwardFile<&sqlite3_io_methods::xRead>(file, buffer, bytes, offset);
  if (result != SQLITE_OK || !IsPage(bytes, offset)) return result;
  uint64_t stored = 0;
  std::memcpy(&stored, static_cast<char*>(buffer) + kPageBytes - kChecksumBytes, sizeof(stored));
  return stored == ChecksumOf(buffer, offset) ? SQLITE_OK : SQLITE_IOERR_DATA;
}

int Write(sqlite3_file* file, const void* buffer, int bytes, sqlite3_int64 offset) {
  if (!IsPage(bytes, offset)) {
    return Shim::ForwardFile<&sqlite3_io_methods::xWrite>(file, buffer, bytes, offset);
  }
  std::array<char, kPageBytes> page;
  const uint64_t checksum = ChecksumOf(buffer, offset);
  std::memcpy(page.data(), buffer, kPageBytes - kChecksumBytes);
  std::memcpy(page.data() + kPageBytes - kChecksumBytes, &checksum, sizeof(checksum));
  return Shim::ForwardFile<&sqlite3_io_methods::xWrite>(file, page.data(), kPageBytes, offset);
}

constexpr sqlite3_io_methods MakeMethods() {
  sqlite3_io_methods methods = Shim::kForward;
  methods.xRead = Read;
  methods.xWrite = Write;
  return methods;
}
constexpr sqlite3_io_methods kMethods = MakeMethods();

int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* flags_out) {
  // Logs and journals are SQLite's own files, as they are.
  if ((flags & SQLITE_OPEN_MAIN_DB) == 0) {
    return Shim::System(vfs)->xOpen(Shim::System(vfs), path, file, flags, flags_out);
  }
  return Shim::OpenInner(vfs, path, file, flags, flags_out, &kMethods);
}

}  // namespace

const char* CheckedVfs() {
  static const bool is_registered = [] {
    static sqlite3_vfs vfs = Shim::Make(kName, Open);
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
