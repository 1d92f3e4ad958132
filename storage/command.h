#ifndef FAREBOX_STORAGE_COMMAND_H_
#define FAREBOX_STORAGE_COMMAND_H_

#include <cstdint>
#include <functional>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/account_terms.h"
#include "storage/entry.h"
#include "storage/errors.h"
#include "storage/hold.h"
#include "storage/micros.h"

namespace farebox {

// What a pricing function answers: an amount with what is to be remembered of it, or a refusal.
struct Charge {
  // Not kNone: decline for this reason, and record that.
  Reason refusal = Reason::kNone;
  Micros amount;
  // Kept with the entry.
  std::string detail;
};

// The same for a hold.
struct HoldOffer {
  Reason refusal = Reason::kNone;
  // What the hold is to have set aside and charged in all.
  Micros amount;
  // The account pays no more than this.
  bool final = false;
  // From now until the hold expires, at most limits::kHoldLifetimeMax.
  absl::Duration lifetime;
  std::string detail;
};

// The functions below let the ledger decide about money and never learn what a second is. They run
// on the writer thread, must be quick and pure, and see only their arguments.

// Sizes a new hold: the most that fits in `available`, or all that was asked for.
using SizeHold = std::function<HoldOffer(Micros available)>;
// Sizes a hold anew: `budget` is what is available plus what the hold has set aside and charged. An
// error where the request does not go with the hold: nothing is recorded.
using ResizeHold = std::function<absl::StatusOr<HoldOffer>(Micros budget, const Hold& hold)>;
// Prices all that was used of a hold so far, from its detail. Never a refusal.
using PriceHold = std::function<Charge(const Hold& hold)>;

// Opens an account. The entry's detail is the record.
struct OpenAccount {
  AccountTerms terms;
  std::string settings;
};

// Changes an account: gets its record as it is, returns what it is to be. The id cannot change.
struct ChangeAccount {
  std::function<absl::Status(AccountRecord* record)> change;
};

// Takes an amount at once, or nothing.
struct Debit {
  uint8_t item = 0;
  Charge charge;
  // The money is gone already (a bank took it back): taken from any account, even below its limit;
  // the entry then says that it overran.
  bool has_left = false;
};

// Gives an amount.
struct Credit {
  uint8_t item = 0;
  Micros amount;
  // The debit that this refunds; 0 for none.
  EntryId refunds = 0;
  std::string detail;
};

// Sets money aside.
struct PlaceHold {
  uint8_t item = 0;
  SizeHold size;
  // Kept with a refusal that comes before the hold is sized.
  std::string detail;
};

// Sets more aside for the same call and moves its expiry.
struct ExtendHold {
  EntryId hold = 0;
  ResizeHold resize;
};

// Charges what was used: price so far less what was charged before, never below zero.
struct SettleHold {
  EntryId hold = 0;
  PriceHold price;
  // False: an interim settlement, the hold goes on.
  bool final = true;
};

// Ends a hold whose call was not answered; charges what `price` says, usually nothing.
struct ReleaseHold {
  EntryId hold = 0;
  PriceHold price;
};

using Action = std::variant<OpenAccount, ChangeAccount, Debit, Credit, PlaceHold, ExtendHold,
                            SettleHold, ReleaseHold>;

// One change of one account, named by the caller.
struct Command {
  std::string account_id;
  // Unique within the account; see limits::kRequestIdBytesMax.
  std::string request_id;
  // ContentFingerprint() of everything else that makes this request what it is.
  uint64_t fingerprint = 0;
  // When the caller stops waiting. A command that is still queued then is not applied.
  absl::Time deadline = absl::InfiniteFuture();
  Action action;
};

// What became of a command.
struct Outcome {
  // Not OK: nothing was recorded (STORAGE_FAILED: it is not known whether something was).
  absl::Status status;
  // What was recorded. A kDecline is a refusal, with its reason.
  Entry entry;
  // The request id came before: `entry` is what was recorded then.
  bool replayed = false;

  bool declined() const { return entry.kind == EntryKind::kDecline; }
  // What the account had left after `entry`.
  Micros available() const { return entry.available(); }
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_COMMAND_H_
