#ifndef FAREBOX_STORAGE_ACCOUNT_FOLD_H_
#define FAREBOX_STORAGE_ACCOUNT_FOLD_H_

#include <optional>

#include "absl/status/status.h"
#include "storage/account_state.h"
#include "storage/entry.h"
#include "storage/hold.h"
#include "storage/micros.h"

// The second half of the rules for one account (account_state.h): what an entry makes of an account
// and of a hold, and whether it may. The only way state changes: live, at start-up, in the derived
// file and in verification. Pure functions.
namespace farebox {

// Applies an entry to its account's state. The entry carries the amounts after it; that they
// follow from the state before is checked by CheckFollows.
void FoldAccount(const Entry& entry, AccountState* state);

// Applies a hold's entry to the hold: absent before kHold, absent again once it has ended.
// Entries of other kinds change nothing.
void FoldHold(const Entry& entry, std::optional<Hold>* hold);

// Whether the entry gives back some of a debit, which is its subject.
bool IsRefund(const Entry& entry);

// Adds a refund to what was refunded of its debit. Fails with JOURNAL_DAMAGED where the sum is
// beyond 64 bits.
absl::Status FoldRefund(const Entry& refund, Micros* refunded);

// Whether `entry` may come after `before`: link, sums, limits, the hold's life. Fails with
// JOURNAL_DAMAGED and says what is wrong. `hold` is the entry's hold before it.
absl::Status CheckFollows(const AccountState& before, const std::optional<Hold>& hold,
                          const Entry& entry);

}  // namespace farebox

#endif  // FAREBOX_STORAGE_ACCOUNT_FOLD_H_
