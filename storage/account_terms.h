#ifndef FAREBOX_STORAGE_ACCOUNT_TERMS_H_
#define FAREBOX_STORAGE_ACCOUNT_TERMS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "storage/limits.h"
#include "storage/micros.h"

namespace farebox {

// Numbers are in the journal and never change.
enum class AccountStatus : uint8_t {
  kOpen = 1,
  kSuspended = 2,  // no new hold or debit; calls in progress are settled, credits are taken
  kClosed = 3,     // for good
};

// What of an account's settings decides about money.
struct AccountTerms {
  AccountStatus status = AccountStatus::kOpen;
  // How far below zero the balance may be taken; 0 for prepaid. Never negative.
  Micros credit_limit;
  // LOW_BALANCE is signalled when available falls below this; 0 switches it off.
  Micros low_balance_threshold;
  // Holds that may be open at once, 1 to limits::kOpenHoldsMax.
  int32_t open_holds_max = limits::kOpenHoldsMax;

  friend bool operator==(const AccountTerms&, const AccountTerms&) = default;
};

// The detail of a kAccountOpened or kAccountChanged entry: the whole of the account as it is
// after the change, so that the newest of them is enough.
struct AccountRecord {
  std::string account_id;
  AccountTerms terms;
  // When it was opened, in whole microseconds; never changes.
  absl::Time open_time;
  // The layer above's own settings (currency, time zone, deck, e-mail...), as its bytes.
  std::string settings;

  friend bool operator==(const AccountRecord&, const AccountRecord&) = default;
};

std::string EncodeAccountRecord(const AccountRecord& record);

// Fails with DataLoss on bytes that EncodeAccountRecord did not make.
absl::StatusOr<AccountRecord> DecodeAccountRecord(absl::string_view bytes);

}  // namespace farebox

#endif  // FAREBOX_STORAGE_ACCOUNT_TERMS_H_
