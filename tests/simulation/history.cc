#include "tests/simulation/history.h"

#include <csignal>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "storage/check.h"
#include "storage/request_ids.h"

namespace farebox::simulation {
namespace {

constexpr int64_t kKeptOperations = 20;

const History* current = nullptr;

// Runs where a check failed, between two statements of the program and not amid an allocation: so
// it may do what other signal handlers may not.
void PrintAndEnd(int signal) {
  if (current != nullptr) std::fputs(current->Text().c_str(), stderr);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

History::History(uint64_t seed) : seed_(seed) {
  FAREBOX_CHECK(current == nullptr);
  current = this;
  std::signal(SIGABRT, PrintAndEnd);
}

History::~History() {
  std::signal(SIGABRT, SIG_DFL);
  current = nullptr;
}

void History::AddEvent(absl::string_view text) {
  lines_.push_back({.text = std::string(text)});
  Mix(text);
}

int64_t History::AddOperation(absl::string_view text) {
  lines_.push_back({.operation = ++operations_, .text = std::string(text)});
  Mix(text);
  ++kept_operations_;
  while (kept_operations_ > kKeptOperations) {
    if (lines_.front().operation != 0) --kept_operations_;
    lines_.pop_front();
  }
  return operations_;
}

void History::AddOutcome(int64_t operation, absl::string_view text) {
  Mix(text);
  for (auto line = lines_.rbegin(); line != lines_.rend(); ++line) {
    if (line->operation != operation) continue;
    absl::StrAppend(&line->text, "\n      -> ", text);
    return;
  }
}

void History::Mix(absl::string_view bytes) {
  hash_ = ContentFingerprint(absl::StrCat(absl::Hex(hash_), bytes));
}

std::string History::Text() const {
  std::string text = absl::StrCat("seed ", seed_, ", operation ", operations_,
                                  "\nagain: farebox-simulation --seed ", seed_, " --operations ",
                                  operations_, "\nthe last operations:\n");
  for (const Line& line : lines_) {
    if (line.operation != 0) absl::StrAppend(&text, "  ", line.operation, ": ");
    if (line.operation == 0) absl::StrAppend(&text, "  -- ");
    absl::StrAppend(&text, line.text, "\n");
  }
  return text;
}

}  // namespace farebox::simulation
