#ifndef FAREBOX_TOOLS_BENCHMARK_LOAD_H_
#define FAREBOX_TOOLS_BENCHMARK_LOAD_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "tools/benchmark/load_options.h"

namespace farebox::benchmark {

// What a load saw.
struct LoadResult {
  // Operations answered OK a second; one debit of a batch is one operation.
  double operations_per_second = 0;
  double p50_micros = 0;
  double p99_micros = 0;
  double max_micros = 0;
  int64_t errors = 0;
};

// Makes the accounts and the deck where they are not there yet. A no-op server needs none.
absl::Status PrepareAccounts(const LoadOptions& options);

// Keeps `options.outstanding` calls in flight for the given time, from one thread on one
// completion queue, the cheapest client there is: the server is what is to be measured.
absl::StatusOr<LoadResult> RunUnaryLoad(const LoadOptions& options);

// The same over one ApplyStream.
absl::StatusOr<LoadResult> RunStreamLoad(const LoadOptions& options);

}  // namespace farebox::benchmark

#endif  // FAREBOX_TOOLS_BENCHMARK_LOAD_H_
