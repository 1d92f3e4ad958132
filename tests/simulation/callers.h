#ifndef FAREBOX_TESTS_SIMULATION_CALLERS_H_
#define FAREBOX_TESTS_SIMULATION_CALLERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/simulation/model.h"
#include "tests/simulation/operation.h"
#include "tests/simulation/random.h"

namespace farebox::simulation {

// What the callers of one run are like.
struct CallerHabits {
  int64_t accounts = 1;
  int64_t one_in_repeated = 8;
  // Request ids that carry their time.
  bool timed_ids = false;
  // Credits as large as they may be, and many: up to the most that a balance may be.
  bool rich = false;
};

// Everybody who sends commands: makes operations that are often right and often not, often at the
// very edge of what is allowed, and often sent before.
class Callers {
 public:
  Callers(CallerHabits habits, Random* random);

  // The next operation, as somebody sends it who has seen all answers so far.
  Operation Next(const Model& model, absl::Time clock);

  // Tells what came of it, so that later ones can be about it.
  void Remember(const Operation& operation, const Model::Answer& answer);

 private:
  struct Subject {
    EntryId id = 0;
    std::string account;
  };

  Operation Repeat();
  Operation::Kind DrawKind();
  const std::string& DrawAccount(const Model& model);
  std::string DrawRequestId(absl::Time clock, Operation* operation);
  void PointToSubject(Operation* operation);
  int64_t DrawMicros(const Operation& operation, const Model& model);
  // The amount that just fits, or would end the hold without a rest.
  int64_t EdgeOf(const Operation& operation, const Model& model) const;
  AccountTerms DrawTerms(bool opens);
  void Spoil(Operation* operation);

  const CallerHabits habits_;
  Random& random_;
  std::vector<std::string> accounts_;
  std::vector<Operation> made_;
  std::vector<Subject> holds_;
  std::vector<Subject> debits_;
};

}  // namespace farebox::simulation

#endif  // FAREBOX_TESTS_SIMULATION_CALLERS_H_
