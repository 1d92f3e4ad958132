#ifndef FAREBOX_STORAGE_ERRORS_H_
#define FAREBOX_STORAGE_ERRORS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "storage/micros.h"

namespace farebox {

// Why something was refused. The names are part of the API (google.rpc.ErrorInfo.reason); the
// numbers are in the journal (entries of kind DECLINE): neither ever changes.
enum class Reason : uint8_t {
  kNone = 0,
  kInsufficientBalance = 1,
  kAccountNotFound = 2,
  kAccountSuspended = 3,
  kAccountClosed = 4,
  kNoRate = 5,
  kDestinationBlocked = 6,
  kTooManyHolds = 7,
  kHoldNotFound = 8,
  kHoldEnded = 9,
  kRequestIdReused = 10,
  kAmountInvalid = 11,
  kAmountOverflow = 12,
  kFieldInvalid = 13,
  kRefundExceedsDebit = 14,
  kAccountExists = 15,
  kAccountNotEmpty = 16,
  kEntryNotFound = 17,
  kDeckNotFound = 18,
  kOverloaded = 19,
  kStorageFull = 20,
  kStorageFailed = 21,
  kShuttingDown = 22,
  kDeadlineExceeded = 23,
  kFilesInUse = 24,
  kFilesForeign = 25,
  kFilesTooNew = 26,
  kJournalDamaged = 27,
  kNoCard = 28,
  kCardDeclined = 29,
  kRechargeInProgress = 30,
  kRechargeLimit = 31,
  kProviderUnavailable = 32,
  kPaymentPending = 33,
  kCardSetupNotFound = 34,
  kCardSetupNotDone = 35,
  kNumberTaken = 36,
  kNumberNotFound = 37,
  kUnauthenticated = 38,
  kPermissionDenied = 39,
  kApiKeyNotFound = 40,
  kTotalsNotReady = 41,
  kBackupExists = 42,
  kBackupFailed = 43,
  kBackupsOff = 44,
  kStorageLocked = 45,
};

// "INSUFFICIENT_BALANCE"; "NONE" for kNone.
absl::string_view ReasonName(Reason reason);

// What a Status of this catalogue says to a program.
struct ErrorDetail {
  Reason reason = Reason::kNone;
  // Fixed keys, e.g. {"account_id", "alice"}, {"field", "amount_micros"}.
  std::vector<std::pair<std::string, std::string>> metadata;
  // Set where the same request may succeed after a while.
  std::optional<absl::Duration> retry_after;
};

// The detail of a status made by one of the functions below; nothing for any other status.
std::optional<ErrorDetail> GetErrorDetail(const absl::Status& status);

// The reason of a status; kNone for an OK status or a foreign one.
Reason GetReason(const absl::Status& status);

// Every failure that crosses a layer, one function each. Precedence where several apply: caller,
// field, request id (a replay first), account, hold, state, money.
namespace error {

// `value` is what the caller sent, where that is short and no secret: the caller gets its beginning
// back. Empty for none.
absl::Status FieldInvalid(absl::string_view field, absl::string_view problem,
                          absl::string_view value = {});
absl::Status AmountInvalid(absl::string_view field, absl::string_view problem,
                           std::optional<Micros> value = std::nullopt);
// Either may be empty: `account_id` where the sum is nobody's, `field` where none is to blame.
absl::Status AmountOverflow(absl::string_view account_id, absl::string_view field = {});
absl::Status RequestIdReused(absl::string_view account_id, absl::string_view request_id);
absl::Status AccountNotFound(absl::string_view account_id);
absl::Status AccountExists(absl::string_view account_id);
absl::Status AccountNotEmpty(absl::string_view account_id, Micros balance, int32_t open_holds);
absl::Status HoldNotFound(absl::string_view account_id, int64_t hold_id);
absl::Status HoldEnded(absl::string_view account_id, int64_t hold_id, absl::string_view how);
absl::Status EntryNotFound(absl::string_view account_id, int64_t entry_id);
absl::Status DeckNotFound(absl::string_view deck);
absl::Status RefundExceedsDebit(absl::string_view account_id, int64_t entry_id, Micros refundable);

// What a refusal is about, as far as it is known; empty for none. A destination goes to the caller
// who sent it, never into a log.
struct RefusedUse {
  std::optional<Micros> available;
  std::optional<Micros> needed;
  std::string item;
  std::string destination;
};
// A refusal that the journal has recorded, as an error for callers that expect the money to move.
// `account_id` is empty where nobody's money was to move.
absl::Status Declined(absl::string_view account_id, Reason reason, const RefusedUse& use = {});

absl::Status NoCard(absl::string_view account_id);
// No money was taken; `decline_code` is the provider's.
absl::Status CardDeclined(absl::string_view account_id, absl::string_view decline_code,
                          absl::string_view problem);
// Another charge of the account's card is not over yet.
absl::Status RechargeInProgress(absl::string_view account_id);
// A limit of the operator's or the customer's would be exceeded.
absl::Status RechargeLimit(absl::string_view account_id, absl::string_view problem);
// The payment provider cannot be asked at present; nothing was decided.
absl::Status ProviderUnavailable(absl::string_view problem);
// The provider has not decided on a payment, its answer was lost, or it could not be credited yet:
// the same request id tells later what became of it. `action_url` is the bank's page for the
// customer; empty for none.
absl::Status PaymentPending(absl::string_view recharge_id, absl::string_view action_url);
absl::Status CardSetupNotFound(absl::string_view setup_id);
// No card was entered yet, or none that can be used.
absl::Status CardSetupNotDone(absl::string_view setup_id, absl::string_view problem);

// Some account has the number.
absl::Status NumberTaken(absl::string_view number);
// The account does not have it, and never had.
absl::Status NumberNotFound(absl::string_view account_id, absl::string_view number);

// Nobody is let in by what the caller has sent, or has not. The same whatever is wrong with it.
absl::Status Unauthenticated();
// The caller is known, and may not do this.
absl::Status PermissionDenied(absl::string_view problem);
absl::Status ApiKeyNotFound(absl::string_view key_id);

// There is too much to do: come back after `retry_after`.
absl::Status Overloaded(absl::Duration retry_after = absl::Milliseconds(50));
// The caller, or the account, has had as many calls as it may: `limit` names the limit.
absl::Status RateExceeded(absl::string_view limit, absl::Duration retry_after);
absl::Status DeadlineExceeded();
absl::Status ShuttingDown();

// What an account's entries add up to is being derived anew, which ends by itself.
absl::Status TotalsNotReady();

// Nothing was written.
absl::Status StorageFull(absl::string_view what);
// A write or its sync failed: the outcome is unknown until the journal has been read again.
absl::Status StorageFailed(absl::string_view what);

absl::Status FilesInUse(absl::string_view path);
absl::Status FilesForeign(absl::string_view path, absl::string_view problem);
absl::Status FilesTooNew(absl::string_view path, int64_t found, int64_t known);
// Another program holds the lock of the journal; nothing was written.
absl::Status StorageLocked();

absl::Status BackupExists(absl::string_view path);
// The copy could not be written or read; the journal is well.
absl::Status BackupFailed(absl::string_view path, absl::string_view problem);
// The server has no directory for backups.
absl::Status BackupsOff();

// The journal contradicts itself; `entry_id` is the first entry that does.
absl::Status JournalDamaged(int64_t entry_id, absl::string_view problem);

}  // namespace error
}  // namespace farebox

#endif  // FAREBOX_STORAGE_ERRORS_H_
