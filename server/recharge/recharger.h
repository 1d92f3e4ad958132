#ifndef FAREBOX_SERVER_RECHARGE_RECHARGER_H_
#define FAREBOX_SERVER_RECHARGE_RECHARGER_H_

#include <functional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "farebox/stored/v1/recharge.pb.h"
#include "server/recharge/payment_gateway.h"
#include "server/recharge/recharge_mails.h"
#include "server/recharge/recharge_records.h"
#include "server/recharge/recharge_rules.h"
#include "server/recharge/recharge_settings.h"
#include "storage/check.h"
#include "storage/clock.h"
#include "storage/document_store.h"
#include "storage/entry.h"
#include "storage/journal.h"
#include "storage/ledger.h"
#include "storage/micros.h"

namespace farebox::server {

// An attempt that somebody else has heard of.
struct RechargeAttemptName {
  std::string account_id;
  std::string recharge_id;
  // The provider's; may be empty.
  std::string payment_id;
};

// Takes the money of one account's card and puts it into the ledger, step by step: every step is on
// disk before the next is taken, so that a process may end between any two of them, and the next
// one goes on where it was.
//
//   decide -> INTENT on disk -> SENT on disk -> the provider -> SUCCEEDED on disk
//          -> credit in the ledger, request id = recharge id -> CREDITED on disk
//
// Calls block, for as long as the provider takes. Any thread, but one account on one thread at a
// time; its profile may be changed by others meanwhile.
class Recharger {
 public:
  // All outlive it.
  struct Parts {
    Ledger* ledger = nullptr;
    Journal* journal = nullptr;
    DocumentStore* documents = nullptr;
    PaymentGateway* gateway = nullptr;
    const RechargeMails* mails = nullptr;
    const Clock* clock = nullptr;
    // Names a new attempt; never the same twice.
    std::function<std::string()> new_recharge_id;
    // The limits of what is charged at once, by currency.
    const RechargeLimitTable* limits = nullptr;
    // Told of each state that an attempt has reached, once it is on disk.
    std::function<void(const stored::v1::RechargeAttempt&)> on_state =
        [](const stored::v1::RechargeAttempt&) {};
    // Whether no automatic charge is to be decided on for now, none delivered that was decided on
    // before, and no other without looking for it: the ledger was restored from a backup, and does
    // not know what was charged since. Required, as wherever it is asked for: without it cards
    // could be charged again.
    std::function<bool()> is_held;
    // What a held ledger has forgotten happened after this. InfinitePast: at any time.
    std::function<absl::Time()> forgotten_since = [] { return absl::InfinitePast(); };
    // Whether Work is to begin nothing more: the next process goes on.
    std::function<bool()> is_ending = [] { return false; };
    // Tests end the process here. The names are those of the steps that have just been taken.
    std::function<void(absl::string_view point)> reached = [](absl::string_view) {};
  };
  explicit Recharger(Parts parts)
      : parts_(std::move(parts)), start_time_(parts_.clock->Now()), records_(parts_.documents) {
    FAREBOX_CHECK(parts_.is_held != nullptr);
  }

  // Does what is to be done now: takes an open attempt further that is due, and where there is
  // none and the balance is low, decides on a charge and makes it.
  absl::Status Work(absl::string_view account_id);

  // Asks the provider how an attempt stands, whatever is due, and takes it on from there. Where it
  // turns out that one was charged that had been taken for refused, that is credited too. On a held
  // ledger also one that it does not know: it is made anew from the provider's books.
  absl::Status Ask(const RechargeAttemptName& name);

  struct Payment {
    // As far as it has come by now: CREDITED, DECLINED, ABANDONED, or open where the provider has
    // not decided.
    stored::v1::RechargeAttempt attempt;
    // It was credited before.
    bool replayed = false;
  };
  // Pay Now. The same request makes one attempt, for ever. REQUEST_ID_REUSED; where there is no
  // attempt yet, AMOUNT_INVALID, RECHARGE_LIMIT, RECHARGE_IN_PROGRESS, NO_CARD; PAYMENT_PENDING for
  // whatever fails once it is on disk.
  absl::StatusOr<Payment> Pay(absl::string_view account_id, absl::string_view request_id,
                              Micros amount);

 private:
  // Whether an attempt was decided on.
  absl::StatusOr<bool> Decide(const AccountFacts& account);
  // The same by this profile. Aborted: it was changed meanwhile.
  absl::StatusOr<bool> DecideBy(const AccountFacts& account, ProfileRecord* profile);
  // The profile, which says that it was told, with the mail.
  absl::Status TellOfCap(RechargeObstacle obstacle, const AccountFacts& account,
                         ProfileRecord* profile);
  // Pay's attempt, as it stands or begun now.
  absl::StatusOr<AttemptRecord> FindOrBegin(const AccountFacts& account,
                                            absl::string_view request_id, Micros amount);
  // Aborted: the profile was changed meanwhile.
  absl::Status Begin(const AccountFacts& account, stored::v1::RechargeAttempt attempt,
                     ProfileRecord* profile, AttemptRecord* begun);

  // Until it is over, or waits for its time.
  absl::Status Advance(const AccountFacts& account, AttemptRecord* record);
  absl::Status Step(const AccountFacts& account, AttemptRecord* record);
  bool IsFromBackup(const stored::v1::RechargeAttempt& attempt) const;
  // What the provider is asked for, of an attempt.
  ChargeReference ReferenceTo(const stored::v1::RechargeAttempt& attempt) const;
  // How an attempt stands at the provider; with the bank's page, where an open one needs it.
  CardCharge Find(const ChargeReference& reference, const stored::v1::RechargeAttempt& attempt);
  // Looks for what it may have done before, and takes the money where that is nothing.
  absl::Status FindElseTake(const AccountFacts& account, AttemptRecord* record);
  absl::Status NoteFound(const CardCharge& found, const AccountFacts& account,
                         AttemptRecord* record);
  absl::Status TakeMoney(const AccountFacts& account, AttemptRecord* record);
  // Whether the attempt counts for the caps of its day and month.
  enum class Counted { kBefore, kFromNowOn };
  absl::Status Credit(const AccountFacts& account, AttemptRecord* record,
                      Counted counted = Counted::kBefore);
  // The entry that somebody has made under the attempt's name; fails where it is not its credit.
  absl::StatusOr<Entry> FindCreditByHand(const stored::v1::RechargeAttempt& attempt);
  absl::Status PayBack(const AccountFacts& account, AttemptRecord* record);
  absl::Status Adopt(const RechargeAttemptName& name, const AccountFacts& account);
  absl::Status CreditLate(const CardCharge& charge, const AccountFacts& account,
                          AttemptRecord* record);
  // Writes what the provider has answered, with what follows from it.
  absl::Status Note(const CardCharge& charge, const AccountFacts& account, AttemptRecord* record);
  // The mail that the bank wants the customer; none where it was written before.
  absl::StatusOr<DocumentGroup> TellOfBank(const AccountFacts& account,
                                           const stored::v1::RechargeAttempt& attempt);
  // None where one of them was written before: it would have the whole group refused.
  absl::StatusOr<DocumentGroup> Untold(DocumentGroup mails);
  absl::Status NoteRefusal(const CardCharge& charge, const AccountFacts& account,
                           AttemptRecord* record);
  // What it makes of the profile; returns the mails about it.
  DocumentGroup FollowRefusal(const CardCharge& charge, const AccountFacts& account,
                              const stored::v1::RechargeAttempt& attempt, ProfileRecord* record);

  // Writes the attempt together with what `change` makes of the account's profile and the mails
  // that it returns; anew where somebody else changed the profile meanwhile.
  using ChangeProfile = absl::FunctionRef<DocumentGroup(ProfileRecord* profile)>;
  absl::Status PutWithProfile(const AccountFacts& account, AttemptRecord* record,
                              ChangeProfile change);

  // Whether somebody has changed the account's profile since it was read.
  absl::StatusOr<bool> HasChanged(const AccountFacts& account, int64_t revision);

  const Parts parts_;
  const absl::Time start_time_;
  RechargeRecords records_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_RECHARGER_H_
