#ifndef FAREBOX_SERVER_RECHARGE_RECHARGE_STATES_H_
#define FAREBOX_SERVER_RECHARGE_RECHARGE_STATES_H_

#include "absl/time/time.h"
#include "farebox/stored/v1/recharge.pb.h"
#include "server/recharge/payment_gateway.h"

// How an attempt goes on from state to state. Pure.
//
//   INTENT -> SENT -> SUCCEEDED -> CREDITED
//               | \-> DECLINED, ABANDONED
//               |---> ACTION_REQUIRED -> any of the others
//               \---> UNKNOWN ---------> any of the others
//
// An INTENT that came out of a backup goes on as an UNKNOWN one: it is looked up.
namespace farebox::server {

// Whether money may still be taken, or be taken and not credited yet.
bool IsOpen(const stored::v1::RechargeAttempt& attempt);

// Whether it is settled which payment is the attempt's: no other one of its name is.
bool HasItsPayment(const stored::v1::RechargeAttempt& attempt);

// Whether it is to be taken further now. One that is due later than anything ever is was written by
// a clock that has been set back since: its time would be long in coming.
bool IsDue(const stored::v1::RechargeAttempt& attempt, absl::Time now);

// What the provider is to be asked about an open attempt that is due.
enum class NextStep {
  // Deliver it: for the first time, or again under the same key.
  kTake,
  // The key may be forgotten, or another process may have charged it since: look the payment up by
  // the attempt's id.
  kFind,
  // The same, and deliver it where the provider knows of no such payment.
  kFindElseTake,
  // The customer has had time enough to confirm it, or the provider to decide.
  kCancel,
  // Charged: put it into the ledger.
  kCredit,
};
// `is_from_backup`: the ledger was restored, and may have forgotten that the attempt was delivered.
NextStep NextStepOf(const stored::v1::RechargeAttempt& attempt, absl::Time now,
                    bool is_from_backup);

// Notices that the clock was set back since the attempt was first sent. To be called before
// NextStepOf.
void NoteClock(absl::Time now, stored::v1::RechargeAttempt* attempt);

// The provider was asked about it: the longer it has no word, the less often it is asked.
void NoteLookUp(stored::v1::RechargeAttempt* attempt);

// The delivery is about to be made.
void NoteSending(absl::Time now, stored::v1::RechargeAttempt* attempt);

// Whether the provider has taken that much, and in that currency.
bool IsWhatWasAskedFor(const CardCharge& charge, const stored::v1::RechargeAttempt& attempt);

// What the provider's answer makes of an open attempt. A charge of another amount than was asked
// for stays UNKNOWN, for people to look at: it is neither credited nor charged again.
void NoteCharge(const CardCharge& charge, absl::Time now, stored::v1::RechargeAttempt* attempt);

// It was charged and the ledger will not take it, as the account was closed meanwhile: the money is
// on its way back, or is to be sent back by and by.
void NotePaidBack(const absl::Status& refund, absl::Time now, stored::v1::RechargeAttempt* attempt);

// The money that was sent back did not arrive: it is nobody's again.
void NoteNotPaidBack(stored::v1::RechargeAttempt* attempt);

// The credit is in the ledger.
void NoteCredited(int64_t entry_id, absl::Time now, stored::v1::RechargeAttempt* attempt);

ChargeRequest RequestOf(const stored::v1::RechargeAttempt& attempt);
// As narrow as what is known of the attempt allows: of one that may have been charged under its
// name before a restore, the card may have been of a customer who is forgotten.
ChargeReference ReferenceOf(const stored::v1::RechargeAttempt& attempt);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_RECHARGE_STATES_H_
