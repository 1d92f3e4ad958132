#ifndef FAREBOX_TESTS_END_TO_END_KILL_RUN_H_
#define FAREBOX_TESTS_END_TO_END_KILL_RUN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/support/caller.h"
#include "tests/support/history_check.h"

namespace farebox {

struct KillOptions {
  // The program.
  std::string server;
  int kills = 50;
  // So many kills, then everything is checked and a new ledger begins.
  int kills_per_ledger = 50;
  uint64_t seed = 1;
  // How long a server lives, by chance.
  absl::Duration life_min = absl::Milliseconds(200);
  absl::Duration life_max = absl::Seconds(2);
  // Deletes the log after each kill, as if the server had not waited for it to be written: shows
  // that a loss is noticed.
  bool loses_log = false;
};

struct KillReport {
  int kills = 0;
  // Of these, in a server that was still starting.
  int kills_while_starting = 0;
  // What the callers saw of all of it.
  testing::CallTally tally;
  int64_t entries = 0;
  // From the start of the program to the first balance that it tells, for each start.
  std::vector<absl::Duration> recoveries;
  std::vector<history::Violation> violations;

  int64_t CountOf(history::Check check) const;
};

// Kills the real server under load, at random moments, while it serves and while it starts, and
// starts it again each time; the callers repeat what was not answered. Stops early where something
// is wrong.
KillReport KillAgainAndAgain(const KillOptions& options);

}  // namespace farebox

#endif  // FAREBOX_TESTS_END_TO_END_KILL_RUN_H_
