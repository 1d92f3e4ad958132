#ifndef FAREBOX_STORAGE_QUEUE_GATE_H_
#define FAREBOX_STORAGE_QUEUE_GATE_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "storage/clock.h"
#include "storage/urgency.h"

namespace farebox {

// Decides whether one more change is taken, by how long it would have to wait: so that what is
// taken is answered soon, however much comes.
//
//   wait = commands outstanding x what one costs the slower of writer and answer thread
//        + how much longer the disk takes for the commit under way than it usually does;
//          where the writer waits until it may begin one, how long it has
//
// What the disk needs by itself is no reason to refuse, since all that waits shares one commit;
// only where that is longer than a caller's patience does it count. Both costs are learned from the
// batches that went before. What is more urgent is let in while what is less so is refused: by the
// wait it puts up with, and by its share of the queue.
//
// Where nothing is outstanding everything is let in: so whatever was learned, it is learned anew.
// Thread-safe, without a lock: a check costs some loads. The clock outlives it.
class QueueGate {
 public:
  // What may be outstanding. A request is what is taken and answered at once: one command, or many.
  struct Bounds {
    int64_t commands_max = 0;
    int64_t requests_max = 0;
  };
  QueueGate(const Bounds& bounds, const Clock* clock);

  // OK, or OVERLOADED with the time to come back, which is counted. `commands` is how many of one
  // request would wait: 0 for a look.
  absl::Status Check(Urgency urgency, int64_t commands);

  // A request of so many commands was taken; it was answered.
  void Enter(int64_t commands);
  void Leave(int64_t commands);

  // The writer has something to write, and waits until it may.
  void BeginWait();
  // It writes; it is done. What it wrote were `commands`, and the disk took `append` of the
  // time: absl::ZeroDuration() where it was not asked.
  void BeginCommit();
  void EndCommit(int64_t commands, absl::Duration append);
  // So many commands were answered, and that took so long.
  void NoteAnswers(int64_t commands, absl::Duration took);

  int64_t outstanding() const { return outstanding_.load(std::memory_order_relaxed); }
  // How long what is written has been under way; zero where nothing is.
  absl::Duration commit_under_way() const { return Since(commit_start_nanos_); }
  // Writes begun so far: tells one that goes on from the next one.
  int64_t commits_begun() const { return commits_begun_.load(std::memory_order_relaxed); }
  bool is_committing() const { return commit_start_nanos_.load(std::memory_order_relaxed) != 0; }
  // How long a command that came now would wait beyond what the disk needs.
  absl::Duration ExpectedWait() const;
  int64_t refused(Urgency urgency) const {
    return refused_[static_cast<size_t>(urgency)].load(std::memory_order_relaxed);
  }

 private:
  // Of what one command costs, and of what a commit does: the newest batches count most.
  static void Learn(int64_t sample, std::atomic<int64_t>* average);
  static void LearnCost(int64_t commands, absl::Duration took, std::atomic<int64_t>* average);

  // Whether it would fit into the part of the queue that what is so urgent may fill.
  bool HasRoom(int64_t quarters, int64_t commands) const;
  int64_t CostNanos() const;
  int64_t StallNanos() const;
  absl::Duration Since(const std::atomic<int64_t>& start_nanos) const;

  // Constant after construction.
  const Bounds bounds_;
  const Clock* const clock_;

  std::atomic<int64_t> outstanding_{0};
  std::atomic<int64_t> requests_{0};
  // By the clock, in Unix nanoseconds; 0 where the writer does not wait, where nothing is written.
  std::atomic<int64_t> wait_start_nanos_{0};
  std::atomic<int64_t> commit_start_nanos_{0};
  std::atomic<int64_t> commits_begun_{0};
  // A command's part of the writer's and of the answer thread's time.
  std::atomic<int64_t> writer_cost_nanos_{0};
  std::atomic<int64_t> answer_cost_nanos_{0};
  // What the disk needs for a commit.
  std::atomic<int64_t> append_nanos_{0};
  std::array<std::atomic<int64_t>, kUrgencies> refused_{};
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_QUEUE_GATE_H_
