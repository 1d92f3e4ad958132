#ifndef FAREBOX_TESTS_SERVER_RECHARGE_TEMPORARY_FOLDER_H_
#define FAREBOX_TESTS_SERVER_RECHARGE_TEMPORARY_FOLDER_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "storage/check.h"

namespace farebox::server {

// A folder of its own that is gone afterwards.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_(::testing::TempDir() + "/farebox-XXXXXX") {
    FAREBOX_CHECK(mkdtemp(path_.data()) != nullptr);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace farebox::server

#endif  // FAREBOX_TESTS_SERVER_RECHARGE_TEMPORARY_FOLDER_H_
