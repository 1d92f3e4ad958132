#ifndef FAREBOX_TESTS_SUPPORT_TEMPORARY_DIRECTORY_H_
#define FAREBOX_TESTS_SUPPORT_TEMPORARY_DIRECTORY_H_

#include <string>

namespace farebox::testing {

// A fresh directory, removed with all that is in it. Thread-compatible.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace farebox::testing

#endif  // FAREBOX_TESTS_SUPPORT_TEMPORARY_DIRECTORY_H_
