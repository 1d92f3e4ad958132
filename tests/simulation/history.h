#ifndef FAREBOX_TESTS_SIMULATION_HISTORY_H_
#define FAREBOX_TESTS_SIMULATION_HISTORY_H_

#include <cstdint>
#include <deque>
#include <string>

#include "absl/strings/string_view.h"

namespace farebox::simulation {

// What happened in one life: a hash of all of it, and the newest of it as text.
//
// While there is one, a process that ends itself (FAREBOX_CHECK) prints it before. One at a time.
class History {
 public:
  explicit History(uint64_t seed);
  ~History();
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  // Something but an operation: a restart, the clock.
  void AddEvent(absl::string_view text);
  // Returns the operation's number, from 1.
  int64_t AddOperation(absl::string_view text);
  // What came of it.
  void AddOutcome(int64_t operation, absl::string_view text);

  // Adds to the hash what is not in any text.
  void Mix(absl::string_view bytes);
  uint64_t hash() const { return hash_; }

  int64_t operations() const { return operations_; }
  // Which seed and operation, the last operations, and how to see them again.
  std::string Text() const;

 private:
  struct Line {
    int64_t operation = 0;  // 0 for an event.
    std::string text;
  };

  const uint64_t seed_;
  std::deque<Line> lines_;
  int64_t operations_ = 0;
  int64_t kept_operations_ = 0;
  uint64_t hash_ = 0;
};

}  // namespace farebox::simulation

#endif  // FAREBOX_TESTS_SIMULATION_HISTORY_H_
