#include "storage/queue_gate.h"

#include <algorithm>
#include <limits>

#include "storage/errors.h"
#include "storage/limits.h"

namespace farebox {
namespace {

// What each urgency puts up with.
struct Patience {
  // Beyond what the disk needs.
  absl::Duration wait_max;
  // Whether a disk that stalls is a reason to refuse it.
  bool waits_for_disk;
  // The part of the queue that it may fill, in quarters.
  int64_t quarters;
};
constexpr std::array<Patience, kUrgencies> kPatience = {{
    {limits::kWaitMax, true, 2},
    {limits::kUrgentWaitMax, true, 3},
    {limits::kUrgentWaitMax, false, 4},
    {absl::InfiniteDuration(), true, 4},
}};

// So few commands wait for nobody but the disk: they are refused only where that stalls for much
// longer.
constexpr int64_t kFewCommands = 64;
constexpr int64_t kFewPatience = 5;

// Smaller batches tell less of what a command costs than of what a batch does: they are an upper
// bound of it.
constexpr int64_t kTellingCommands = 32;

// One command never costs more: such a sample is a clock that leapt, or a machine that slept.
constexpr int64_t kCostNanosMax = 1'000'000;
constexpr int64_t kAppendNanosMax = 60'000'000'000;

// The newest sample's part of an average: an eighth.
constexpr int64_t kSampleShare = 8;

// A caller is not sent away for longer, nor shorter.
constexpr absl::Duration kRetryMin = absl::Milliseconds(50);
constexpr absl::Duration kRetryMax = absl::Seconds(1);

}  // namespace

QueueGate::QueueGate(const Bounds& bounds, const Clock* clock) : bounds_(bounds), clock_(clock) {}

void QueueGate::Enter(int64_t commands) {
  outstanding_ += commands;
  ++requests_;
}

void QueueGate::Leave(int64_t commands) {
  outstanding_ -= commands;
  --requests_;
}

absl::Status QueueGate::Check(Urgency urgency, int64_t commands) {
  const int64_t outstanding = outstanding_.load(std::memory_order_relaxed);
  if (outstanding == 0) return absl::OkStatus();
  const Patience& patience = kPatience[static_cast<size_t>(urgency)];
  const int64_t cost = CostNanos();
  int64_t wait = outstanding * cost;
  if (patience.waits_for_disk) wait += StallNanos();
  // Whoever brings much may wait for what it takes itself, and for that long thrice again.
  absl::Duration wait_max = patience.wait_max + absl::Nanoseconds(4 * commands * cost);
  if (outstanding < kFewCommands) wait_max *= kFewPatience;
  const bool has_room = HasRoom(patience.quarters, commands);
  if (has_room && absl::Nanoseconds(wait) <= wait_max) return absl::OkStatus();
  refused_[static_cast<size_t>(urgency)].fetch_add(1, std::memory_order_relaxed);
  return error::Overloaded(std::clamp(absl::Nanoseconds(wait), kRetryMin, kRetryMax));
}

bool QueueGate::HasRoom(int64_t quarters, int64_t commands) const {
  return outstanding() + commands <= bounds_.commands_max * quarters / 4 &&
         requests_.load(std::memory_order_relaxed) < bounds_.requests_max * quarters / 4;
}

void QueueGate::BeginWait() {
  wait_start_nanos_.store(absl::ToUnixNanos(clock_->Now()), std::memory_order_relaxed);
}

void QueueGate::BeginCommit() {
  wait_start_nanos_.store(0, std::memory_order_relaxed);
  commits_begun_.fetch_add(1, std::memory_order_relaxed);
  commit_start_nanos_.store(absl::ToUnixNanos(clock_->Now()), std::memory_order_relaxed);
}

void QueueGate::EndCommit(int64_t commands, absl::Duration append) {
  const absl::Duration took = commit_under_way();
  commit_start_nanos_.store(0, std::memory_order_relaxed);
  if (append <= absl::ZeroDuration()) return;
  Learn(std::min(absl::ToInt64Nanoseconds(append), kAppendNanosMax), &append_nanos_);
  LearnCost(commands, took - append, &writer_cost_nanos_);
}

void QueueGate::NoteAnswers(int64_t commands, absl::Duration took) {
  LearnCost(commands, took, &answer_cost_nanos_);
}

// Each average has one thread that learns.
void QueueGate::Learn(int64_t sample, std::atomic<int64_t>* average) {
  const int64_t before = average->load(std::memory_order_relaxed);
  average->store(before + (sample - before) / kSampleShare, std::memory_order_relaxed);
}

void QueueGate::LearnCost(int64_t commands, absl::Duration took, std::atomic<int64_t>* average) {
  if (commands == 0) return;
  const int64_t cost =
      std::clamp(absl::ToInt64Nanoseconds(took) / commands, int64_t{0}, kCostNanosMax);
  if (commands >= kTellingCommands || cost < average->load(std::memory_order_relaxed)) {
    Learn(cost, average);
  }
}

int64_t QueueGate::CostNanos() const {
  return std::max(writer_cost_nanos_.load(std::memory_order_relaxed),
                  answer_cost_nanos_.load(std::memory_order_relaxed));
}

// A command waits for the commit under way and for its own; none is under way where the writer
// itself waits.
int64_t QueueGate::StallNanos() const {
  const int64_t usual = std::min(2 * append_nanos_.load(std::memory_order_relaxed),
                                 absl::ToInt64Nanoseconds(limits::kDiskPatience));
  const int64_t stall = absl::ToInt64Nanoseconds(commit_under_way()) - usual;
  return std::max({stall, absl::ToInt64Nanoseconds(Since(wait_start_nanos_)), int64_t{0}});
}

absl::Duration QueueGate::Since(const std::atomic<int64_t>& start_nanos) const {
  const int64_t start = start_nanos.load(std::memory_order_relaxed);
  if (start == 0) return absl::ZeroDuration();
  return std::max(clock_->Now() - absl::FromUnixNanos(start), absl::ZeroDuration());
}

absl::Duration QueueGate::ExpectedWait() const {
  return absl::Nanoseconds(outstanding() * CostNanos() + StallNanos());
}

}  // namespace farebox
