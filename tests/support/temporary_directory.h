#ifndef FAREBOX_TESTS_SUPPORT_TEMPORARY_DIRECTORY_H_
#define FAREBOX_TESTS_SUPPORT_TEMPORARY_DIRECTORY_H_

#include <string>

#include "absl/strings/string_view.h"

namespace farebox::testing {

// A fresh directory, removed with all that is in it. Thread-compatible.
class TemporaryDirectory {
 public:
  // In the directory of the system for such things, or in `parent`, which has to be there.
  TemporaryDirectory();
  explicit TemporaryDirectory(const std::string& parent);
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  // The path of what is called so in it.
  std::string operator/(absl::string_view name) const;

 private:
  std::string path_;
};

}  // namespace farebox::testing

#endif  // FAREBOX_TESTS_SUPPORT_TEMPORARY_DIRECTORY_H_
