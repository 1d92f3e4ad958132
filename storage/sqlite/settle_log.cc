#include "storage/sqlite/settle_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

constexpr size_t kPieceBytes = size_t{64} * 1024;

// A file descriptor, closed at the end of its life.
class File {
 public:
  File(const std::string& path, int flags) : descriptor_(open(path.c_str(), flags | O_CLOEXEC)) {}
  ~File() {
    if (is_open()) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

 private:
  const int descriptor_;
};

absl::Status Failed(const std::string& path, absl::string_view what) {
  return error::StorageFailed(
      absl::StrCat("cannot ", what, " ", path, ": ", std::generic_category().message(errno)));
}

absl::Status WriteOver(const std::string& path, const File& file) {
  std::vector<char> piece(kPieceBytes);
  off_t offset = 0;
  while (true) {
    const ssize_t got = pread(file.descriptor(), piece.data(), piece.size(), offset);
    if (got < 0) return Failed(path, "read");
    if (got == 0) return absl::OkStatus();
    // A short write is followed by one for the rest, which tells what the matter is.
    const ssize_t written =
        pwrite(file.descriptor(), piece.data(), static_cast<size_t>(got), offset);
    if (written <= 0) return Failed(path, "write");
    offset += written;
  }
}

}  // namespace

absl::Status SettleLog(const std::string& path) {
  const std::string log_path = absl::StrCat(path, "-wal");
  const File log(log_path, O_RDWR);
  if (!log.is_open() && errno != ENOENT) return Failed(log_path, "open");
  if (log.is_open()) {
    FAREBOX_RETURN_IF_ERROR(WriteOver(log_path, log));
    if (fdatasync(log.descriptor()) != 0) return Failed(log_path, "sync");
  }

  const std::string directory_path = std::filesystem::path(path).parent_path();
  const File directory(directory_path, O_RDONLY | O_DIRECTORY);
  if (!directory.is_open()) return Failed(directory_path, "open");
  return fsync(directory.descriptor()) == 0 ? absl::OkStatus() : Failed(directory_path, "sync");
}

}  // namespace farebox::sqlite
