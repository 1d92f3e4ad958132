#ifndef FAREBOX_TESTS_CRASH_EXPLORE_CRASHES_H_
#define FAREBOX_TESTS_CRASH_EXPLORE_CRASHES_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tests/crash/disk_states.h"

namespace farebox {

struct ExploreOptions {
  uint64_t seed = 1;
  // At least so many different states, of as many workloads as that takes.
  int64_t states = 50'000;
  SyncLie lie = SyncLie::kNone;
  // Ends early after so many findings.
  size_t findings_max = 5;
  // Workloads that are explored at once: as many as there are processors, and no more than this.
  unsigned explorers_max = std::numeric_limits<unsigned>::max();
};

struct ExploreReport {
  int64_t states = 0;
  int64_t workloads = 0;
  // Operations after each of which the power was cut.
  int64_t operations = 0;
  // What was not as promised, and how to see it again.
  std::vector<std::string> findings;
};

// Cuts the power after every operation of recorded workloads, in several ways each, and starts
// again each time. A seed's workload and states are always the same.
ExploreReport ExploreCrashes(const ExploreOptions& options);

}  // namespace farebox

#endif  // FAREBOX_TESTS_CRASH_EXPLORE_CRASHES_H_
