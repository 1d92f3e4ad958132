#include "tests/support/read_file.h"

#include <fstream>
#include <iterator>

namespace farebox::testing {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace farebox::testing
