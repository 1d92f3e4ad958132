#include "server/services/answers.h"

#include "farebox/stored/v1/stored.pb.h"
#include "google/protobuf/arena.h"
#include "server/errors.h"
#include "server/proto_time.h"
#include "server/services/entries.h"
#include "server/services/hold_pricing.h"
#include "storage/check.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

// What Authorize and Reauthorize answer alike. Returns the detail of a granted hold, else null.
template <typename Answer>
const stored::v1::EntryDetail* FillDecision(const Outcome& outcome, Answer* answer) {
  const Entry& entry = outcome.entry;
  answer->set_replayed(outcome.replayed);
  answer->set_hold_id(entry.subject);
  answer->set_available_micros(outcome.available().value());
  if (outcome.declined()) {
    answer->set_decision(v1::DECISION_DENIED);
    answer->set_reason(ToProto(entry.reason));
    return nullptr;
  }
  google::protobuf::Arena* const arena = answer->GetArena();
  FAREBOX_CHECK(arena != nullptr);
  auto* const detail = google::protobuf::Arena::CreateMessage<stored::v1::EntryDetail>(arena);
  FAREBOX_CHECK(detail->ParseFromString(entry.detail));
  const int64_t granted_seconds = detail->granted_seconds();
  answer->set_decision(v1::DECISION_GRANTED);
  answer->set_granted_seconds(granted_seconds);
  answer->set_reauthorize_after_seconds(ReauthorizeAfterSeconds(granted_seconds, entry.final()));
  answer->set_final(entry.final());
  FillTime(entry.expire_time, answer->mutable_expire_time());
  answer->set_failure_handling(detail->failure_handling());
  if (detail->has_price()) {
    answer->unsafe_arena_set_allocated_price(detail->unsafe_arena_release_price());
  }
  return detail;
}

// An outcome that is an error to a caller who expects money to move.
absl::Status ErrorOf(const Outcome& outcome, absl::string_view account_id) {
  if (!outcome.status.ok()) return outcome.status;
  if (outcome.declined()) return error::Declined(account_id, outcome.entry.reason);
  return absl::OkStatus();
}

template <typename Request, typename Answer>
void FillOrFail(const Request& request, const Outcome& outcome,
                Answer* (v1::OperationResult::*add)(), v1::OperationResult* result) {
  const absl::Status status = FillAnswer(request, outcome, (result->*add)());
  if (!status.ok()) FillRpcStatus(status, result->mutable_error());
}

}  // namespace

absl::Status FillAnswer(const v1::AuthorizeRequest&, const Outcome& outcome,
                        v1::AuthorizeResponse* answer) {
  FAREBOX_RETURN_IF_ERROR(outcome.status);
  if (FillDecision(outcome, answer) != nullptr) {
    answer->set_held_micros(outcome.entry.held_change.value());
  }
  return absl::OkStatus();
}

absl::Status FillAnswer(const v1::ReauthorizeRequest&, const Outcome& outcome,
                        v1::ReauthorizeResponse* answer) {
  FAREBOX_RETURN_IF_ERROR(outcome.status);
  const stored::v1::EntryDetail* const detail = FillDecision(outcome, answer);
  if (detail != nullptr) answer->set_held_micros(detail->held_micros());
  return absl::OkStatus();
}

absl::Status FillAnswer(const v1::DebitRequest& request, const Outcome& outcome,
                        v1::DebitResponse* answer) {
  FAREBOX_RETURN_IF_ERROR(ErrorOf(outcome, request.account_id()));
  v1::Entry* const entry = answer->mutable_entry();
  FillEntry(outcome.entry, request.account_id(), entry);
  answer->set_billed_seconds(entry->billed_seconds());
  answer->set_segments(entry->segments());
  if (entry->has_price()) *answer->mutable_price() = entry->price();
  answer->set_overrun(entry->overrun());
  answer->set_late(entry->late());
  answer->set_replayed(outcome.replayed);
  answer->set_available_micros(outcome.available().value());
  return absl::OkStatus();
}

absl::Status FillAnswer(const v1::ReleaseRequest& request, const Outcome& outcome,
                        v1::ReleaseResponse* answer) {
  FAREBOX_RETURN_IF_ERROR(ErrorOf(outcome, request.account_id()));
  FillEntry(outcome.entry, request.account_id(), answer->mutable_entry());
  answer->set_replayed(outcome.replayed);
  answer->set_available_micros(outcome.available().value());
  return absl::OkStatus();
}

absl::Status FillAnswer(const v1::CreditRequest& request, const Outcome& outcome,
                        v1::CreditResponse* answer) {
  FAREBOX_RETURN_IF_ERROR(ErrorOf(outcome, request.account_id()));
  FillEntry(outcome.entry, request.account_id(), answer->mutable_entry());
  answer->set_replayed(outcome.replayed);
  answer->set_available_micros(outcome.available().value());
  return absl::OkStatus();
}

void FillResult(const v1::Operation& operation, const Outcome& outcome,
                v1::OperationResult* result) {
  using Result = v1::OperationResult;
  switch (operation.request_case()) {
    case v1::Operation::kAuthorize:
      return FillOrFail(operation.authorize(), outcome, &Result::mutable_authorize, result);
    case v1::Operation::kReauthorize:
      return FillOrFail(operation.reauthorize(), outcome, &Result::mutable_reauthorize, result);
    case v1::Operation::kDebit:
      return FillOrFail(operation.debit(), outcome, &Result::mutable_debit, result);
    case v1::Operation::kRelease:
      return FillOrFail(operation.release(), outcome, &Result::mutable_release, result);
    case v1::Operation::kCredit:
      return FillOrFail(operation.credit(), outcome, &Result::mutable_credit, result);
    case v1::Operation::REQUEST_NOT_SET:
      return FillRpcStatus(outcome.status, result->mutable_error());
  }
}

}  // namespace farebox::server
