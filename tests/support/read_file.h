#ifndef FAREBOX_TESTS_SUPPORT_READ_FILE_H_
#define FAREBOX_TESTS_SUPPORT_READ_FILE_H_

#include <string>

namespace farebox::testing {

// The bytes of a file; empty where there is none.
std::string ReadFile(const std::string& path);

}  // namespace farebox::testing

#endif  // FAREBOX_TESTS_SUPPORT_READ_FILE_H_
