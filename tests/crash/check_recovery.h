#ifndef FAREBOX_TESTS_CRASH_CHECK_RECOVERY_H_
#define FAREBOX_TESTS_CRASH_CHECK_RECOVERY_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "tests/crash/disk_states.h"
#include "tests/crash/workload.h"

namespace farebox {

// Starts on what a power cut left when the disk had been asked for the first `position` operations
// of the recording, in `directory`, and says what is not as promised:
//
// 1. it starts, and the journal verifies;
// 2. every acknowledged commit is there, unchanged, and every document as it was acknowledged last;
//    beyond them at most the commit that was under way, whole or not at all;
// 3. that one, sent again, is answered exactly as it would have been, and has one effect; of
//    documents, the groups that are there are refused, and a removal that was made.
absl::Status CheckRecovery(const Recording& recording, size_t position, const DiskImage& image,
                           const std::string& directory);

// The steps that were acknowledged by then.
size_t CountAcknowledged(const Recording& recording, size_t position);

}  // namespace farebox

#endif  // FAREBOX_TESTS_CRASH_CHECK_RECOVERY_H_
