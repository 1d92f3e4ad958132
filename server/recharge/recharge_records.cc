#include "server/recharge/recharge_records.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/document_kinds.h"
#include "server/recharge/recharge_states.h"
#include "storage/request_ids.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

constexpr absl::string_view kPaymentPrefix = "pay-";

template <typename Record, typename Content>
absl::StatusOr<Record> Parse(Document document, Content Record::*content) {
  Record record;
  if (!(record.*content).ParseFromString(document.content)) {
    return absl::DataLossError(
        absl::StrCat("document ", document.kind, " ", document.key, " cannot be read"));
  }
  record.document = std::move(document);
  return record;
}

absl::StatusOr<std::optional<AttemptRecord>> ParseAttempt(std::optional<Document> document) {
  if (!document.has_value()) return std::optional<AttemptRecord>();
  FAREBOX_ASSIGN_OR_RETURN(AttemptRecord record,
                           Parse(*std::move(document), &AttemptRecord::attempt));
  return std::make_optional(std::move(record));
}

void Write(ProfileRecord* record) {
  record->document.content = record->profile.SerializeAsString();
}

void Write(AttemptRecord* record) {
  const stored::v1::RechargeAttempt& attempt = record->attempt;
  Document& document = record->document;
  document.content = attempt.SerializeAsString();
  document.slot = IsOpen(attempt) ? attempt.account_id() : "";
  document.due = attempt.due_micros() == 0 ? absl::InfiniteFuture()
                                           : absl::FromUnixMicros(attempt.due_micros());
}

Document PaymentOf(const AttemptRecord& record) {
  return {.kind = kChargedPayments,
          .key = record.attempt.payment_id(),
          .account = record.document.account,
          .content = record.attempt.recharge_id()};
}

}  // namespace

std::string RechargeIdOfPayment(const AccountFacts& account, absl::string_view request_id) {
  const RequestHash hash = HashRequestId(account.number, request_id);
  return absl::StrCat(kPaymentPrefix, absl::Hex(absl::Uint128High64(hash), absl::kZeroPad16),
                      absl::Hex(absl::Uint128Low64(hash), absl::kZeroPad16));
}

bool IsIdOfPayment(absl::string_view recharge_id) {
  return absl::StartsWith(recharge_id, kPaymentPrefix);
}

absl::StatusOr<ProfileRecord> RechargeRecords::ReadProfile(const AccountFacts& account) {
  FAREBOX_ASSIGN_OR_RETURN(std::optional<Document> found,
                           documents_.Find(kPaymentProfiles, account.account_id));
  if (found.has_value()) return Parse(*std::move(found), &ProfileRecord::profile);
  return ProfileRecord{
      .document = {.kind = kPaymentProfiles, .key = account.account_id, .account = account.number}};
}

absl::StatusOr<std::optional<AttemptRecord>> RechargeRecords::FindAttempt(
    absl::string_view recharge_id) {
  FAREBOX_ASSIGN_OR_RETURN(std::optional<Document> found,
                           documents_.Find(kRechargeAttempts, recharge_id));
  return ParseAttempt(std::move(found));
}

absl::StatusOr<std::optional<AttemptRecord>> RechargeRecords::FindOpenAttempt(
    absl::string_view account_id) {
  FAREBOX_ASSIGN_OR_RETURN(std::optional<Document> found,
                           documents_.FindInSlot(kRechargeAttempts, account_id));
  return ParseAttempt(std::move(found));
}

absl::StatusOr<std::optional<AttemptRecord>> RechargeRecords::FindCharged(
    absl::string_view payment_id) {
  FAREBOX_ASSIGN_OR_RETURN(const std::optional<Document> found,
                           documents_.Find(kChargedPayments, payment_id));
  if (!found.has_value()) return std::optional<AttemptRecord>();
  return FindAttempt(found->content);
}

absl::StatusOr<std::vector<AttemptRecord>> RechargeRecords::ListAttempts(AccountNumber account,
                                                                         int64_t before,
                                                                         size_t count_max) {
  FAREBOX_ASSIGN_OR_RETURN(std::vector<Document> documents,
                           documents_.List(kRechargeAttempts, account, before, count_max));
  std::vector<AttemptRecord> attempts;
  for (Document& document : documents) {
    FAREBOX_ASSIGN_OR_RETURN(AttemptRecord record,
                             Parse(std::move(document), &AttemptRecord::attempt));
    attempts.push_back(std::move(record));
  }
  return attempts;
}

AttemptRecord RechargeRecords::NewAttempt(const AccountFacts& account,
                                          stored::v1::RechargeAttempt attempt) {
  AttemptRecord record;
  record.document.kind = kRechargeAttempts;
  record.document.key = attempt.recharge_id();
  record.document.account = account.number;
  record.attempt = std::move(attempt);
  return record;
}

absl::Status RechargeRecords::Put(Change change) {
  DocumentGroup group = std::move(change.mails);
  if (change.profile != nullptr) {
    Write(change.profile);
    group.push_back(change.profile->document);
  }
  if (change.attempt != nullptr) {
    Write(change.attempt);
    group.push_back(change.attempt->document);
  }
  if (change.is_charged) {
    FAREBOX_ASSIGN_OR_RETURN(const bool is_remembered, IsRemembered(*change.attempt));
    if (!is_remembered) group.push_back(PaymentOf(*change.attempt));
  }
  FAREBOX_RETURN_IF_ERROR(documents_.Put(std::move(group)));
  if (change.profile != nullptr) ++change.profile->document.revision;
  if (change.attempt != nullptr) ++change.attempt->document.revision;
  return absl::OkStatus();
}

absl::Status RechargeRecords::RememberPayment(const AttemptRecord& record) {
  FAREBOX_ASSIGN_OR_RETURN(const bool is_remembered, IsRemembered(record));
  return is_remembered ? absl::OkStatus() : documents_.Put({PaymentOf(record)});
}

absl::StatusOr<bool> RechargeRecords::IsRemembered(const AttemptRecord& record) {
  const Document payment = PaymentOf(record);
  FAREBOX_ASSIGN_OR_RETURN(const std::optional<Document> found,
                           documents_.Find(payment.kind, payment.key));
  if (!found.has_value()) return false;
  if (found->content == payment.content) return true;
  return absl::DataLossError(absl::StrCat("payment ", payment.key, " is of attempt ",
                                          found->content, ", and not of ", payment.content));
}

}  // namespace farebox::server
