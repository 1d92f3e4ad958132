#include "server/services/apply_batch.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/errors.h"
#include "server/services/answers.h"
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

// `refused` are the operations that were no commands, by their place, in order.
struct Refused {
  int index;
  absl::Status status;
};

void FinishBatch(BatchCall* call, const std::vector<Refused>& refused,
                 const std::vector<Outcome>& outcomes) {
  const absl::Status turned_away = RefusalOfAll(outcomes);
  if (!turned_away.ok()) return call->Finish(turned_away);

  const v1::ApplyBatchRequest& request = call->request();
  auto* const results = call->response()->mutable_results();
  results->Reserve(request.operations_size());
  auto next_refused = refused.begin();
  auto next_outcome = outcomes.begin();
  for (int i = 0; i < request.operations_size(); ++i) {
    v1::OperationResult* const result = results->Add();
    if (next_refused != refused.end() && next_refused->index == i) {
      FillRpcStatus((next_refused++)->status, result->mutable_error());
    } else {
      FillResult(request.operations(i), *next_outcome++, result);
    }
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

  std::vector<Command> submitted;
  submitted.reserve(static_cast<size_t>(count));
  std::vector<Refused> refused;
  for (int i = 0; i < count; ++i) {
    absl::StatusOr<Command> command = MakeCommand(commands, call, request.operations(i));
    if (command.ok()) {
      submitted.push_back(*std::move(command));
    } else {
      refused.push_back({.index = i, .status = command.status()});
    }
  }
  if (submitted.empty()) return FinishBatch(call, refused, {});
  ledger->Submit(std::move(submitted),
                 [call, refused = std::move(refused)](const std::vector<Outcome>& outcomes) {
                   FinishBatch(call, refused, outcomes);
                 });
}

}  // namespace farebox::server
