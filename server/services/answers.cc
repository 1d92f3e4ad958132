#include "server/services/answers.h"

#include <optional>

#include "farebox/stored/v1/stored.pb.h"
#include "google/protobuf/arena.h"
#include "server/base/errors.h"
#include "server/base/proto_time.h"
#include "server/services/entries.h"
#include "server/services/hold_pricing.h"
#include "server/services/pricing.h"
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

// The field that an amount comes from; empty where it comes from none.
absl::string_view AmountFieldOf(const v1::AuthorizeRequest& request) {
  return request.usage().has_call() ? "requested_seconds" : "usage";
}
absl::string_view AmountFieldOf(const v1::ReauthorizeRequest&) { return "requested_seconds"; }
absl::string_view AmountFieldOf(const v1::DebitRequest& request) {
  switch (request.charge_case()) {
    case v1::DebitRequest::kUsage:
      return request.usage().has_call() ? "used_seconds" : "usage";
    case v1::DebitRequest::kSettlement:
      return "settlement.used_seconds";
    case v1::DebitRequest::kAmountMicros:
    case v1::DebitRequest::CHARGE_NOT_SET:
      break;
  }
  return "amount_micros";
}
absl::string_view AmountFieldOf(const v1::CreditRequest&) { return "amount_micros"; }
absl::string_view AmountFieldOf(const v1::ReleaseRequest&) { return {}; }

// What would have been charged, by the tariff of the time.
std::optional<Micros> NeededBy(const v1::DebitRequest& request, const Entry& decline) {
  if (!request.has_usage()) return Micros(request.amount_micros());
  stored::v1::EntryDetail detail;
  if (!detail.ParseFromString(decline.detail) || !detail.has_price()) return std::nullopt;
  const rating::Tariff tariff = TariffOf(detail.price());
  if (!request.usage().has_call()) return rating::PriceOfUnits(tariff, detail.units());
  return rating::PriceOfCallRoundedUp(tariff, detail.used_seconds());
}

// Of the entry and the request alone, so that a repeat is told the same.
error::RefusedUse ExplainRefusal(const v1::DebitRequest& request, const Outcome& outcome) {
  const Reason reason = outcome.entry.reason;
  if (reason == Reason::kInsufficientBalance) {
    return {.available = outcome.available(),
            .needed = NeededBy(request, outcome.entry),
            .item = {},
            .destination = {}};
  }
  const bool is_about_usage = reason == Reason::kNoRate || reason == Reason::kDestinationBlocked;
  return is_about_usage ? RefusedUseOf(request.usage()) : error::RefusedUse();
}
// They are refused for the account's state only.
error::RefusedUse ExplainRefusal(const v1::CreditRequest&, const Outcome&) { return {}; }
error::RefusedUse ExplainRefusal(const v1::ReleaseRequest&, const Outcome&) { return {}; }

// The ledger knows an amount, and not the field that it comes from.
template <typename Request>
absl::Status StatusWithField(const Outcome& outcome, const Request& request) {
  if (GetReason(outcome.status) != Reason::kAmountOverflow) return outcome.status;
  return error::AmountOverflow(request.account_id(), AmountFieldOf(request));
}

// An outcome that is an error to a caller who expects money to move.
template <typename Request>
absl::Status ErrorOf(const Outcome& outcome, const Request& request) {
  FAREBOX_RETURN_IF_ERROR(StatusWithField(outcome, request));
  if (!outcome.declined()) return absl::OkStatus();
  return error::Declined(request.account_id(), outcome.entry.reason,
                         ExplainRefusal(request, outcome));
}

template <typename Request, typename Answer>
void FillOrFail(const Request& request, const Outcome& outcome,
                Answer* (v1::OperationResult::*add)(), v1::OperationResult* result) {
  const absl::Status status = FillAnswer(request, outcome, (result->*add)());
  if (!status.ok()) FillRpcStatus(status, result->mutable_error());
}

}  // namespace

absl::Status FillAnswer(const v1::AuthorizeRequest& request, const Outcome& outcome,
                        v1::AuthorizeResponse* answer) {
  FAREBOX_RETURN_IF_ERROR(StatusWithField(outcome, request));
  if (FillDecision(outcome, answer) != nullptr) {
    answer->set_held_micros(outcome.entry.held_change.value());
  }
  return absl::OkStatus();
}

absl::Status FillAnswer(const v1::ReauthorizeRequest& request, const Outcome& outcome,
                        v1::ReauthorizeResponse* answer) {
  FAREBOX_RETURN_IF_ERROR(StatusWithField(outcome, request));
  const stored::v1::EntryDetail* const detail = FillDecision(outcome, answer);
  if (detail != nullptr) answer->set_held_micros(detail->held_micros());
  return absl::OkStatus();
}

absl::Status FillAnswer(const v1::DebitRequest& request, const Outcome& outcome,
                        v1::DebitResponse* answer) {
  FAREBOX_RETURN_IF_ERROR(ErrorOf(outcome, request));
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
  FAREBOX_RETURN_IF_ERROR(ErrorOf(outcome, request));
  FillEntry(outcome.entry, request.account_id(), answer->mutable_entry());
  answer->set_replayed(outcome.replayed);
  answer->set_available_micros(outcome.available().value());
  return absl::OkStatus();
}

absl::Status FillAnswer(const v1::CreditRequest& request, const Outcome& outcome,
                        v1::CreditResponse* answer) {
  FAREBOX_RETURN_IF_ERROR(ErrorOf(outcome, request));
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
