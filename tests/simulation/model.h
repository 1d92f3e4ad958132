#ifndef FAREBOX_TESTS_SIMULATION_MODEL_H_
#define FAREBOX_TESTS_SIMULATION_MODEL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "storage/account_terms.h"
#include "storage/entry.h"
#include "storage/errors.h"
#include "tests/simulation/operation.h"

namespace farebox::simulation {

// The promises of the ledger once more, in the plainest way there is: maps, no journal, no
// recovery, nothing forgotten. Written from what the headers promise, and shares no code with the
// engine but the words that both speak; nor with tests/storage/naive_ledger.h, which is another one
// on purpose: a rule that was misread for one is not misread for both.
//
// A batch that was not to become durable is never applied.
class Model {
 public:
  struct Account {
    AccountNumber number = 0;
    AccountTerms terms;
    std::string settings;
    absl::Time open_time;
    int64_t balance = 0;
    int64_t held = 0;
    EntryId last_entry = 0;
    std::set<EntryId> open_holds;

    int64_t available() const { return balance - held + terms.credit_limit.value(); }
  };

  struct Hold {
    std::string account;
    uint8_t item = 0;
    // Set aside; after expiry: what was, less what was charged since.
    int64_t held = 0;
    int64_t charged = 0;
    absl::Time start_time;
    absl::Time expire_time;
    bool expired = false;
    bool ended = false;
    std::string detail;
  };

  // What a command is to be answered. The entry has no detail where it is an account's record.
  struct Answer {
    Reason error = Reason::kNone;  // Not kNone: nothing is recorded.
    bool replayed = false;
    Entry entry;
  };

  explicit Model(absl::Duration request_window) : request_window_(request_window) {}

  // A machine starts whose clock says `clock`; the clock is looked at, as with each commit.
  void Start(absl::Time clock);
  void Look(absl::Time clock);
  // The next batch, by a machine's clock that says `clock`: ends the holds that are due.
  void BeginBatch(absl::Time clock);
  Answer Apply(const Operation& operation);

  // What the request was answered first, where it came before; changes nothing.
  std::optional<Answer> FindReplay(const Operation& operation) const;

  // What the batch has recorded so far.
  const std::vector<Entry>& batch() const { return batch_; }
  // Of the newest entry.
  absl::Time journal_time() const { return journal_time_; }
  EntryId last_entry() const { return last_entry_; }
  // When time alone makes an entry, by the journal's time and by the clock as it was looked at.
  absl::Time NextExpiry() const;
  absl::Time NextExpiryByClock() const;

  const std::map<std::string, Account>& accounts() const { return accounts_; }
  const std::map<EntryId, Hold>& holds() const { return holds_; }
  size_t open_hold_count() const { return open_holds_.size(); }
  // So far.
  size_t expired_hold_count() const { return expired_holds_; }
  // Null where there is none.
  const Account* FindAccount(const std::string& id) const;
  const Hold* FindHold(EntryId id) const;
  bool CanStillEnd(const Hold& hold) const;

 private:
  struct Debited {
    std::string account;
    int64_t refundable = 0;
  };
  struct First {
    Operation operation;
    Answer answer;
  };

  Answer Decide(const Operation& operation, Account* account);
  Answer Open(const Operation& operation);
  Answer Change(const Operation& operation, Account* account);
  Answer Debit(const Operation& operation, Account* account);
  Answer Credit(const Operation& operation, Account* account);
  Answer Place(const Operation& operation, Account* account);
  Answer Extend(const Operation& operation, Account* account);
  Answer Charge(const Operation& operation, Account* account);
  // The reason why the hold cannot be changed; kNone where it can.
  Reason HoldProblem(const Operation& operation) const;

  Answer Decline(Account* account, uint8_t item, Reason reason, std::string detail);
  Answer Record(EntryKind kind, Account* account, int64_t amount, int64_t held_change);
  // Replaces what Record has put into the batch.
  Answer Amend(Entry entry);

  absl::Duration request_window_;
  // Of the batch, or of the one before.
  absl::Time now_ = absl::UnixEpoch();
  absl::Time journal_time_ = absl::UnixEpoch();
  absl::Time clock_ = absl::UnixEpoch();
  // What the clock has gone forward since the newest entry, less what it went back.
  absl::Duration gone_;
  EntryId last_entry_ = 0;
  std::vector<Entry> batch_;
  std::map<std::string, Account> accounts_;
  std::map<EntryId, Hold> holds_;
  std::set<EntryId> open_holds_;
  size_t expired_holds_ = 0;
  std::map<EntryId, Debited> debits_;
  std::map<std::pair<std::string, std::string>, First> first_answers_;
};

}  // namespace farebox::simulation

#endif  // FAREBOX_TESTS_SIMULATION_MODEL_H_
