#ifndef FAREBOX_TESTS_SIMULATION_COMPARISON_H_
#define FAREBOX_TESTS_SIMULATION_COMPARISON_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "storage/books.h"
#include "storage/command.h"
#include "storage/entry.h"
#include "storage/verify.h"
#include "tests/simulation/model.h"

// What the engine says and has written, beside what the model says. Each returns what is wrong, and
// nothing where nothing is.
namespace farebox::simulation {

std::string TextOf(const Outcome& outcome);

// One answer.
std::string CompareOutcome(const Outcome& outcome, const Model::Answer& expected);

// What a commit has written: the model's batch, entry by entry.
std::string CompareBatch(absl::Span<const Entry> written, const Model& model);

// What no model is needed for: nothing is taken that was not there, and what makes an account
// overdrawn says so.
std::string CheckTaken(absl::Span<const Entry> written);

// An account with its open holds, as readers see them.
std::string CompareAccount(const Books& books, const std::string& id, const Model& model);

// All of them, and no more than there are.
std::string CompareBooks(const Books& books, const Model& model);

// A verification's sums.
std::string CompareReport(const VerifyReport& report, const Model& model);

}  // namespace farebox::simulation

#endif  // FAREBOX_TESTS_SIMULATION_COMPARISON_H_
