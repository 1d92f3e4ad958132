// farebox-simulation: the simulation for as long as one likes.

#include <cstdint>
#include <cstdio>
#include <iostream>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/simulation/simulation.h"

namespace farebox::simulation {
namespace {

constexpr int kExitViolation = 1;
constexpr int kExitUsage = 2;
constexpr absl::Duration kProgressEvery = absl::Minutes(1);
constexpr absl::string_view kUsage =
    "usage: farebox-simulation [--seed N] [--operations N]\n"
    "\n"
    "Runs the lives of seed N, N + 1... until so many operations are done (default: seed 1,\n"
    "1,000,000 operations). Exit code: 0 every promise was kept, 1 one was not, 2 wrong usage.\n";

// Real time is this program's own: the simulation has none.
absl::Time Now() { return absl::Now(); }

bool ReadFlags(int argc, char** argv, Plan* plan) {
  plan->operations = 1'000'000;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) return false;
    const absl::string_view flag = argv[i];
    const bool is_number = flag == "--seed" ? absl::SimpleAtoi(argv[i + 1], &plan->first_seed)
                           : flag == "--operations"
                               ? absl::SimpleAtoi(argv[i + 1], &plan->operations)
                               : false;
    if (!is_number || plan->operations < 1) return false;
  }
  return true;
}

void PrintRate(const Tally& tally, absl::Duration took) {
  const double seconds = absl::ToDoubleSeconds(took);
  std::printf("%.1f s, %.0f operations/s\n", seconds,
              static_cast<double>(tally.operations) / seconds);
  std::fflush(stdout);
}

int Main(int argc, char** argv) {
  Plan plan;
  if (!ReadFlags(argc, argv, &plan)) {
    std::cerr << kUsage;
    return kExitUsage;
  }
  const absl::Time start = Now();
  absl::Time next_progress = start + kProgressEvery;
  plan.on_progress = [&](const Tally& so_far) {
    if (Now() < next_progress) return;
    next_progress += kProgressEvery;
    std::cout << so_far.operations << " operations, " << so_far.lives << " lives, ";
    PrintRate(so_far, Now() - start);
  };
  const Result result = RunSimulation(plan);
  std::cout << result.tally.Text() << "\nhistory " << result.history_hash << "\n";
  PrintRate(result.tally, Now() - start);
  if (result.violation.empty()) return 0;
  std::cerr << "VIOLATION: " << result.violation;
  return kExitViolation;
}

}  // namespace
}  // namespace farebox::simulation

int main(int argc, char** argv) { return farebox::simulation::Main(argc, argv); }
