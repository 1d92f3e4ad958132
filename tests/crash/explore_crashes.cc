#include "tests/crash/explore_crashes.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "storage/mutex.h"
#include "tests/crash/check_recovery.h"
#include "tests/crash/workload.h"
#include "tests/support/temporary_directory.h"

namespace farebox {
namespace {

constexpr int kStepsPerWorkload = 60;
constexpr uint64_t kVariantsMax = 10;

// In memory where there is a file system for that: no state has to survive this process.
std::string ScratchParent() {
  constexpr char kMemory[] = "/dev/shm";
  return std::filesystem::is_directory(kMemory) ? kMemory
                                                : std::filesystem::temp_directory_path().string();
}

// What all explorers share: the seeds that are left, and the report.
class Progress {
 public:
  explicit Progress(const ExploreOptions& options) : options_(options), next_seed_(options.seed) {}

  // The next workload's seed; nothing when enough is known.
  std::optional<uint64_t> NextSeed() {
    MutexLock lock(&mu_);
    if (IsDone()) return std::nullopt;
    ++report_.workloads;
    return next_seed_++;
  }

  // One more operation after which the power is cut; false when enough is known.
  bool AddOperation() {
    MutexLock lock(&mu_);
    if (IsDone()) return false;
    ++report_.operations;
    return true;
  }

  // `finding` is empty where all was as promised.
  void AddState(std::string finding) {
    MutexLock lock(&mu_);
    ++report_.states;
    if (!finding.empty()) report_.findings.push_back(std::move(finding));
  }

  ExploreReport TakeReport() {
    MutexLock lock(&mu_);
    return std::move(report_);
  }

 private:
  bool IsDone() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return report_.states >= options_.states || report_.findings.size() >= options_.findings_max;
  }

  const ExploreOptions options_;
  Mutex mu_;
  uint64_t next_seed_ ABSL_GUARDED_BY(mu_);
  ExploreReport report_ ABSL_GUARDED_BY(mu_);
};

// Explores one workload after another, with files of its own.
class Explorer {
 public:
  Explorer(SyncLie lie, Progress* progress) : lie_(lie), progress_(*progress) {
    std::filesystem::create_directories(directory_ / "state");
  }

  void Run() {
    while (const std::optional<uint64_t> seed = progress_.NextSeed()) ExploreWorkload(*seed);
  }

 private:
  void ExploreWorkload(uint64_t seed) {
    const Recording recording = RecordWorkload(seed, kStepsPerWorkload, directory_ / "work");
    DiskStates disk(recording.initial, &recording.log, lie_);
    std::mt19937_64 random(seed);
    seen_.clear();
    while (disk.Next() && progress_.AddOperation()) {
      const uint64_t variants = disk.is_synced() ? 1 : kVariantsMax;
      for (uint64_t variant = 0; variant < variants; ++variant) {
        ExploreState(seed, recording, disk.position(), variant, disk.MakeVariant(variant, &random));
      }
    }
  }

  // The same contents are another state once more of them is promised.
  void ExploreState(uint64_t seed, const Recording& recording, size_t position, uint64_t variant,
                    const DiskImage& image) {
    const size_t acknowledged = CountAcknowledged(recording, position);
    if (!seen_.insert(absl::HashOf(acknowledged, image[0], image[1])).second) return;
    const absl::Status status = CheckRecovery(recording, position, image, directory_ / "state");
    progress_.AddState(status.ok() ? ""
                                   : absl::StrCat("seed ", seed, ", operation ", position,
                                                  ", variant ", variant, ": ", status.message()));
  }

  const SyncLie lie_;
  Progress& progress_;
  const testing::TemporaryDirectory directory_{ScratchParent()};
  absl::flat_hash_set<size_t> seen_;
};

}  // namespace

ExploreReport ExploreCrashes(const ExploreOptions& options) {
  Progress progress(options);
  const unsigned processors = std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> explorers(std::min(processors, options.explorers_max));
  for (std::thread& explorer : explorers) {
    explorer = std::thread([&] { Explorer(options.lie, &progress).Run(); });
  }
  for (std::thread& explorer : explorers) explorer.join();
  return progress.TakeReport();
}

}  // namespace farebox
