#ifndef FAREBOX_TESTS_CRASH_IO_LOG_H_
#define FAREBOX_TESTS_CRASH_IO_LOG_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace farebox {

// The files whose fate in a power cut is of interest.
enum class RecordedFile : uint8_t { kDatabase, kLog };
inline constexpr size_t kRecordedFiles = 2;

// One thing that a process asked of a file.
struct IoOperation {
  enum class Kind : uint8_t { kWrite, kTruncate, kSync };

  RecordedFile file = RecordedFile::kDatabase;
  Kind kind = Kind::kWrite;
  // Of a write; the new size of a truncation.
  int64_t offset = 0;
  std::string bytes;
};

// In the order in which they were asked for.
using IoLog = std::vector<IoOperation>;

}  // namespace farebox

#endif  // FAREBOX_TESTS_CRASH_IO_LOG_H_
