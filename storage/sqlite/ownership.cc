#include "storage/sqlite/ownership.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "storage/errors.h"
#include "storage/sqlite/file.h"

namespace farebox::sqlite {
namespace {

absl::Status CannotLock(const std::string& path, int error) {
  return absl::UnavailableError(
      absl::StrCat("cannot lock ", path, ": ", std::generic_category().message(error)));
}

}  // namespace

absl::StatusOr<Ownership> Ownership::Take(const std::string& directory) {
  const std::string path = absl::StrCat(directory, "/lock");
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return CannotLock(path, errno);
  Ownership ownership(file);
  // Where root looks at what is a server's, the server has to take it afterwards. Not every root
  // may give files away, and the lock holds all the same.
  GiveToOwnerOf(directory, path).IgnoreError();
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return error::FilesInUse(directory);
    return CannotLock(path, errno);
  }

  const std::string process_id = absl::StrCat(getpid(), "\n");
  const bool is_written =
      ftruncate(file, 0) == 0 && pwrite(file, process_id.data(), process_id.size(), 0) ==
                                     static_cast<ssize_t>(process_id.size());
  // On a full disk the number is missing, and the lock holds all the same.
  if (!is_written && errno != ENOSPC) {
    return error::StorageFailed(
        absl::StrCat("cannot write ", path, ": ", std::generic_category().message(errno)));
  }
  return ownership;
}

Ownership::~Ownership() {
  if (lock_file_ >= 0) close(lock_file_);
}

}  // namespace farebox::sqlite
