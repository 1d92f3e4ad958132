#include "storage/errors.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/storage/ledger_fixture.h"

namespace farebox {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

constexpr size_t kReasonCount = 46;

// Every error there is: its code, and whether trying again helps.
struct ErrorRow {
  absl::Status status;
  absl::StatusCode code;
  Reason reason;
  bool retry;
};

std::vector<ErrorRow> Catalogue() {
  using Code = absl::StatusCode;
  return {
      {error::FieldInvalid("f", "p"), Code::kInvalidArgument, Reason::kFieldInvalid, false},
      {error::AmountInvalid("f", "p"), Code::kInvalidArgument, Reason::kAmountInvalid, false},
      {error::AmountOverflow("a"), Code::kInvalidArgument, Reason::kAmountOverflow, false},
      {error::RequestIdReused("a", "r"), Code::kAlreadyExists, Reason::kRequestIdReused, false},
      {error::AccountNotFound("a"), Code::kNotFound, Reason::kAccountNotFound, false},
      {error::AccountExists("a"), Code::kAlreadyExists, Reason::kAccountExists, false},
      {error::AccountNotEmpty("a", Cents(1), 2), Code::kFailedPrecondition,
       Reason::kAccountNotEmpty, false},
      {error::HoldNotFound("a", 1), Code::kNotFound, Reason::kHoldNotFound, false},
      {error::HoldEnded("a", 1, "h"), Code::kFailedPrecondition, Reason::kHoldEnded, false},
      {error::EntryNotFound("a", 1), Code::kNotFound, Reason::kEntryNotFound, false},
      {error::DeckNotFound("d"), Code::kNotFound, Reason::kDeckNotFound, false},
      {error::RefundExceedsDebit("a", 1, Cents(1)), Code::kFailedPrecondition,
       Reason::kRefundExceedsDebit, false},
      {error::Declined("a", Reason::kNoRate), Code::kFailedPrecondition, Reason::kNoRate, false},
      {error::NoCard("a"), Code::kFailedPrecondition, Reason::kNoCard, false},
      {error::CardDeclined("a", "c", "p"), Code::kFailedPrecondition, Reason::kCardDeclined, false},
      {error::RechargeInProgress("a"), Code::kFailedPrecondition, Reason::kRechargeInProgress,
       false},
      {error::RechargeLimit("a", "p"), Code::kFailedPrecondition, Reason::kRechargeLimit, false},
      {error::ProviderUnavailable("p"), Code::kUnavailable, Reason::kProviderUnavailable, true},
      {error::PaymentPending("r", "u"), Code::kUnavailable, Reason::kPaymentPending, true},
      {error::CardSetupNotFound("s"), Code::kNotFound, Reason::kCardSetupNotFound, false},
      {error::CardSetupNotDone("s", "p"), Code::kFailedPrecondition, Reason::kCardSetupNotDone,
       false},
      {error::NumberTaken("n"), Code::kFailedPrecondition, Reason::kNumberTaken, false},
      {error::NumberNotFound("a", "n"), Code::kNotFound, Reason::kNumberNotFound, false},
      {error::Unauthenticated(), Code::kUnauthenticated, Reason::kUnauthenticated, false},
      {error::PermissionDenied("p"), Code::kPermissionDenied, Reason::kPermissionDenied, false},
      {error::ApiKeyNotFound("k"), Code::kNotFound, Reason::kApiKeyNotFound, false},
      {error::Overloaded(), Code::kResourceExhausted, Reason::kOverloaded, true},
      {error::RateExceeded("l", absl::Seconds(1)), Code::kResourceExhausted, Reason::kOverloaded,
       true},
      {error::DeadlineExceeded(), Code::kDeadlineExceeded, Reason::kDeadlineExceeded, false},
      {error::ShuttingDown(), Code::kUnavailable, Reason::kShuttingDown, true},
      {error::TotalsNotReady(), Code::kUnavailable, Reason::kTotalsNotReady, true},
      {error::StorageFull("w"), Code::kUnavailable, Reason::kStorageFull, true},
      {error::StorageFailed("w"), Code::kUnavailable, Reason::kStorageFailed, true},
      {error::FilesInUse("p"), Code::kFailedPrecondition, Reason::kFilesInUse, false},
      {error::FilesForeign("p", "q"), Code::kFailedPrecondition, Reason::kFilesForeign, false},
      {error::FilesTooNew("p", 2, 1), Code::kFailedPrecondition, Reason::kFilesTooNew, false},
      {error::StorageLocked(), Code::kUnavailable, Reason::kStorageLocked, true},
      {error::BackupExists("p"), Code::kAlreadyExists, Reason::kBackupExists, false},
      {error::BackupFailed("p", "q"), Code::kUnavailable, Reason::kBackupFailed, true},
      {error::BackupsOff(), Code::kFailedPrecondition, Reason::kBackupsOff, false},
      {error::JournalDamaged(1, "p"), Code::kDataLoss, Reason::kJournalDamaged, false},
  };
}

TEST(ErrorsTest, EveryErrorHasItsCodeReasonAndRetry) {
  for (const ErrorRow& row : Catalogue()) {
    SCOPED_TRACE(row.status.ToString());
    EXPECT_EQ(row.status.code(), row.code);
    EXPECT_EQ(GetReason(row.status), row.reason);
    const std::optional<ErrorDetail> detail = GetErrorDetail(row.status);
    ASSERT_TRUE(detail.has_value());
    EXPECT_EQ(detail->retry_after.has_value(), row.retry);
    EXPECT_FALSE(row.status.message().empty());
  }
}

TEST(ErrorsTest, MetadataSurvivesTheRoundTrip) {
  const ErrorDetail detail = *GetErrorDetail(error::AccountNotEmpty("alice", Cents(-3), 2));

  EXPECT_THAT(detail.metadata,
              ElementsAre(Pair("account_id", "alice"), Pair("balance_micros", "-30000"),
                          Pair("open_holds", "2")));
}

TEST(ErrorsTest, AValueThatIsRefusedIsGivenBackAsFarAsItIsShort) {
  const auto metadata = [](const absl::Status& status) { return GetErrorDetail(status)->metadata; };
  const std::string long_value = "a" + std::string(80, 'b');
  std::string umlauts = "a";
  for (int i = 0; i < 40; ++i) umlauts += "\u00e4";

  EXPECT_THAT(metadata(error::FieldInvalid("f", "p", long_value)),
              ElementsAre(Pair("field", "f"), Pair("value", long_value.substr(0, 64))));
  // In whole characters.
  EXPECT_THAT(metadata(error::FieldInvalid("f", "p", umlauts)),
              ElementsAre(Pair("field", "f"), Pair("value", umlauts.substr(0, 63))));
  EXPECT_THAT(metadata(error::FieldInvalid("f", "p", "")), ElementsAre(Pair("field", "f")));
  EXPECT_THAT(metadata(error::AmountInvalid("f", "p", Micros(-1))),
              ElementsAre(Pair("field", "f"), Pair("value", "-1")));
}

TEST(ErrorsTest, WhatIsNotKnownIsLeftOut) {
  const auto metadata = [](const absl::Status& status) { return GetErrorDetail(status)->metadata; };

  EXPECT_THAT(metadata(error::AmountOverflow("", "seconds")),
              ElementsAre(Pair("field", "seconds")));
  EXPECT_THAT(metadata(error::AmountOverflow("a")), ElementsAre(Pair("account_id", "a")));
  EXPECT_THAT(
      metadata(error::Declined(
          "", Reason::kNoRate,
          {.available = std::nullopt, .needed = std::nullopt, .item = "i", .destination = "d"})),
      ElementsAre(Pair("item", "i"), Pair("destination", "d")));
}

TEST(ErrorsTest, HostileValuesSurviveTheRoundTrip) {
  for (const std::string& value : {std::string("a\nb c\\n\"'"), std::string("\0\x01\xff", 3),
                                   std::string(), std::string(" "), std::string("\xe2\x80\xae")}) {
    const ErrorDetail detail = *GetErrorDetail(error::RequestIdReused(value, value));
    EXPECT_THAT(detail.metadata, ElementsAre(Pair("account_id", value), Pair("request_id", value)));
  }
}

TEST(ErrorsTest, ForeignStatusesHaveNoDetail) {
  for (const absl::Status& status : {absl::OkStatus(), absl::InternalError("x")}) {
    EXPECT_EQ(GetErrorDetail(status), std::nullopt);
    EXPECT_EQ(GetReason(status), Reason::kNone);
  }
}

TEST(ErrorsTest, EveryReasonHasANameOfItsOwn) {
  std::set<absl::string_view> names;
  for (size_t reason = 0; reason < kReasonCount; ++reason) {
    names.insert(ReasonName(static_cast<Reason>(reason)));
  }
  EXPECT_EQ(names.size(), kReasonCount);
  EXPECT_EQ(names.count("UNKNOWN"), size_t{0});
  EXPECT_EQ(ReasonName(static_cast<Reason>(kReasonCount)), "UNKNOWN");
  EXPECT_EQ(ReasonName(Reason::kInsufficientBalance), "INSUFFICIENT_BALANCE");
  EXPECT_EQ(ReasonName(Reason::kJournalDamaged), "JOURNAL_DAMAGED");
}

}  // namespace
}  // namespace farebox
