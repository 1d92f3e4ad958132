#ifndef FAREBOX_TESTS_SIMULATION_MACHINE_H_
#define FAREBOX_TESTS_SIMULATION_MACHINE_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "storage/clock.h"
#include "storage/command.h"
#include "storage/engine.h"
#include "storage/journal.h"
#include "tests/support/fault_journal.h"
#include "tests/support/memory_journal.h"

namespace farebox::simulation {

// A computer that runs the engine: of all it has, a crash leaves the disk, the clock and, where the
// disk was full, that.
class Machine {
 public:
  // How the next start finds what the journal has derived.
  struct Start {
    MemoryJournal::Options journal;
    // It turns out bad when it has been handed over.
    bool discards_snapshot = false;
  };

  Machine(Engine::Options options, absl::Time start);

  void Crash();
  // Crashes before, where it runs.
  absl::Status Restart(const Start& start);

  CommitResult Commit(absl::Span<const absl::Span<const Command>> submissions) {
    return engine_->Commit(submissions);
  }

  absl::Time NextDue() { return engine_->NextDue(); }

  const Engine& engine() const { return *engine_; }
  Journal& journal() { return *journal_; }
  JournalFaults& faults() { return faults_; }
  MemoryDisk& disk() { return disk_; }
  ManualClock& clock() { return clock_; }

 private:
  class SimulatedJournal;

  const Engine::Options options_;
  ManualClock clock_;
  MemoryDisk disk_;
  JournalFaults faults_;
  std::optional<MemoryJournal> memory_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace farebox::simulation

#endif  // FAREBOX_TESTS_SIMULATION_MACHINE_H_
