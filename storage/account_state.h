#ifndef FAREBOX_STORAGE_ACCOUNT_STATE_H_
#define FAREBOX_STORAGE_ACCOUNT_STATE_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/account_terms.h"
#include "storage/command.h"
#include "storage/entry.h"
#include "storage/hold.h"
#include "storage/micros.h"

// The rules for one account: what a command does to it. Pure functions: no I/O, no clock, no
// memory of their own. Everything that decides about money is here.
//
// Two halves. Decide... turns a command into the entry that would record it. Fold..., in
// account_fold.h, turns an entry into the state after it.
//
// A hold's life; [..] any number of times, an expired hold may still be settled, late:
//
//   kHold -> [kHoldExtended, kHoldCharged] -> kHoldSettled or kHoldReleased
//                                          -> kHoldExpired -> kHoldSettled or kHoldReleased

namespace farebox {

// What decides about an account's money.
struct AccountState {
  AccountTerms terms;
  Micros balance;
  Micros held;
  int32_t open_holds = 0;
  EntryId last_entry = 0;

  // balance - held + credit limit. In range by limits::kBalanceMax.
  Micros available() const {
    return Micros(balance.value() - held.value() + terms.credit_limit.value());
  }

  friend bool operator==(const AccountState&, const AccountState&) = default;
};

// What a decision needs to know.
struct AccountView {
  absl::string_view account_id;
  const AccountState& state;
  absl::Time now;
};

// The first entry of a new account.
absl::StatusOr<Entry> DecideOpenAccount(absl::string_view account_id, const OpenAccount& open,
                                        absl::Time now);

// Each returns the entry to record, a kDecline where the rules refuse; or an error where nothing
// is to be recorded. Fields about the journal (id, previous, time) and the request are left to
// the caller.
absl::StatusOr<Entry> DecideDebit(const AccountView& account, const Debit& debit);

// `refundable` is what is left of the refunded debit, where the credit is a refund.
absl::StatusOr<Entry> DecideCredit(const AccountView& account, const Credit& credit,
                                   std::optional<Micros> refundable);

absl::StatusOr<Entry> DecidePlaceHold(const AccountView& account, const PlaceHold& place);

absl::StatusOr<Entry> DecideExtendHold(const AccountView& account, const Hold& hold,
                                       const ExtendHold& extend);

absl::StatusOr<Entry> DecideSettleHold(const AccountView& account, const Hold& hold,
                                       const SettleHold& settle);

absl::StatusOr<Entry> DecideReleaseHold(const AccountView& account, const Hold& hold,
                                        const ReleaseHold& release);

// The end of a hold whose time is over.
Entry DecideExpireHold(const AccountState& state, const Hold& hold);

// `record` is the account's newest record.
absl::StatusOr<Entry> DecideChangeAccount(const AccountView& account, const AccountRecord& record,
                                          const ChangeAccount& change);

}  // namespace farebox

#endif  // FAREBOX_STORAGE_ACCOUNT_STATE_H_
