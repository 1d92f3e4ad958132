#ifndef FAREBOX_TESTS_SIMULATION_SIMULATION_H_
#define FAREBOX_TESTS_SIMULATION_SIMULATION_H_

#include <cstdint>
#include <functional>
#include <string>

#include "tests/simulation/tally.h"
#include "tests/support/memory_journal.h"

// The ledger's engine in a world that one number determines: callers, time, a journal in memory
// that fails as journal.h allows, crashes and restarts. After each operation, everything that the
// engine says and has written is compared with a model of plain maps (model.h).
//
// One seed is one ledger's life, from an empty journal through some thousands of operations (see
// life.h): short enough to look at, and so many different ones that all is met.
namespace farebox::simulation {

struct Plan {
  uint64_t first_seed = 1;
  // Lives first_seed, first_seed + 1... until that many operations are done; the last life ends
  // with the batch that reaches it.
  int64_t operations = 0;
  // Told after every life.
  std::function<void(const Tally& so_far)> on_progress = [](const Tally&) {};
  // What else happens to the disk while the machine is down, to see that it is noticed.
  std::function<void(MemoryDisk* disk)> on_crash = [](MemoryDisk*) {};
};

struct Result {
  // Empty: every promise was kept. Otherwise which was not, at which operation of which seed, the
  // last operations, and how to see it again.
  std::string violation;
  // Of all that was sent, answered and written.
  uint64_t history_hash = 0;
  Tally tally;
};

Result RunSimulation(const Plan& plan);

}  // namespace farebox::simulation

#endif  // FAREBOX_TESTS_SIMULATION_SIMULATION_H_
