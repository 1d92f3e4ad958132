#include "server/base/errors.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "farebox/v1/usage.pb.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "storage/errors.h"
#include "tests/server/answer.h"

namespace farebox::server {
namespace {

using grpc::StatusCode;

bool IsInTheApi(absl::string_view reason) {
  v1::Reason parsed = v1::REASON_UNSPECIFIED;
  return v1::Reason_Parse(absl::StrCat("REASON_", reason), &parsed);
}

TEST(ToGrpcStatus, GivesEveryErrorItsCodeReasonAndWhetherARetryHelps) {
  const struct {
    absl::Status status;
    StatusCode code;
    const char* reason;
    bool retry;
  } kRows[] = {
      {error::FieldInvalid("f", "p"), StatusCode::INVALID_ARGUMENT, "FIELD_INVALID", false},
      {error::AmountInvalid("f", "p"), StatusCode::INVALID_ARGUMENT, "AMOUNT_INVALID", false},
      {error::AmountOverflow("a"), StatusCode::INVALID_ARGUMENT, "AMOUNT_OVERFLOW", false},
      {error::RequestIdReused("a", "r"), StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED", false},
      {error::AccountNotFound("a"), StatusCode::NOT_FOUND, "ACCOUNT_NOT_FOUND", false},
      {error::AccountExists("a"), StatusCode::ALREADY_EXISTS, "ACCOUNT_EXISTS", false},
      {error::AccountNotEmpty("a", Micros(1), 1), StatusCode::FAILED_PRECONDITION,
       "ACCOUNT_NOT_EMPTY", false},
      {error::HoldNotFound("a", 1), StatusCode::NOT_FOUND, "HOLD_NOT_FOUND", false},
      {error::HoldEnded("a", 1, "h"), StatusCode::FAILED_PRECONDITION, "HOLD_ENDED", false},
      {error::EntryNotFound("a", 1), StatusCode::NOT_FOUND, "ENTRY_NOT_FOUND", false},
      {error::DeckNotFound("d"), StatusCode::NOT_FOUND, "DECK_NOT_FOUND", false},
      {error::RefundExceedsDebit("a", 1, Micros(1)), StatusCode::FAILED_PRECONDITION,
       "REFUND_EXCEEDS_DEBIT", false},
      {error::Declined("a", Reason::kNoRate), StatusCode::FAILED_PRECONDITION, "NO_RATE", false},
      {error::NoCard("a"), StatusCode::FAILED_PRECONDITION, "NO_CARD", false},
      {error::CardDeclined("a", "c", "p"), StatusCode::FAILED_PRECONDITION, "CARD_DECLINED", false},
      {error::RechargeInProgress("a"), StatusCode::FAILED_PRECONDITION, "RECHARGE_IN_PROGRESS",
       false},
      {error::RechargeLimit("a", "p"), StatusCode::FAILED_PRECONDITION, "RECHARGE_LIMIT", false},
      {error::ProviderUnavailable("p"), StatusCode::UNAVAILABLE, "PROVIDER_UNAVAILABLE", true},
      {error::PaymentPending("r", ""), StatusCode::UNAVAILABLE, "PAYMENT_PENDING", true},
      {error::CardSetupNotFound("s"), StatusCode::NOT_FOUND, "CARD_SETUP_NOT_FOUND", false},
      {error::CardSetupNotDone("s", "p"), StatusCode::FAILED_PRECONDITION, "CARD_SETUP_NOT_DONE",
       false},
      {error::NumberTaken("+1"), StatusCode::FAILED_PRECONDITION, "NUMBER_TAKEN", false},
      {error::NumberNotFound("a", "+1"), StatusCode::NOT_FOUND, "NUMBER_NOT_FOUND", false},
      {error::Overloaded(), StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED", true},
      {error::RateExceeded("key_rate", absl::Seconds(1)), StatusCode::RESOURCE_EXHAUSTED,
       "OVERLOADED", true},
      {error::DeadlineExceeded(), StatusCode::DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", false},
      {error::ShuttingDown(), StatusCode::UNAVAILABLE, "SHUTTING_DOWN", true},
      {error::StorageFull("w"), StatusCode::UNAVAILABLE, "STORAGE_FULL", true},
      {error::StorageFailed("w"), StatusCode::UNAVAILABLE, "STORAGE_FAILED", true},
      {MessageTooLarge(2, 1), StatusCode::RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", false},
      {WatcherTooSlow(), StatusCode::RESOURCE_EXHAUSTED, "WATCHER_TOO_SLOW", false},
      {absl::InternalError("secret"), StatusCode::INTERNAL, "INTERNAL", false},
      {absl::NotFoundError("secret"), StatusCode::INTERNAL, "INTERNAL", false},
      {absl::CancelledError(), StatusCode::CANCELLED, "CANCELLED", false},
  };
  for (const auto& row : kRows) {
    const Answer<google::rpc::ErrorInfo> answer{.status = ToGrpcStatus(row.status)};
    EXPECT_THAT(answer, FailsWith(row.code, row.reason)) << row.status;
    EXPECT_EQ(DetailsOf(answer.status).has_retry_info, row.retry) << row.status;
    EXPECT_EQ(answer.status.error_message().find("secret"), std::string::npos);
    EXPECT_TRUE(IsInTheApi(row.reason)) << row.reason;
  }
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
}

TEST(Reason, IsTheSameInTheLedgerAndInTheApi) {
  for (int number = 1; ReasonName(static_cast<Reason>(number)) != "UNKNOWN"; ++number) {
    const auto reason = static_cast<Reason>(number);
    // Told at a start, to nobody who calls.
    if (reason >= Reason::kFilesInUse && reason <= Reason::kFilesTooNew) continue;
    EXPECT_EQ(v1::Reason_Name(number), absl::StrCat("REASON_", ReasonName(reason)));
  }
}

TEST(ToGrpcStatus, NamesTheFieldAndItsProblem) {
  const ErrorDetails details =
      DetailsOf(ToGrpcStatus(error::FieldInvalid("usage.call.to", "is required")));

  ASSERT_EQ(details.bad_request.field_violations_size(), 1);
  EXPECT_EQ(details.bad_request.field_violations(0).field(), "usage.call.to");
  EXPECT_EQ(details.bad_request.field_violations(0).description(), "is required");
}

TEST(ToGrpcStatus, NamesEveryProblemOfAField) {
  const grpc::Status status = ToGrpcStatus(FieldProblems("csv", {"line 1", "line 2", "line 3"}));

  EXPECT_EQ(status.error_message(), "csv: line 1 (and 2 more)");
  const ErrorDetails details = DetailsOf(status);
  ASSERT_EQ(details.bad_request.field_violations_size(), 3);
  EXPECT_EQ(details.bad_request.field_violations(2).description(), "line 3");
}

}  // namespace
}  // namespace farebox::server
