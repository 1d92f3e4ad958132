#ifndef FAREBOX_STORAGE_SQLITE_VFS_SHIM_H_
#define FAREBOX_STORAGE_SQLITE_VFS_SHIM_H_

#include <sqlite3.h>

// A file system of SQLite's that stands before the system's own and passes on what it does not do
// itself.
namespace farebox::sqlite {

// `File` is what the shim keeps of a file; its first member is an sqlite3_file. The system's own
// file follows it in the same block of memory.
template <typename File>
struct VfsShim {
  static sqlite3_vfs* System(sqlite3_vfs* vfs) { return static_cast<sqlite3_vfs*>(vfs->pAppData); }
  static sqlite3_file* Inner(sqlite3_file* file) {
    return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
  }

  // Calls the same method of the file or the file system below.
  template <auto kMethod, typename... Args>
  static auto ForwardFile(sqlite3_file* file, Args... args) {
    return (Inner(file)->pMethods->*kMethod)(Inner(file), args...);
  }
  template <auto kMethod, typename... Args>
  static auto ForwardVfs(sqlite3_vfs* vfs, Args... args) {
    return (System(vfs)->*kMethod)(System(vfs), args...);
  }

  // No memory-mapped pages: they would be read and written past the shim.
  static int Fetch(sqlite3_file* /*file*/, sqlite3_int64 /*offset*/, int /*bytes*/, void** page) {
    *page = nullptr;
    return SQLITE_OK;
  }
  static int Unfetch(sqlite3_file* /*file*/, sqlite3_int64 /*offset*/, void* /*page*/) {
    return SQLITE_OK;
  }

  // Opens the system's file behind `file`, which gets `methods`.
  static int OpenInner(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags,
                       int* flags_out, const sqlite3_io_methods* methods) {
    file->pMethods = nullptr;
    const int result = System(vfs)->xOpen(System(vfs), path, Inner(file), flags, flags_out);
    // SQLite closes exactly those files that have methods.
    if (Inner(file)->pMethods != nullptr) file->pMethods = methods;
    return result;
  }

  // Methods that pass on everything.
  static constexpr sqlite3_io_methods kForward = {
      .iVersion = 3,
      .xClose = ForwardFile<&sqlite3_io_methods::xClose>,
      .xRead = ForwardFile<&sqlite3_io_methods::xRead>,
      .xWrite = ForwardFile<&sqlite3_io_methods::xWrite>,
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

  using OpenFunction = int (*)(sqlite3_vfs*, const char*, sqlite3_file*, int, int*);

  // A shim before what is the default now.
  static sqlite3_vfs Make(const char* name, OpenFunction open) {
    sqlite3_vfs* const system = sqlite3_vfs_find(nullptr);
    return {
        .iVersion = 2,
        .szOsFile = static_cast<int>(sizeof(File)) + system->szOsFile,
        .mxPathname = system->mxPathname,
        .zName = name,
        .pAppData = system,
        .xOpen = open,
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
};

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_VFS_SHIM_H_
