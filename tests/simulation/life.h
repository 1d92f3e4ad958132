#ifndef FAREBOX_TESTS_SIMULATION_LIFE_H_
#define FAREBOX_TESTS_SIMULATION_LIFE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "storage/books.h"
#include "storage/command.h"
#include "storage/engine.h"
#include "tests/simulation/callers.h"
#include "tests/simulation/history.h"
#include "tests/simulation/machine.h"
#include "tests/simulation/model.h"
#include "tests/simulation/operation.h"
#include "tests/simulation/random.h"
#include "tests/simulation/tally.h"

namespace farebox::simulation {

// What one life is like, drawn from its seed: one has a full disk often, another long batches.
struct LifeHabits {
  int64_t operations = 0;
  int64_t batch_size_max = 1;
  // Steps between the events, on average.
  int64_t steps_per_crash = 0;
  int64_t steps_per_fault = 0;
  int64_t steps_per_full_disk = 0;
  Engine::Options engine;
  CallerHabits callers;

  static LifeHabits Draw(Random* random);
};

// One ledger from its empty journal on: callers send, time passes, the machine crashes, and the
// model follows.
class Life {
 public:
  Life(uint64_t seed, std::function<void(MemoryDisk*)> on_crash, History* history);

  // Returns what is wrong; empty where nothing is.
  std::string Live(int64_t operations_max);

  const Tally& tally() const { return tally_; }

 private:
  // What becomes of a batch.
  enum class Fate {
    kWell,
    kFull,         // The append is refused: nothing is written.
    kLost,         // The append fails, and the batch is not there after the restart.
    kKept,         // The append fails, and the batch is there after the restart.
    kCrashBefore,  // The machine stops before the append.
    kCrashAfter,   // The machine stops after the append, before anybody is answered.
  };
  struct Batch {
    std::vector<Operation> operations;
    // Their numbers in the history.
    std::vector<int64_t> numbers;
    std::vector<Command> commands;
    // By the model, where it has applied them.
    std::vector<Model::Answer> expected;
  };

  void Step();
  void MoveClock();
  absl::Time DrawTime();
  void SetClock(absl::Time time);
  void TurnDisk();
  Fate DrawFate();

  void Restart();
  void Send(Fate fate);
  Operation NextOperation();
  Batch DrawBatch(bool is_applied);
  // One more of the batch, as the model answers it.
  void Apply(Batch* batch, size_t index);
  CommitResult Commit(const Batch& batch);
  void CheckDone(const Batch& batch, Fate fate, CommitResult result);
  // Nothing of the batch is to be seen: it is not there, or not known to be.
  void CheckRefused(const Batch& batch, Reason reason, bool is_decided, CommitResult result);
  void Answer(const Batch& batch, absl::Span<const Outcome> outcomes, bool is_told);
  // After an unknown outcome nothing more is taken.
  void SendToFailed();
  void SetAside(const Batch& batch);

  void CheckTouched(absl::Span<const Entry> entries);
  void CheckReminder();
  void CheckAll();
  void Verify();
  void Fail(const std::string& problem);
  bool ok() const { return problem_.empty(); }

  Random random_;
  const LifeHabits habits_;
  const std::function<void(MemoryDisk*)> on_crash_;
  History& history_;
  Callers callers_;
  Model model_;
  Machine machine_;
  // Sent and never answered, or told to try again.
  std::vector<Operation> unanswered_;
  bool disk_full_ = false;
  // A batch that could not be written lets reminders wait until then.
  absl::Time reminders_wait_ = absl::InfinitePast();
  size_t open_holds_max_ = 0;
  int64_t checked_operations_ = 0;
  Tally tally_;
  std::string problem_;
};

}  // namespace farebox::simulation

#endif  // FAREBOX_TESTS_SIMULATION_LIFE_H_
