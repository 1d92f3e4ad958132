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
// What a ledger that was restored from a backup may have forgotten of an attempt.
enum class Forgotten {
  kNothing,
  // That it was delivered: it came out of the backup.
  kDelivery,
  // That there was one of the same name, and what became of it: it was made since the restore, for
  // a request that may have been made before.
  kNamesake,
};
NextStep NextStepOf(const stored::v1::RechargeAttempt& attempt, absl::Time now,
                    Forgotten forgotten);

// Notices that the clock was set back since the attempt was first sent. To be called before
// NextStepOf.
void NoteClock(absl::Time now, stored::v1::RechargeAttempt* attempt);

// The provider was asked about it: the longer it has no word, the less often it is asked.
void NoteLookUp(stored::v1::RechargeAttempt* attempt);

// The delivery is about to be made.
void NoteSending(absl::Time now, stored::v1::RechargeAttempt* attempt);

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
ChargeReference ReferenceOf(const stored::v1::RechargeAttempt& attempt);
// Of a forgotten one of the same name: it was made at any time, and the card may have been of a
// customer who is forgotten too.
ChargeReference ReferenceOfNamesake(const stored::v1::RechargeAttempt& attempt);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_RECHARGE_STATES_H_
