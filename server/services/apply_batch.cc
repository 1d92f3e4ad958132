#include "server/services/apply_batch.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/services/operations_in_flight.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

using BatchCall = UnaryCall<v1::ApplyBatchRequest, v1::ApplyBatchResponse>;

// The error of a batch that was turned away as a whole; OK for any other.
absl::Status RefusalOfAll(const std::vector<Outcome>& outcomes) {
  const auto is_turned_away = [](const Outcome& outcome) {
    if (outcome.status.ok()) return false;
    const Reason reason = GetReason(outcome.status);
    return reason == Reason::kOverloaded || reason == Reason::kShuttingDown;
  };
  if (!outcomes.empty() && std::all_of(outcomes.begin(), outcomes.end(), is_turned_away)) {
    return outcomes[0].status;
  }
  return absl::OkStatus();
}

void FinishBatch(BatchCall* call, OperationsInFlight* operations,
                 const std::vector<Outcome>& outcomes) {
  const absl::Status turned_away = RefusalOfAll(outcomes);
  if (!turned_away.ok()) return call->Finish(turned_away);

  const v1::ApplyBatchRequest& request = call->request();
  auto* const results = call->response()->mutable_results();
  results->Reserve(request.operations_size());
  for (const v1::Operation& operation : request.operations()) {
    operations->FillNext(operation, outcomes, results->Add());
  }
  call->Finish(absl::OkStatus());
}

absl::StatusOr<Command> MakeCommand(const CommandFactory& commands, BatchCall* call,
                                    const v1::Operation& operation) {
  FAREBOX_RETURN_IF_ERROR(call->method().CheckBatched(call->context(), operation));
  return commands.Make(operation, call->deadline());
}

}  // namespace

void SubmitBatch(const CommandFactory& commands, Ledger* ledger, BatchCall* call) {
  const v1::ApplyBatchRequest& request = call->request();
  const int count = request.operations_size();
  if (count < 1 || count > static_cast<int>(limits::kSubmittedCommandsMax)) {
    return call->Finish(error::FieldInvalid(
        "operations", absl::StrCat("must be 1 to ", limits::kSubmittedCommandsMax, " operations")));
  }

  OperationsInFlight operations;
  operations.Reserve(static_cast<size_t>(count));
  for (const v1::Operation& operation : request.operations()) {
    operations.Add(MakeCommand(commands, call, operation));
  }
  std::vector<Command> submitted = operations.TakeCommands();
  if (submitted.empty()) return FinishBatch(call, &operations, {});
  ledger->Submit(std::move(submitted), [call, operations = std::move(operations)](
                                           const std::vector<Outcome>& outcomes) mutable {
    FinishBatch(call, &operations, outcomes);
  });
}

}  // namespace farebox::server
