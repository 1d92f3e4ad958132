#include "server/services/operations_in_flight.h"

#include "server/base/errors.h"
#include "server/services/answers.h"
#include "storage/check.h"

namespace farebox::server {

void OperationsInFlight::Reserve(size_t count) {
  refusals_.reserve(count);
  commands_.reserve(count);
}

void OperationsInFlight::Add(absl::StatusOr<Command> command) {
  refusals_.push_back(command.status());
  if (command.ok()) commands_.push_back(*std::move(command));
}

void OperationsInFlight::FillNext(const v1::Operation& operation,
                                  const std::vector<Outcome>& outcomes,
                                  v1::OperationResult* result) {
  FAREBOX_CHECK(next_operation_ < refusals_.size());
  const absl::Status& refusal = refusals_[next_operation_++];
  if (!refusal.ok()) return FillRpcStatus(refusal, result->mutable_error());
  FAREBOX_CHECK(next_outcome_ < outcomes.size());
  FillResult(operation, outcomes[next_outcome_++], result);
}

}  // namespace farebox::server
