#ifndef FAREBOX_SERVER_BASE_LOG_TURNS_H_
#define FAREBOX_SERVER_BASE_LOG_TURNS_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "storage/clock.h"
#include "storage/mutex.h"

namespace farebox::server {

// Bounds how many lines others can have the log write: so many a second, and the next one says how
// many were left out. Thread-safe.
class LogTurns {
 public:
  // The clock outlives it.
  LogTurns(const Clock* clock, int lines_per_second)
      : clock_(clock), lines_per_second_(lines_per_second) {}

  // Whether another line may be written now; sets how many had none before it.
  bool Take(int64_t* left_out);

 private:
  // Constant after construction.
  const Clock* const clock_;
  const int lines_per_second_;

  Mutex mu_;
  absl::Time second_start_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  int lines_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t left_out_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_LOG_TURNS_H_
