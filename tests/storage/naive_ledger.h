#ifndef FAREBOX_TESTS_STORAGE_NAIVE_LEDGER_H_
#define FAREBOX_TESTS_STORAGE_NAIVE_LEDGER_H_

#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "storage/command.h"
#include "storage/entry.h"
#include "storage/errors.h"

namespace farebox {

// What a caller may ask for, as plain data.
struct Operation {
  enum class Kind {
    kDebit,
    kTakeBack,
    kCredit,
    kRefund,
    kHold,
    kExtend,
    kCharge,
    kSettle,
    kRelease,
    kSuspend,
    kResume,
  };
  Kind kind = Kind::kDebit;
  std::string account;
  // Of the debit, credit or hold; of a hold's later steps the total.
  int64_t micros = 0;
  // The hold, or the refunded debit.
  EntryId subject = 0;
  absl::Duration lifetime;
  std::string request_id;
};

Command CommandOf(const Operation& operation);

// The rules of the ledger once more, in the plainest way there is: maps, no batches, no journal.
// Written from what holds and request ids promise, not from the engine. tests/simulation has
// another one (model.h), on purpose: this one is for every journal, with its files and the writer's
// thread, that one for what crashes and lost batches leave. A rule that was misread for one is not
// misread for both.
class NaiveLedger {
 public:
  struct Answer {
    // Not kNone: refused, nothing recorded.
    Reason error = Reason::kNone;
    bool replayed = false;
    EntryId id = 0;
    EntryKind kind = EntryKind::kDebit;
    Reason declined = Reason::kNone;
    int64_t amount = 0;
    int64_t balance = 0;
    int64_t held = 0;
    bool overrun = false;
    bool late = false;

    friend bool operator==(const Answer&, const Answer&) = default;
    friend std::ostream& operator<<(std::ostream& out, const Answer& answer);
  };

  struct Hold {
    std::string account;
    int64_t held = 0;
    int64_t charged = 0;
    absl::Time expire_time;
    bool expired = false;
    bool ended = false;
  };

  struct Account {
    int64_t balance = 0;
    int64_t held = 0;
    int64_t credit_limit = 0;
    bool suspended = false;
    int64_t available() const { return balance - held + credit_limit; }
  };

  void Open(const std::string& account, int64_t credit_limit);
  // Before every batch.
  void ExpireDue(absl::Time now);
  Answer Apply(const Operation& operation, absl::Time now);

  const std::map<std::string, Account>& accounts() const { return accounts_; }
  const std::map<EntryId, Hold>& holds() const { return holds_; }

  // What an outcome says, in the words of an answer.
  static Answer AnswerOf(const Outcome& outcome);

 private:
  Answer Decide(const Operation& operation, absl::Time now);
  Answer Refund(const Operation& operation, Account* account);
  Answer PlaceHold(const Operation& operation, Account* account, absl::Time now);
  Answer ChangeHold(const Operation& operation, Account* account, absl::Time now);
  Answer Extend(const Operation& operation, Account* account, Hold* hold, absl::Time now);
  Answer Settle(const Operation& operation, Account* account, Hold* hold);
  // Records an entry that moves this much.
  Answer Record(EntryKind kind, Account* account, int64_t amount, int64_t held_change);
  Answer Decline(const Account& account, Reason reason);

  EntryId last_ = 0;
  std::map<std::string, Account> accounts_;
  std::map<EntryId, Hold> holds_;
  // Debits by the account they were taken from, and what of them was refunded.
  std::map<EntryId, std::pair<std::string, int64_t>> refundable_;
  std::map<std::pair<std::string, std::string>, std::pair<uint64_t, Answer>> answers_;
};

}  // namespace farebox

#endif  // FAREBOX_TESTS_STORAGE_NAIVE_LEDGER_H_
