#ifndef FAREBOX_SERVER_SERVICES_OPERATIONS_IN_FLIGHT_H_
#define FAREBOX_SERVER_SERVICES_OPERATIONS_IN_FLIGHT_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "farebox/v1/billing.pb.h"
#include "storage/command.h"

namespace farebox::server {

// The operations of one message, a batch or a part of a stream, on their way through the ledger:
// each is a command, or was refused before it became one, and each gets its result.
// Thread-compatible.
class OperationsInFlight {
 public:
  // For as many as will be added.
  void Reserve(size_t count);

  // The next operation: the command that it is, or why it is none.
  void Add(absl::StatusOr<Command> command);

  // All that are commands, for the ledger. Once, after the last is added.
  std::vector<Command> TakeCommands() { return std::move(commands_); }

  // Fills the result of the next operation, in the order in which they were added. `outcomes` are
  // those of the commands.
  void FillNext(const v1::Operation& operation, const std::vector<Outcome>& outcomes,
                v1::OperationResult* result);

 private:
  // One for each operation, in order; OK where it is a command.
  absl::InlinedVector<absl::Status, 1> refusals_;
  std::vector<Command> commands_;
  // What FillNext looks at next.
  size_t next_operation_ = 0;
  size_t next_outcome_ = 0;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_OPERATIONS_IN_FLIGHT_H_
