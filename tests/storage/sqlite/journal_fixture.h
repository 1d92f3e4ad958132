#ifndef FAREBOX_TESTS_STORAGE_SQLITE_JOURNAL_FIXTURE_H_
#define FAREBOX_TESTS_STORAGE_SQLITE_JOURNAL_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "storage/clock.h"
#include "storage/entry.h"
#include "storage/hold.h"
#include "storage/journal.h"
#include "storage/sqlite/sqlite_journal.h"
#include "tests/support/temporary_directory.h"

namespace farebox::sqlite {

// Makes entries that follow from each other as the ledger's do, and the batches around them.
class EntryMaker {
 public:
  explicit EntryMaker(absl::Time start) : now_(start) {}

  // Goes on after `head`, the last batch of these entries; without their holds.
  void Resume(const std::vector<Entry>& entries, const BatchHead& head);

  void Advance(absl::Duration by) { now_ += by; }
  absl::Time now() const { return now_; }

  // Each makes the next entry of the batch at hand.
  Entry Open(const std::string& account_id);
  Entry Debit(AccountNumber account, int64_t micros);
  Entry Credit(AccountNumber account, int64_t micros, EntryId refunds = 0);
  Entry Hold(AccountNumber account, int64_t micros, absl::Duration lifetime);
  Entry Charge(AccountNumber account, EntryId hold, int64_t micros);
  Entry Expire(AccountNumber account, EntryId hold);
  Entry Settle(AccountNumber account, EntryId hold, int64_t micros);

  // The head that makes these entries the batch after the newest one.
  BatchHead Seal(const std::vector<Entry>& entries);

  const BatchHead& head() const { return head_; }

 private:
  struct Account {
    int64_t balance = 0;
    int64_t held = 0;
    EntryId last_entry = 0;
  };

  Entry Make(AccountNumber account, EntryKind kind, int64_t amount, int64_t held_change);

  absl::Time now_;
  EntryId last_ = 0;
  BatchHead head_;
  AccountNumber last_account_ = 0;
  std::map<AccountNumber, Account> accounts_;
  std::map<EntryId, int64_t> holds_;
};

// A UUID in its canonical form.
std::string UuidOf(uint64_t number);

// Remembers a snapshot.
class SnapshotRecorder : public SnapshotVisitor {
 public:
  void OnBegin(int64_t /*accounts*/) override {}
  absl::Status OnAccount(AccountSnapshot account) override;
  absl::Status OnHold(AccountNumber account, Hold hold) override;
  absl::Status OnRefunded(EntryId debit, Micros refunded) override;
  void OnDiscard() override { lines.clear(); }

  // One line a row, for comparison.
  std::vector<std::string> lines;
};

// A journal in a directory of its own, with time that stands still.
class SqliteJournalFixture : public ::testing::Test {
 protected:
  static absl::Time Start() { return absl::FromUnixSeconds(1'700'000'000); }

  SqliteJournalFixture() : clock_(Start()), maker_(Start()) {}

  SqliteJournal::Options Options() const;
  // (Re)opens journal_, which must succeed.
  void OpenJournal();
  void OpenJournal(SqliteJournal::Options options);
  // Appends one batch to journal_, which must succeed.
  void Append(const std::vector<Entry>& entries);
  // Opens accounts 1 to `count`, with a credit each, in one batch.
  void OpenAccounts(int count);

  // A few thousand entries of every kind, the first half of them with request ids that are old.
  void AppendHistory();
  // Waits until derived.db has everything that was appended.
  void WaitUntilDerived();
  // Everything that can be asked of journal_, once its derived file is up to date.
  std::vector<std::string> AllAnswers();
  std::vector<Entry> AllEntries();
  std::vector<EntryId> Activity(JournalReader* reader, AccountNumber account, EntryId newest,
                                EntryId from);

  testing::TemporaryDirectory directory_;
  ManualClock clock_;
  EntryMaker maker_;
  std::unique_ptr<SqliteJournal> journal_;
  // Request ids of the entries up to this one are to be found in the derived file.
  EntryId old_through_ = 0;
};

}  // namespace farebox::sqlite

#endif  // FAREBOX_TESTS_STORAGE_SQLITE_JOURNAL_FIXTURE_H_
