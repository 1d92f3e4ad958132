#include "tests/support/await.h"

#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace farebox::testing {
namespace {

// No machine needs it, however busy; and a test that fails says so before its own time is over.
constexpr absl::Duration kPatience = absl::Minutes(1);
constexpr absl::Duration kPause = absl::Milliseconds(1);

}  // namespace

bool Await(absl::FunctionRef<bool()> is_so, const char* file, int line) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (!is_so()) {
    if (absl::Now() > deadline) {
      ADD_FAILURE_AT(file, line) << "what is awaited is not so after " << kPatience;
      return false;
    }
    absl::SleepFor(kPause);
  }
  return true;
}

}  // namespace farebox::testing
