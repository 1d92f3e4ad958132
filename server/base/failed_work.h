#ifndef FAREBOX_SERVER_BASE_FAILED_WORK_H_
#define FAREBOX_SERVER_BASE_FAILED_WORK_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "storage/clock.h"
#include "storage/mutex.h"

namespace farebox::server {

// What could not be done, by name, and is tried again after a rest: a disk was full, say. A clock
// that is set back ends the rest. Thread-safe.
class FailedWork {
 public:
  // The clock outlives it.
  FailedWork(const Clock* clock, absl::Duration rest) : clock_(clock), rest_(rest) {}

  // It failed just now, and rests.
  void Add(absl::string_view name);

  // Whether it failed and was not taken since.
  bool Rests(absl::string_view name) const;

  // Those that have rested, in no order, for the caller to try again: they rest no more.
  std::vector<std::string> TakeRested();

 private:
  // Constant after construction.
  const Clock* const clock_;
  const absl::Duration rest_;

  mutable Mutex mu_;
  // When each failed.
  absl::flat_hash_map<std::string, absl::Time> failed_ ABSL_GUARDED_BY(mu_);
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_FAILED_WORK_H_
