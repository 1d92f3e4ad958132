#ifndef FAREBOX_STORAGE_CHECK_H_
#define FAREBOX_STORAGE_CHECK_H_

#include <cstdio>
#include <cstdlib>

// Stops the process when the program itself is wrong, in release builds too: a ledger whose
// invariant is broken must not go on to write. Never for what a caller or a disk can cause.
#define FAREBOX_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::farebox::CheckFailed(#condition, __FILE__, __LINE__))

namespace farebox {

[[noreturn, gnu::cold]] inline void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace farebox

#endif  // FAREBOX_STORAGE_CHECK_H_
