#include "tests/simulation/machine.h"

#include "storage/status_macros.h"

namespace farebox::simulation {

class Machine::SimulatedJournal : public FaultJournal {
 public:
  SimulatedJournal(Journal* journal, JournalFaults* faults, bool discards_snapshot)
      : FaultJournal(journal, faults), discards_snapshot_(discards_snapshot) {}

  absl::StatusOr<EntryId> LoadSnapshot(SnapshotVisitor* visitor) override {
    FAREBOX_ASSIGN_OR_RETURN(const EntryId snapshot, FaultJournal::LoadSnapshot(visitor));
    if (!discards_snapshot_) return snapshot;
    visitor->OnDiscard();
    return 0;
  }

 private:
  const bool discards_snapshot_;
};

Machine::Machine(Engine::Options options, absl::Time start) : options_(options), clock_(start) {}

void Machine::Crash() {
  engine_.reset();
  journal_.reset();
  memory_.reset();
}

absl::Status Machine::Restart(const Start& start) {
  Crash();
  faults_.FailNextAppend(JournalFaults::Fault::kNone);
  memory_.emplace(&disk_, start.journal);
  journal_ = std::make_unique<SimulatedJournal>(&*memory_, &faults_, start.discards_snapshot);
  engine_ = std::make_unique<Engine>(options_, journal_.get(), &clock_);
  return engine_->Recover();
}

}  // namespace farebox::simulation
