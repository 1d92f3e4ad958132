#ifndef FAREBOX_TESTS_SIMULATION_TALLY_H_
#define FAREBOX_TESTS_SIMULATION_TALLY_H_

#include <array>
#include <cstdint>
#include <string>

#include "storage/command.h"

namespace farebox::simulation {

// What was met: a simulation that never meets something proves nothing about it.
struct Tally {
  int64_t lives = 0;
  int64_t operations = 0;
  int64_t batches = 0;
  int64_t replays = 0;
  int64_t late = 0;
  int64_t overruns = 0;
  int64_t restarts = 0;
  // Crashes with requests that nobody had answered: before the append, and after it.
  int64_t crashes_before = 0;
  int64_t crashes_after = 0;
  int64_t full_disks = 0;
  // Appends of unknown outcome that were not there after the restart, and that were.
  int64_t lost_batches = 0;
  int64_t kept_batches = 0;
  int64_t repeats_after_crash = 0;
  int64_t clock_set_back = 0;
  int64_t verifications = 0;
  // By EntryKind, of new entries.
  std::array<int64_t, 12> entries{};
  // By Reason, of answers; declined or refused.
  std::array<int64_t, 28> reasons{};

  void Count(const Outcome& outcome);
  void Count(const Entry& entry);
  void Add(const Tally& other);
  std::string Text() const;
};

}  // namespace farebox::simulation

#endif  // FAREBOX_TESTS_SIMULATION_TALLY_H_
