#include "storage/sqlite/settle_log.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/errors.h"
#include "storage/sqlite/file.h"
#include "storage/status_macros.h"

namespace farebox::sqlite {
namespace {

constexpr size_t kPieceBytes = size_t{64} * 1024;

absl::Status WriteOver(const std::string& path, const File& file) {
  std::vector<char> piece(kPieceBytes);
  off_t offset = 0;
  while (true) {
    const ssize_t got = pread(file.descriptor(), piece.data(), piece.size(), offset);
    if (got < 0) return FileFailed("read", path);
    if (got == 0) return absl::OkStatus();
    // A short write is followed by one for the rest, which tells what the matter is.
    const ssize_t written =
        pwrite(file.descriptor(), piece.data(), static_cast<size_t>(got), offset);
    if (written <= 0) return FileFailed("write", path);
    offset += written;
  }
}

absl::Status Settle(const std::string& path) {
  const std::string log_path = absl::StrCat(path, "-wal");
  const File log(log_path, O_RDWR);
  if (!log.is_open() && errno != ENOENT) return FileFailed("open", log_path);
  if (log.is_open()) {
    FAREBOX_RETURN_IF_ERROR(WriteOver(log_path, log));
    if (fdatasync(log.descriptor()) != 0) return FileFailed("sync", log_path);
  }
  return SyncDirectory(std::filesystem::path(path).parent_path());
}

}  // namespace

absl::Status SettleLog(const std::string& path) {
  const absl::Status settled = Settle(path);
  return settled.ok() ? settled : error::StorageFailed(settled.message());
}

}  // namespace farebox::sqlite
