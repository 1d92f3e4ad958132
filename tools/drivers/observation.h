#ifndef FAREBOX_TOOLS_DRIVERS_OBSERVATION_H_
#define FAREBOX_TOOLS_DRIVERS_OBSERVATION_H_

#include <cstdint>
#include <string>

#include "farebox/v1/billing.pb.h"
#include "farebox/v1/entry.pb.h"
#include "tests/support/history_check.h"

// From what the API says to what the history check takes.
namespace farebox::drivers {

// When something was sent and answered, by MonotonicNanos().
struct Moments {
  int64_t sent_nanos = 0;
  int64_t answered_nanos = 0;
};

// Nanoseconds since some moment that is the same for all processes of this machine.
int64_t MonotonicNanos();

const std::string& AccountOf(const v1::Operation& operation);
const std::string& RequestIdOf(const v1::Operation& operation);

// Whether this error says nothing about what was done, so that the request is still open.
bool IsTransient(const v1::OperationResult& result);

// Whether this is the answer to a repeated request.
bool IsReplayed(const v1::OperationResult& result);

// The reason of an error or of a denial, as INSUFFICIENT_BALANCE; empty where it is neither.
std::string ReasonOf(const v1::OperationResult& result);

history::Operation Observe(const v1::Operation& operation, const v1::OperationResult& result,
                           const Moments& moments);

history::Entry Observe(const v1::Entry& entry);

}  // namespace farebox::drivers

#endif  // FAREBOX_TOOLS_DRIVERS_OBSERVATION_H_
