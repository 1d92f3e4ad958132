#include "client/cli/files.h"

#include <fstream>
#include <iostream>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace farebox::cli {
namespace {

constexpr char kStandardInput[] = "-";

std::string Read(std::istream& in) {
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

}  // namespace

absl::StatusOr<std::string> ReadAll(const std::string& path) {
  if (path == kStandardInput) return Read(std::cin);
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::UnknownError(absl::StrCat("cannot read ", path));
  return Read(file);
}

}  // namespace farebox::cli
