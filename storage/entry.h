#ifndef FAREBOX_STORAGE_ENTRY_H_
#define FAREBOX_STORAGE_ENTRY_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "storage/errors.h"
#include "storage/micros.h"

namespace farebox {

// A position in the journal: 1, 2, 3... without gaps. 0 means "none".
using EntryId = int64_t;

// The ledger's own number for an account, in order of creation from 1. 0 means "none".
using AccountNumber = int64_t;

// What happened. The numbers are in the journal and never change.
enum class EntryKind : uint8_t {
  kAccountOpened = 1,
  kAccountChanged = 2,  // terms, settings or state; no effect on money
  kDebit = 3,           // paid at once
  kCredit = 4,
  kHold = 5,          // money set aside; its entry id is the hold's id
  kHoldExtended = 6,  // more money, a later expiry
  kHoldCharged = 7,   // an interim settlement: the hold goes on
  kHoldSettled = 8,   // ends a hold: charged exactly what was used
  kHoldReleased = 9,  // ends a hold: at most an attempt fee is charged
  kHoldExpired = 10,  // ends a hold: nobody reported the end in time
  kDecline = 11,      // a refusal, kept so that a retry gets the same one; no effect on money
};

// "DEBIT", "HOLD_SETTLED"...
absl::string_view EntryKindName(EntryKind kind);

// Whether the kind ends a hold.
constexpr bool EndsHold(EntryKind kind) {
  return kind == EntryKind::kHoldSettled || kind == EntryKind::kHoldReleased ||
         kind == EntryKind::kHoldExpired;
}

// Facts about an entry that are not in its amounts, as bits of Entry::flags.
enum EntryFlag : uint8_t {
  // More was charged than was set aside, for a call that ran on, or than was there, for money that
  // had left already.
  kOverrun = 1,
  // The hold had expired before its settlement came.
  kLate = 2,
  // A hold that took all the account had: the balance pays no more after it.
  kFinal = 4,
};

// One line of the journal. Never changed or deleted once it is durable.
struct Entry {
  EntryId id = 0;
  AccountNumber account = 0;
  // The same account's entry before this one, 0 for its first.
  EntryId previous = 0;
  // Journal time, in whole microseconds; never less than that of the entry before.
  absl::Time time;
  EntryKind kind = EntryKind::kDebit;
  // What was paid for, in the numbers of the layer above; 0 where there is none.
  uint8_t item = 0;
  // Why a kDecline was declined.
  Reason reason = Reason::kNone;
  uint8_t flags = 0;
  // Effect on the balance: negative for a debit.
  Micros amount;
  // Effect on what is held.
  Micros held_change;
  // The account after this entry.
  Micros balance;
  Micros held;
  Micros credit_limit;
  // The hold that a hold's entry belongs to (its own id for kHold), or the debit that a credit
  // refunds.
  EntryId subject = 0;
  // When the hold expires (kHold, kHoldExtended); otherwise absl::InfinitePast().
  absl::Time expire_time = absl::InfinitePast();
  // The caller's name for the change; empty for what the ledger does itself (kHoldExpired).
  std::string request_id;
  // Hash of the request's content: tells a repeated request from a reused id.
  uint64_t fingerprint = 0;
  // The caller's own bytes: the tariff matched, what was granted, a description.
  std::string detail;

  bool overrun() const { return (flags & kOverrun) != 0; }
  bool late() const { return (flags & kLate) != 0; }
  bool final() const { return (flags & kFinal) != 0; }
  // What the account has left after this entry. In range by limits::kBalanceMax.
  Micros available() const { return Micros(balance.value() - held.value() + credit_limit.value()); }

  friend bool operator==(const Entry&, const Entry&) = default;
};

// The bytes of an entry that the hash chain covers: every field, in one canonical form that does
// not depend on how a journal stores it. Appends to `out`.
void AppendCanonical(const Entry& entry, std::string* out);

using Hash256 = std::array<uint8_t, 32>;

// Entries that became durable together.
struct BatchHead {
  int64_t number = 0;  // 1, 2, 3... without gaps
  EntryId first = 0;
  EntryId last = 0;
  absl::Time time;  // of all its entries
  // SHA-256 over the hash of the batch before, this head and the canonical entries.
  Hash256 hash{};

  friend bool operator==(const BatchHead&, const BatchHead&) = default;
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_ENTRY_H_
