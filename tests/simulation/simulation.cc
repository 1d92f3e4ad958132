#include "tests/simulation/simulation.h"

#include "absl/strings/str_cat.h"
#include "storage/request_ids.h"
#include "tests/simulation/history.h"
#include "tests/simulation/life.h"

namespace farebox::simulation {

Result RunSimulation(const Plan& plan) {
  Result result;
  for (uint64_t seed = plan.first_seed; result.tally.operations < plan.operations; ++seed) {
    History history(seed);
    Life life(seed, plan.on_crash, &history);
    const std::string problem = life.Live(plan.operations - result.tally.operations);
    result.tally.Add(life.tally());
    result.history_hash =
        ContentFingerprint(absl::StrCat(result.history_hash, " ", history.hash()));
    if (!problem.empty()) {
      result.violation = absl::StrCat(problem, "\n", history.Text());
      break;
    }
    plan.on_progress(result.tally);
  }
  return result;
}

}  // namespace farebox::simulation
