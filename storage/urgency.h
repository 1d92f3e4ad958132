#ifndef FAREBOX_STORAGE_URGENCY_H_
#define FAREBOX_STORAGE_URGENCY_H_

#include <cstddef>

#include "absl/strings/string_view.h"
#include "storage/command.h"

namespace farebox {

// What is turned away first when there is more to do than can be done: new work is, and last of all
// what ends a call, since it frees money and cannot be put off. In this order.
enum class Urgency {
  // A new hold, a debit that is not a call's.
  kBegins,
  // More for a running call, a credit, a change of an account.
  kGoesOn,
  // A look, which waits for no disk.
  kReads,
  // The settlement or the release of a hold, and money that is gone already.
  kEnds,
};
inline constexpr size_t kUrgencies = 4;

// "begins", "goes_on", "reads", "ends".
absl::string_view UrgencyName(Urgency urgency);

Urgency UrgencyOf(const Command& command);

}  // namespace farebox

#endif  // FAREBOX_STORAGE_URGENCY_H_
