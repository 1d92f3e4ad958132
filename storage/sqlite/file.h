#ifndef FAREBOX_STORAGE_SQLITE_FILE_H_
#define FAREBOX_STORAGE_SQLITE_FILE_H_

#include <fcntl.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// Files as the system has them, for what SQLite does not do itself. Never a file that SQLite has
// open in this process: POSIX drops a process's locks on a file with any of its descriptors.
namespace farebox::sqlite {

// A file descriptor, closed at the end of its life. Thread-compatible.
class File {
 public:
  File(const std::string& path, int flags)
      : descriptor_(open(path.c_str(), flags | O_CLOEXEC, kMode)) {}
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

 private:
  // Of what is made: money is nobody else's business.
  static constexpr mode_t kMode = 0600;

  const int descriptor_;
};

// Unavailable, with what errno says: "cannot sync PATH: ...".
absl::Status FileFailed(absl::string_view what, absl::string_view path);

// Whether there is anything of that name; fails where that cannot be looked at.
absl::StatusOr<bool> Exists(const std::string& path);

// Makes a directory for nobody else, where it is missing; what it is in is not made.
absl::Status MakeDirectory(const std::string& path);

// Where root works in a directory of somebody else's: gives them what was made in it. Nothing for
// anybody but root.
absl::Status GiveToOwnerOf(const std::string& directory, const std::string& path);

// What is free for others than root on the disk that has `path`; nothing where that is not known.
std::optional<int64_t> FreeDiskBytes(const std::string& path);

// Puts what a file or a directory is now on disk.
absl::Status SyncFile(const std::string& path);
absl::Status SyncDirectory(const std::string& path);

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_FILE_H_
