#include "client/cli/files.h"

#include <array>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace farebox::cli {
namespace {

namespace fs = std::filesystem;

// Piece by piece: a stream that cannot be read, as that of a directory, ends bad, where an iterator
// over it throws.
bool Read(std::istream* in, std::string* text) {
  std::array<char, 16'384> piece;
  do {
    in->read(piece.data(), piece.size());
    text->append(piece.data(), static_cast<size_t>(in->gcount()));
  } while (*in);
  return !in->bad();
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
  std::ifstream file;
  if (path != kStandardStream) file.open(path, std::ios::binary);
  std::istream* const in = path == kStandardStream ? &std::cin : &file;
  std::string text;
  if (!*in || !Read(in, &text)) return absl::UnknownError(absl::StrCat("cannot read ", path));
  return text;
}

}  // namespace farebox::cli
