#ifndef FAREBOX_STORAGE_STATUS_MACROS_H_
#define FAREBOX_STORAGE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the enclosing function where `expression` is not OK.
#define FAREBOX_RETURN_IF_ERROR(expression)                                                      \
  do {                                                                                           \
    if (absl::Status farebox_status = (expression); !farebox_status.ok()) return farebox_status; \
  } while (false)

// Assigns the value of a StatusOr, or returns its error: FAREBOX_ASSIGN_OR_RETURN(auto deck,
// Find(name));
#define FAREBOX_ASSIGN_OR_RETURN(target, expression) \
  FAREBOX_ASSIGN_OR_RETURN_IMPL(FAREBOX_CONCAT(farebox_statusor_, __LINE__), target, expression)
#define FAREBOX_ASSIGN_OR_RETURN_IMPL(statusor, target, expression) \
  auto statusor = (expression);                                     \
  if (!statusor.ok()) return std::move(statusor).status();          \
  target = *std::move(statusor)
#define FAREBOX_CONCAT(a, b) FAREBOX_CONCAT_IMPL(a, b)
#define FAREBOX_CONCAT_IMPL(a, b) a##b

#endif  // FAREBOX_STORAGE_STATUS_MACROS_H_
