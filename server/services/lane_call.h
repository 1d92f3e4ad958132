#ifndef FAREBOX_SERVER_SERVICES_LANE_CALL_H_
#define FAREBOX_SERVER_SERVICES_LANE_CALL_H_

#include <utility>

#include "absl/status/status.h"
#include "server/base/lanes.h"
#include "server/services/pending_call.h"

// Calls that wait for a disk or for somebody else are answered on threads of lanes, since gRPC's
// must not wait. These make the work that is posted there for one call, a UnaryCall: whoever posts
// it decides on the lane and its turn, and has no more to do with the call, which is answered even
// where the work is dropped.
namespace farebox::server {

// Finishes the call with the status that `answer(call)` gives.
template <typename Call, typename Answer>
Lanes::Work AnswerInTurn(Call* call, Answer answer) {
  return [answer = std::move(answer), pending = PendingCall<Call>(call)]() mutable {
    Call* const answered = pending.Take();
    answered->Finish(answer(answered));
  };
}

// The same for what is of no use to a caller who waits no more.
template <typename Call, typename Answer>
Lanes::Work AnswerInTurnIfAwaited(Call* call, Answer answer) {
  return AnswerInTurn(call, [answer = std::move(answer)](Call* answered) -> absl::Status {
    const absl::Status awaited = answered->CheckIsAwaited();
    return awaited.ok() ? answer(answered) : awaited;
  });
}

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_LANE_CALL_H_
