#include "storage/sqlite/file.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace farebox::sqlite {
namespace {

absl::Status Sync(const std::string& path, int flags) {
  const File file(path, flags);
  if (!file.is_open()) return FileFailed("open", path);
  return fsync(file.descriptor()) == 0 ? absl::OkStatus() : FileFailed("sync", path);
}

}  // namespace

File::~File() {
  if (is_open()) close(descriptor_);
}

absl::Status FileFailed(absl::string_view what, absl::string_view path) {
  return absl::UnavailableError(
      absl::StrCat("cannot ", what, " ", path, ": ", std::generic_category().message(errno)));
}

absl::StatusOr<bool> Exists(const std::string& path) {
  struct stat found = {};
  if (stat(path.c_str(), &found) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return FileFailed("look at", path);
}

absl::Status MakeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return FileFailed("make the directory", path);
}

absl::Status GiveToOwnerOf(const std::string& directory, const std::string& path) {
  if (geteuid() != 0) return absl::OkStatus();
  struct stat owner = {};
  if (stat(directory.c_str(), &owner) != 0) return FileFailed("look at", directory);
  struct stat made = {};
  if (lstat(path.c_str(), &made) != 0) return FileFailed("look at", path);
  // Root without that right (a container, a file system of another machine) has to do nothing.
  if (made.st_uid == owner.st_uid && made.st_gid == owner.st_gid) return absl::OkStatus();
  return lchown(path.c_str(), owner.st_uid, owner.st_gid) == 0 ? absl::OkStatus()
                                                               : FileFailed("give away", path);
}

std::optional<int64_t> FreeDiskBytes(const std::string& path) {
  struct statvfs disk = {};
  if (statvfs(path.c_str(), &disk) != 0) return std::nullopt;
  return static_cast<int64_t>(disk.f_bavail * disk.f_frsize);
}

absl::Status SyncFile(const std::string& path) { return Sync(path, O_RDONLY); }

absl::Status SyncDirectory(const std::string& path) { return Sync(path, O_RDONLY | O_DIRECTORY); }

}  // namespace farebox::sqlite
