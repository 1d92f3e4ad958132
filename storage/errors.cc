#include "storage/errors.h"

#include <array>

#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "storage/check.h"

namespace farebox {
namespace {

constexpr absl::string_view kPayloadUrl = "farebox/error";

struct ReasonRow {
  Reason reason;
  absl::string_view name;
};

constexpr std::array kReasons = {
    ReasonRow{Reason::kNone, "NONE"},
    ReasonRow{Reason::kInsufficientBalance, "INSUFFICIENT_BALANCE"},
    ReasonRow{Reason::kAccountNotFound, "ACCOUNT_NOT_FOUND"},
    ReasonRow{Reason::kAccountSuspended, "ACCOUNT_SUSPENDED"},
    ReasonRow{Reason::kAccountClosed, "ACCOUNT_CLOSED"},
    ReasonRow{Reason::kNoRate, "NO_RATE"},
    ReasonRow{Reason::kDestinationBlocked, "DESTINATION_BLOCKED"},
    ReasonRow{Reason::kTooManyHolds, "TOO_MANY_HOLDS"},
    ReasonRow{Reason::kHoldNotFound, "HOLD_NOT_FOUND"},
    ReasonRow{Reason::kHoldEnded, "HOLD_ENDED"},
    ReasonRow{Reason::kRequestIdReused, "REQUEST_ID_REUSED"},
    ReasonRow{Reason::kAmountInvalid, "AMOUNT_INVALID"},
    ReasonRow{Reason::kAmountOverflow, "AMOUNT_OVERFLOW"},
    ReasonRow{Reason::kFieldInvalid, "FIELD_INVALID"},
    ReasonRow{Reason::kRefundExceedsDebit, "REFUND_EXCEEDS_DEBIT"},
    ReasonRow{Reason::kAccountExists, "ACCOUNT_EXISTS"},
    ReasonRow{Reason::kAccountNotEmpty, "ACCOUNT_NOT_EMPTY"},
    ReasonRow{Reason::kEntryNotFound, "ENTRY_NOT_FOUND"},
    ReasonRow{Reason::kDeckNotFound, "DECK_NOT_FOUND"},
    ReasonRow{Reason::kOverloaded, "OVERLOADED"},
    ReasonRow{Reason::kStorageFull, "STORAGE_FULL"},
    ReasonRow{Reason::kStorageFailed, "STORAGE_FAILED"},
    ReasonRow{Reason::kShuttingDown, "SHUTTING_DOWN"},
    ReasonRow{Reason::kDeadlineExceeded, "DEADLINE_EXCEEDED"},
    ReasonRow{Reason::kFilesInUse, "FILES_IN_USE"},
    ReasonRow{Reason::kFilesForeign, "FILES_FOREIGN"},
    ReasonRow{Reason::kFilesTooNew, "FILES_TOO_NEW"},
    ReasonRow{Reason::kJournalDamaged, "JOURNAL_DAMAGED"},
    ReasonRow{Reason::kNoCard, "NO_CARD"},
    ReasonRow{Reason::kCardDeclined, "CARD_DECLINED"},
    ReasonRow{Reason::kRechargeInProgress, "RECHARGE_IN_PROGRESS"},
    ReasonRow{Reason::kRechargeLimit, "RECHARGE_LIMIT"},
    ReasonRow{Reason::kProviderUnavailable, "PROVIDER_UNAVAILABLE"},
    ReasonRow{Reason::kPaymentPending, "PAYMENT_PENDING"},
    ReasonRow{Reason::kCardSetupNotFound, "CARD_SETUP_NOT_FOUND"},
    ReasonRow{Reason::kCardSetupNotDone, "CARD_SETUP_NOT_DONE"},
    ReasonRow{Reason::kNumberTaken, "NUMBER_TAKEN"},
    ReasonRow{Reason::kNumberNotFound, "NUMBER_NOT_FOUND"},
    ReasonRow{Reason::kUnauthenticated, "UNAUTHENTICATED"},
    ReasonRow{Reason::kPermissionDenied, "PERMISSION_DENIED"},
    ReasonRow{Reason::kApiKeyNotFound, "API_KEY_NOT_FOUND"},
    ReasonRow{Reason::kTotalsNotReady, "TOTALS_NOT_READY"},
    ReasonRow{Reason::kBackupExists, "BACKUP_EXISTS"},
    ReasonRow{Reason::kBackupFailed, "BACKUP_FAILED"},
    ReasonRow{Reason::kBackupsOff, "BACKUPS_OFF"},
    ReasonRow{Reason::kStorageLocked, "STORAGE_LOCKED"},
};

using Metadata = std::vector<std::pair<std::string, std::string>>;

// The payload is lines of "key value", values escaped: no serializer is needed below the server.
absl::Status Make(absl::StatusCode code, Reason reason, absl::string_view message,
                  const Metadata& metadata, std::optional<absl::Duration> retry_after = {}) {
  std::string payload = absl::StrCat(static_cast<int>(reason), " ",
                                     retry_after ? absl::ToInt64Milliseconds(*retry_after) : -1);
  for (const auto& [key, value] : metadata) {
    absl::StrAppend(&payload, "\n", key, " ", absl::CEscape(value));
  }
  absl::Status status(code, message);
  status.SetPayload(kPayloadUrl, absl::Cord(payload));
  return status;
}

}  // namespace

absl::string_view ReasonName(Reason reason) {
  const size_t index = static_cast<size_t>(reason);
  return index < kReasons.size() ? kReasons[index].name : "UNKNOWN";
}

std::optional<ErrorDetail> GetErrorDetail(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return std::nullopt;

  const std::string text(*payload);
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  const std::pair<absl::string_view, absl::string_view> head =
      absl::StrSplit(lines[0], absl::MaxSplits(' ', 1));
  int reason = 0;
  int64_t retry_ms = -1;
  FAREBOX_CHECK(absl::SimpleAtoi(head.first, &reason) && absl::SimpleAtoi(head.second, &retry_ms));

  ErrorDetail detail;
  detail.reason = static_cast<Reason>(reason);
  if (retry_ms >= 0) detail.retry_after = absl::Milliseconds(retry_ms);
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::pair<std::string, std::string> pair =
        absl::StrSplit(lines[i], absl::MaxSplits(' ', 1));
    std::string value;
    FAREBOX_CHECK(absl::CUnescape(pair.second, &value));
    detail.metadata.emplace_back(pair.first, std::move(value));
  }
  return detail;
}

Reason GetReason(const absl::Status& status) {
  const std::optional<ErrorDetail> detail = GetErrorDetail(status);
  return detail.has_value() ? detail->reason : Reason::kNone;
}

namespace error {
namespace {

// A payment provider is not to be hurried.
constexpr absl::Duration kRetryProvider = absl::Seconds(2);
constexpr absl::Duration kRetryAfterRestart = absl::Seconds(1);
// By then the connection is gone. Mostly the next server is there, or its sockets are, and a new
// connection waits in them.
constexpr absl::Duration kRetryAfterShutdown = absl::Milliseconds(200);

// What a caller gets back of a value that was refused.
constexpr size_t kValueBytesMax = 64;

std::string Text(Micros amount) { return absl::StrCat(amount.value()); }

// Adds the value, where there is one.
void AddSet(absl::string_view key, absl::string_view value, Metadata* metadata) {
  if (!value.empty()) metadata->emplace_back(std::string(key), std::string(value));
}

void AddSet(absl::string_view key, std::optional<Micros> amount, Metadata* metadata) {
  if (amount.has_value()) metadata->emplace_back(std::string(key), Text(*amount));
}

// The beginning of UTF-8, in whole characters.
absl::string_view Cut(absl::string_view value) {
  if (value.size() <= kValueBytesMax) return value;
  size_t size = kValueBytesMax;
  while (size > 0 && (static_cast<unsigned char>(value[size]) & 0xC0) == 0x80) --size;
  return value.substr(0, size);
}

}  // namespace

absl::Status FieldInvalid(absl::string_view field, absl::string_view problem,
                          absl::string_view value) {
  Metadata metadata = {{"field", std::string(field)}};
  AddSet("value", Cut(value), &metadata);
  return Make(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid,
              absl::StrCat(field, ": ", problem), metadata);
}

absl::Status AmountInvalid(absl::string_view field, absl::string_view problem,
                           std::optional<Micros> value) {
  Metadata metadata = {{"field", std::string(field)}};
  AddSet("value", value, &metadata);
  return Make(absl::StatusCode::kInvalidArgument, Reason::kAmountInvalid,
              absl::StrCat(field, ": ", problem), metadata);
}

absl::Status AmountOverflow(absl::string_view account_id, absl::string_view field) {
  Metadata metadata;
  AddSet("account_id", account_id, &metadata);
  AddSet("field", field, &metadata);
  return Make(absl::StatusCode::kInvalidArgument, Reason::kAmountOverflow,
              absl::StrCat(field, field.empty() ? "" : ": ",
                           "the amount is beyond what an account can hold"),
              metadata);
}

absl::Status RequestIdReused(absl::string_view account_id, absl::string_view request_id) {
  return Make(absl::StatusCode::kAlreadyExists, Reason::kRequestIdReused,
              "this request id came before with other content",
              {{"account_id", std::string(account_id)}, {"request_id", std::string(request_id)}});
}

absl::Status AccountNotFound(absl::string_view account_id) {
  return Make(absl::StatusCode::kNotFound, Reason::kAccountNotFound, "there is no such account",
              {{"account_id", std::string(account_id)}});
}

absl::Status AccountExists(absl::string_view account_id) {
  return Make(absl::StatusCode::kAlreadyExists, Reason::kAccountExists,
              "there is an account with this id already",
              {{"account_id", std::string(account_id)}});
}

absl::Status AccountNotEmpty(absl::string_view account_id, Micros balance, int32_t open_holds) {
  return Make(absl::StatusCode::kFailedPrecondition, Reason::kAccountNotEmpty,
              "only an account with a zero balance and no open hold can be closed",
              {{"account_id", std::string(account_id)},
               {"balance_micros", Text(balance)},
               {"open_holds", absl::StrCat(open_holds)}});
}

absl::Status HoldNotFound(absl::string_view account_id, int64_t hold_id) {
  return Make(absl::StatusCode::kNotFound, Reason::kHoldNotFound, "the account has no such hold",
              {{"account_id", std::string(account_id)}, {"hold_id", absl::StrCat(hold_id)}});
}

absl::Status HoldEnded(absl::string_view account_id, int64_t hold_id, absl::string_view how) {
  return Make(absl::StatusCode::kFailedPrecondition, Reason::kHoldEnded,
              absl::StrCat("the hold has ended already: ", how),
              {{"account_id", std::string(account_id)}, {"hold_id", absl::StrCat(hold_id)}});
}

absl::Status EntryNotFound(absl::string_view account_id, int64_t entry_id) {
  return Make(absl::StatusCode::kNotFound, Reason::kEntryNotFound, "the account has no such entry",
              {{"account_id", std::string(account_id)}, {"entry_id", absl::StrCat(entry_id)}});
}

absl::Status DeckNotFound(absl::string_view deck) {
  return Make(absl::StatusCode::kNotFound, Reason::kDeckNotFound, "there is no such rate deck",
              {{"deck", std::string(deck)}});
}

absl::Status RefundExceedsDebit(absl::string_view account_id, int64_t entry_id, Micros refundable) {
  return Make(absl::StatusCode::kFailedPrecondition, Reason::kRefundExceedsDebit,
              "refunds of a debit never exceed it",
              {{"account_id", std::string(account_id)},
               {"entry_id", absl::StrCat(entry_id)},
               {"refundable_micros", Text(refundable)}});
}

absl::Status Declined(absl::string_view account_id, Reason reason, const RefusedUse& use) {
  Metadata metadata;
  AddSet("account_id", account_id, &metadata);
  AddSet("available_micros", use.available, &metadata);
  AddSet("needed_micros", use.needed, &metadata);
  AddSet("item", use.item, &metadata);
  AddSet("destination", use.destination, &metadata);
  return Make(absl::StatusCode::kFailedPrecondition, reason,
              absl::StrCat("declined: ", ReasonName(reason)), metadata);
}

absl::Status NoCard(absl::string_view account_id) {
  return Make(absl::StatusCode::kFailedPrecondition, Reason::kNoCard,
              absl::StrCat("account ", account_id, " has no card on file"),
              {{"account_id", std::string(account_id)}});
}

absl::Status CardDeclined(absl::string_view account_id, absl::string_view decline_code,
                          absl::string_view problem) {
  return Make(
      absl::StatusCode::kFailedPrecondition, Reason::kCardDeclined,
      absl::StrCat("the card of account ", account_id, " was declined: ", problem),
      {{"account_id", std::string(account_id)}, {"decline_code", std::string(decline_code)}});
}

absl::Status RechargeInProgress(absl::string_view account_id) {
  return Make(absl::StatusCode::kFailedPrecondition, Reason::kRechargeInProgress,
              absl::StrCat("another charge of account ", account_id, " is not over yet"),
              {{"account_id", std::string(account_id)}});
}

absl::Status RechargeLimit(absl::string_view account_id, absl::string_view problem) {
  return Make(absl::StatusCode::kFailedPrecondition, Reason::kRechargeLimit,
              absl::StrCat("account ", account_id, ": ", problem),
              {{"account_id", std::string(account_id)}});
}

absl::Status ProviderUnavailable(absl::string_view problem) {
  return Make(absl::StatusCode::kUnavailable, Reason::kProviderUnavailable,
              absl::StrCat("the payment provider cannot be asked at present: ", problem), {},
              kRetryProvider);
}

absl::Status PaymentPending(absl::string_view recharge_id, absl::string_view action_url) {
  const bool wants_customer = !action_url.empty();
  return Make(absl::StatusCode::kUnavailable, Reason::kPaymentPending,
              absl::StrCat("payment ", recharge_id,
                           wants_customer ? " waits for the customer's word to the bank"
                                          : " is not decided yet",
                           "; ask again with the same request id"),
              {{"recharge_id", std::string(recharge_id)}, {"action_url", std::string(action_url)}},
              kRetryProvider);
}

absl::Status CardSetupNotFound(absl::string_view setup_id) {
  return Make(absl::StatusCode::kNotFound, Reason::kCardSetupNotFound,
              absl::StrCat("the account has begun no card setup ", setup_id),
              {{"setup_id", std::string(setup_id)}});
}

absl::Status CardSetupNotDone(absl::string_view setup_id, absl::string_view problem) {
  return Make(absl::StatusCode::kFailedPrecondition, Reason::kCardSetupNotDone,
              absl::StrCat("card setup ", setup_id, ": ", problem),
              {{"setup_id", std::string(setup_id)}});
}

absl::Status NumberTaken(absl::string_view number) {
  return Make(absl::StatusCode::kFailedPrecondition, Reason::kNumberTaken,
              absl::StrCat("number ", number, " belongs to an account already"),
              {{"number", std::string(number)}});
}

absl::Status NumberNotFound(absl::string_view account_id, absl::string_view number) {
  return Make(absl::StatusCode::kNotFound, Reason::kNumberNotFound,
              absl::StrCat("account ", account_id, " has no number ", number),
              {{"account_id", std::string(account_id)}, {"number", std::string(number)}});
}

absl::Status Unauthenticated() {
  return Make(absl::StatusCode::kUnauthenticated, Reason::kUnauthenticated,
              "who is calling is not known: an API key is needed, or a client certificate", {});
}

absl::Status PermissionDenied(absl::string_view problem) {
  return Make(absl::StatusCode::kPermissionDenied, Reason::kPermissionDenied,
              absl::StrCat("this is not allowed: ", problem), {});
}

absl::Status ApiKeyNotFound(absl::string_view key_id) {
  return Make(absl::StatusCode::kNotFound, Reason::kApiKeyNotFound,
              absl::StrCat("there is no API key ", key_id), {{"key_id", std::string(key_id)}});
}

absl::Status Overloaded(absl::Duration retry_after) {
  return Make(absl::StatusCode::kResourceExhausted, Reason::kOverloaded,
              "there is too much to do; nothing was done", {}, retry_after);
}

absl::Status RateExceeded(absl::string_view limit, absl::Duration retry_after) {
  return Make(absl::StatusCode::kResourceExhausted, Reason::kOverloaded,
              absl::StrCat("there are more calls than ", limit, " allows; nothing was done"),
              {{"limit", std::string(limit)}}, retry_after);
}

absl::Status DeadlineExceeded() {
  return Make(absl::StatusCode::kDeadlineExceeded, Reason::kDeadlineExceeded,
              "the deadline passed in the queue; nothing was done", {});
}

absl::Status ShuttingDown() {
  return Make(absl::StatusCode::kUnavailable, Reason::kShuttingDown,
              "the server is shutting down; nothing was done", {}, kRetryAfterShutdown);
}

absl::Status TotalsNotReady() {
  return Make(absl::StatusCode::kUnavailable, Reason::kTotalsNotReady,
              "the account's totals are being made anew; ask again in a while", {},
              kRetryAfterRestart);
}

absl::Status StorageFull(absl::string_view what) {
  return Make(absl::StatusCode::kUnavailable, Reason::kStorageFull,
              absl::StrCat("the disk is full; nothing was done: ", what), {}, kRetryAfterRestart);
}

absl::Status StorageFailed(absl::string_view what) {
  return Make(absl::StatusCode::kUnavailable, Reason::kStorageFailed,
              absl::StrCat("the journal could not be written; repeat the same request id to learn "
                           "what became of it: ",
                           what),
              {}, kRetryAfterRestart);
}

absl::Status FilesInUse(absl::string_view path) {
  return Make(absl::StatusCode::kFailedPrecondition, Reason::kFilesInUse,
              absl::StrCat("another process owns this ledger: ", path),
              {{"path", std::string(path)}});
}

absl::Status FilesForeign(absl::string_view path, absl::string_view problem) {
  return Make(absl::StatusCode::kFailedPrecondition, Reason::kFilesForeign,
              absl::StrCat(path, " is not a ledger of Farebox: ", problem),
              {{"path", std::string(path)}});
}

absl::Status FilesTooNew(absl::string_view path, int64_t found, int64_t known) {
  return Make(absl::StatusCode::kFailedPrecondition, Reason::kFilesTooNew,
              absl::StrCat(path, " was written by a newer Farebox: schema ", found,
                           ", this one knows up to ", known),
              {{"path", std::string(path)}});
}

absl::Status StorageLocked() {
  return Make(absl::StatusCode::kUnavailable, Reason::kStorageLocked,
              "another program holds the lock of the journal; nothing was done", {},
              kRetryAfterRestart);
}

absl::Status BackupExists(absl::string_view path) {
  return Make(absl::StatusCode::kAlreadyExists, Reason::kBackupExists,
              absl::StrCat("there is a backup of this name, and it was not to be updated: ", path),
              {{"path", std::string(path)}});
}

absl::Status BackupFailed(absl::string_view path, absl::string_view problem) {
  return Make(absl::StatusCode::kUnavailable, Reason::kBackupFailed,
              absl::StrCat("the backup ", path, " could not be made: ", problem),
              {{"path", std::string(path)}}, kRetryAfterRestart);
}

absl::Status BackupsOff() {
  return Make(absl::StatusCode::kFailedPrecondition, Reason::kBackupsOff,
              "the server has no directory for backups: --backup-directory", {});
}

absl::Status JournalDamaged(int64_t entry_id, absl::string_view problem) {
  return Make(absl::StatusCode::kDataLoss, Reason::kJournalDamaged,
              absl::StrCat("entry ", entry_id, ": ", problem),
              {{"entry_id", absl::StrCat(entry_id)}});
}

}  // namespace error
}  // namespace farebox
