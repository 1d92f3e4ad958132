#include "tools/drivers/observation.h"

#include <chrono>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/rpc/error_details.pb.h"

namespace farebox::drivers {
namespace {

using history::Outcome;

// What an answer tells about the account.
void ReadAnswer(const v1::Entry& entry, int64_t available_micros, history::Operation* seen) {
  seen->outcome = Outcome::kApplied;
  seen->entry_id = entry.entry_id();
  seen->amount_micros = entry.amount_micros();
  seen->balance_after_micros = entry.balance_after_micros();
  seen->held_after_micros = entry.held_after_micros();
  seen->available_after_micros = available_micros;
}

template <typename Response>
void ReadDecision(const Response& response, history::Operation* seen) {
  const bool granted = response.decision() == v1::DECISION_GRANTED;
  seen->outcome = granted ? Outcome::kApplied : Outcome::kRefused;
  if (granted) seen->available_after_micros = response.available_micros();
}

// The answer without its `replayed` mark.
v1::OperationResult WithoutReplayed(v1::OperationResult result) {
  switch (result.result_case()) {
    case v1::OperationResult::kAuthorize:
      result.mutable_authorize()->clear_replayed();
      break;
    case v1::OperationResult::kReauthorize:
      result.mutable_reauthorize()->clear_replayed();
      break;
    case v1::OperationResult::kDebit:
      result.mutable_debit()->clear_replayed();
      break;
    case v1::OperationResult::kRelease:
      result.mutable_release()->clear_replayed();
      break;
    case v1::OperationResult::kCredit:
      result.mutable_credit()->clear_replayed();
      break;
    default:
      result.mutable_error()->clear_details();  // The reason; its map has no order of its own.
      break;
  }
  return result;
}

std::string NameOf(v1::Reason reason) {
  return std::string(absl::StripPrefix(v1::Reason_Name(reason), "REASON_"));
}

}  // namespace

int64_t MonotonicNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

const std::string& AccountOf(const v1::Operation& operation) {
  if (operation.has_authorize()) return operation.authorize().account_id();
  if (operation.has_reauthorize()) return operation.reauthorize().account_id();
  if (operation.has_debit()) return operation.debit().account_id();
  if (operation.has_release()) return operation.release().account_id();
  return operation.credit().account_id();
}

const std::string& RequestIdOf(const v1::Operation& operation) {
  if (operation.has_authorize()) return operation.authorize().request_id();
  if (operation.has_reauthorize()) return operation.reauthorize().request_id();
  if (operation.has_debit()) return operation.debit().request_id();
  if (operation.has_release()) return operation.release().request_id();
  return operation.credit().request_id();
}

bool IsTransient(const v1::OperationResult& result) {
  if (!result.has_error()) return false;
  switch (static_cast<absl::StatusCode>(result.error().code())) {
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnavailable:
      return true;
    default:
      return false;
  }
}

bool IsReplayed(const v1::OperationResult& result) {
  return result.authorize().replayed() || result.reauthorize().replayed() ||
         result.debit().replayed() || result.release().replayed() || result.credit().replayed();
}

std::string ReasonOf(const v1::OperationResult& result) {
  if (result.has_authorize() && result.authorize().decision() != v1::DECISION_GRANTED) {
    return NameOf(result.authorize().reason());
  }
  if (result.has_reauthorize() && result.reauthorize().decision() != v1::DECISION_GRANTED) {
    return NameOf(result.reauthorize().reason());
  }
  if (!result.has_error()) return "";
  for (const google::protobuf::Any& detail : result.error().details()) {
    google::rpc::ErrorInfo info;
    if (detail.UnpackTo(&info)) return info.reason();
  }
  return absl::StatusCodeToString(static_cast<absl::StatusCode>(result.error().code()));
}

history::Operation Observe(const v1::Operation& operation, const v1::OperationResult& result,
                           const Moments& moments) {
  history::Operation seen{.account_id = AccountOf(operation),
                          .request_id = RequestIdOf(operation),
                          .sent_at_nanos = moments.sent_nanos,
                          .answered_at_nanos = moments.answered_nanos,
                          .replayed = IsReplayed(result)};
  if (IsTransient(result)) return seen;
  seen.answer_fingerprint =
      std::hash<std::string>()(WithoutReplayed(result).SerializeAsString() + ReasonOf(result));
  switch (result.result_case()) {
    case v1::OperationResult::kAuthorize:
      ReadDecision(result.authorize(), &seen);
      seen.entry_id = result.authorize().hold_id();
      break;
    case v1::OperationResult::kReauthorize:
      ReadDecision(result.reauthorize(), &seen);
      break;
    case v1::OperationResult::kDebit:
      ReadAnswer(result.debit().entry(), result.debit().available_micros(), &seen);
      break;
    case v1::OperationResult::kRelease:
      ReadAnswer(result.release().entry(), result.release().available_micros(), &seen);
      break;
    case v1::OperationResult::kCredit:
      ReadAnswer(result.credit().entry(), result.credit().available_micros(), &seen);
      break;
    default:
      seen.outcome = Outcome::kRefused;
      break;
  }
  return seen;
}

history::Entry Observe(const v1::Entry& entry) {
  return {.entry_id = entry.entry_id(),
          .account_id = entry.account_id(),
          .request_id = entry.request_id(),
          .amount_micros = entry.amount_micros(),
          .balance_after_micros = entry.balance_after_micros(),
          .held_change_micros = entry.held_change_micros(),
          .held_after_micros = entry.held_after_micros(),
          .decline = entry.kind() == v1::ENTRY_KIND_DECLINE,
          .overrun = entry.overrun(),
          .late = entry.late(),
          .recharge = entry.item() == v1::ITEM_FUNDS_AUTO_RECHARGE};
}

}  // namespace farebox::drivers
