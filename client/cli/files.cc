#include "client/cli/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace farebox::cli {
namespace {

namespace fs = std::filesystem;

// Not by a stream: std::cin takes a read that fails for the end.
bool Read(int fd, std::string* text) {
  std::array<char, 16'384> piece;
  while (true) {
    const ssize_t count = read(fd, piece.data(), piece.size());
    if (count == 0) return true;
    if (count > 0) {
      text->append(piece.data(), static_cast<size_t>(count));
    } else if (errno != EINTR) {
      return false;
    }
  }
}

absl::Status CannotWrite(absl::string_view path) {
  return absl::UnknownError(absl::StrCat("cannot write ", path));
}

}  // namespace

absl::StatusOr<std::unique_ptr<OutputFile>> OutputFile::Create(const std::string& path) {
  std::unique_ptr<OutputFile> output(new OutputFile(path));
  if (output->is_standard()) return output;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  const bool is_file = !fs::exists(status) || fs::is_regular_file(status);
  if (is_file) output->temporary_path_ = absl::StrCat(path, ".part");
  const std::string& written = is_file ? output->temporary_path_ : path;
  output->file_.open(written, std::ios::binary);
  if (!output->file_) return CannotWrite(written);
  return output;
}

OutputFile::~OutputFile() {
  if (temporary_path_.empty()) return;
  file_.close();
  std::error_code error;
  fs::remove(temporary_path_, error);
}

void OutputFile::Write(absl::string_view bytes) {
  std::ostream& out = is_standard() ? std::cout : file_;
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

absl::Status OutputFile::Keep() {
  if (is_standard()) {
    std::cout.flush();
    return std::cout ? absl::OkStatus() : CannotWrite("standard output");
  }
  file_.close();
  std::error_code error;
  if (file_ && !temporary_path_.empty()) fs::rename(temporary_path_, path_, error);
  if (!file_ || error) return CannotWrite(path_);
  temporary_path_.clear();
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadAll(const std::string& path) {
  const bool is_standard = path == kStandardStream;
  const int fd = is_standard ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::string text;
  const bool is_read = fd >= 0 && Read(fd, &text);
  if (fd >= 0 && !is_standard) close(fd);
  if (!is_read) {
    return absl::UnknownError(absl::StrCat("cannot read ", is_standard ? "standard input" : path));
  }
  return text;
}

}  // namespace farebox::cli
