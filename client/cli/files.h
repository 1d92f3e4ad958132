#ifndef FAREBOX_CLIENT_CLI_FILES_H_
#define FAREBOX_CLIENT_CLI_FILES_H_

#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace farebox::cli {

// Standard input or output in place of a file.
inline constexpr char kStandardStream[] = "-";

// A file that is there whole or not at all: what is written goes beside it, and takes its name in
// the end. Standard output for "-", and devices and pipes, as it comes. Thread-compatible.
class OutputFile {
 public:
  static absl::StatusOr<std::unique_ptr<OutputFile>> Create(const std::string& path);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  // Deletes what was not kept.
  ~OutputFile();

  void Write(absl::string_view bytes);
  // Fails where anything that was written has not arrived.
  absl::Status Keep();

 private:
  explicit OutputFile(std::string path) : path_(std::move(path)) {}

  bool is_standard() const { return path_ == kStandardStream; }

  const std::string path_;
  // Where it is written until it is kept; empty where that is at once.
  std::string temporary_path_;
  std::ofstream file_;
};

// All of a file; of standard input for "-".
absl::StatusOr<std::string> ReadAll(const std::string& path);

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_FILES_H_
