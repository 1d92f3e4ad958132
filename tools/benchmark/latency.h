#ifndef FAREBOX_TOOLS_BENCHMARK_LATENCY_H_
#define FAREBOX_TOOLS_BENCHMARK_LATENCY_H_

#include <algorithm>
#include <vector>

#include "absl/time/time.h"

namespace farebox::benchmark {

// Keeps every latency of a run: exact percentiles, at 8 bytes a call. Thread-compatible.
class LatencyRecorder {
 public:
  void Add(absl::Duration latency) { micros_.push_back(absl::ToDoubleMicroseconds(latency)); }

  // 0 where nothing was recorded.
  double Percentile(double percent) {
    if (micros_.empty()) return 0;
    const auto rank = static_cast<size_t>(percent / 100 * static_cast<double>(micros_.size() - 1));
    std::nth_element(micros_.begin(), micros_.begin() + static_cast<std::ptrdiff_t>(rank),
                     micros_.end());
    return micros_[rank];
  }

 private:
  std::vector<double> micros_;
};

}  // namespace farebox::benchmark

#endif  // FAREBOX_TOOLS_BENCHMARK_LATENCY_H_
