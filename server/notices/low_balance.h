#ifndef FAREBOX_SERVER_NOTICES_LOW_BALANCE_H_
#define FAREBOX_SERVER_NOTICES_LOW_BALANCE_H_

#include "absl/time/time.h"
#include "farebox/stored/v1/mail.pb.h"
#include "farebox/stored/v1/recharge.pb.h"
#include "storage/account_state.h"
#include "storage/entry.h"
#include "storage/micros.h"

// When the owner of an account is told that its balance is low. Pure.
//
// A fall below the threshold is over when money has come in, a higher credit limit included, that
// lifts the account above it, or when the threshold is another. A hold that ends does not end it:
// an account near its threshold would be told of every call.
namespace farebox::server {

enum class LowBalanceStep {
  kNone,
  // It has fallen.
  kFall,
  // It is not low any more, and its next fall is another.
  kEnd,
};

// `rise` is an entry after which the account was above its threshold with money that had come in,
// wherever it is now; 0 for none. One that the notice knew of does not count.
LowBalanceStep NextStepOf(const stored::v1::LowBalanceNotice& notice, const AccountState& state,
                          EntryId rise);

// Writes the step down.
void NoteStep(LowBalanceStep step, const AccountState& state, stored::v1::LowBalanceNotice* notice);

// Balance and credit limit: what holds do not change.
Micros FundsOf(const AccountState& state);

// Whether a card is charged by itself when the balance falls further, or as soon as a pause ends:
// its owner is told when that fails.
bool IsRecharged(const stored::v1::PaymentProfile& profile, absl::Time now);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_NOTICES_LOW_BALANCE_H_
