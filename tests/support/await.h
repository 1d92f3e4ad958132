#ifndef FAREBOX_TESTS_SUPPORT_AWAIT_H_
#define FAREBOX_TESTS_SUPPORT_AWAIT_H_

#include "absl/functional/function_ref.h"

namespace farebox::testing {

// Waits for what another thread or process brings about, and leaves it the processor: looks every
// millisecond, and returns true as soon as it is so. Where it is not so within a minute, the test
// fails, at the line of the call, and this returns false.
bool Await(absl::FunctionRef<bool()> is_so, const char* file = __builtin_FILE(),
           int line = __builtin_LINE());

}  // namespace farebox::testing

#endif  // FAREBOX_TESTS_SUPPORT_AWAIT_H_
