#include "tests/crash/recording_vfs.h"

#include <sqlite3.h>

#include "storage/check.h"
#include "storage/sqlite/vfs_shim.h"

namespace farebox {
namespace {

struct File {
  sqlite3_file base;  // First: SQLite sees this part.
  RecordedFile which;
};

using Shim = sqlite::VfsShim<File>;

// Null where nothing is recorded.
thread_local IoLog* current_log = nullptr;

void Note(sqlite3_file* file, IoOperation::Kind kind, sqlite3_int64 offset, const void* bytes,
          int count) {
  if (current_log == nullptr) return;
  current_log->push_back({.file = reinterpret_cast<File*>(file)->which,
                          .kind = kind,
                          .offset = offset,
                          .bytes = std::string(static_cast<const char*>(bytes), count)});
}

int Write(sqlite3_file* file, const void* buffer, int bytes, sqlite3_int64 offset) {
  Note(file, IoOperation::Kind::kWrite, offset, buffer, bytes);
  return Shim::ForwardFile<&sqlite3_io_methods::xWrite>(file, buffer, bytes, offset);
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  Note(file, IoOperation::Kind::kTruncate, size, "", 0);
  return Shim::ForwardFile<&sqlite3_io_methods::xTruncate>(file, size);
}

int Sync(sqlite3_file* file, int flags) {
  const int result = Shim::ForwardFile<&sqlite3_io_methods::xSync>(file, flags);
  if (result == SQLITE_OK) Note(file, IoOperation::Kind::kSync, 0, "", 0);
  return result;
}

constexpr sqlite3_io_methods MakeMethods() {
  sqlite3_io_methods methods = Shim::kForward;
  methods.xWrite = Write;
  methods.xTruncate = Truncate;
  methods.xSync = Sync;
  return methods;
}
constexpr sqlite3_io_methods kMethods = MakeMethods();

int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* flags_out) {
  const bool is_recorded = (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0;
  if (!is_recorded) {
    return Shim::System(vfs)->xOpen(Shim::System(vfs), path, file, flags, flags_out);
  }
  reinterpret_cast<File*>(file)->which =
      (flags & SQLITE_OPEN_WAL) != 0 ? RecordedFile::kLog : RecordedFile::kDatabase;
  return Shim::OpenInner(vfs, path, file, flags, flags_out, &kMethods);
}

bool StandBeforeTheDefault() {
  static sqlite3_vfs vfs = Shim::Make("farebox-recording", Open);
  return sqlite3_vfs_register(&vfs, /*makeDflt=*/1) == SQLITE_OK;
}

}  // namespace

IoRecorder::IoRecorder(IoLog* log) {
  static const bool is_there = StandBeforeTheDefault();
  FAREBOX_CHECK(is_there && current_log == nullptr);
  current_log = log;
}

IoRecorder::~IoRecorder() { current_log = nullptr; }

}  // namespace farebox
