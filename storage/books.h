#ifndef FAREBOX_STORAGE_BOOKS_H_
#define FAREBOX_STORAGE_BOOKS_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/account_state.h"
#include "storage/account_terms.h"
#include "storage/entry.h"
#include "storage/hold.h"
#include "storage/journal.h"
#include "storage/mutex.h"
#include "storage/request_ids.h"

namespace farebox {

// An account as readers see it.
struct AccountFacts {
  std::string account_id;
  AccountNumber number = 0;
  AccountState state;
  // The layer above's settings; never null.
  std::shared_ptr<const std::string> settings;
};

// What the journal adds up to: accounts, holds, refunds, request ids.
//
// Changes only by Fold, with entries that are durable already: so what readers see can never be
// lost in a crash, and a batch that fails to be written leaves nothing to undo. The writer thread
// folds and uses the Writer... functions; the others are thread-safe.
class Books {
 public:
  class Account;

  explicit Books(absl::Duration request_window);
  ~Books();

  // --- Thread-safe.

  absl::StatusOr<AccountFacts> Find(absl::string_view account_id) const;
  absl::StatusOr<AccountFacts> Find(AccountNumber number) const;
  absl::StatusOr<std::vector<Hold>> ListHolds(absl::string_view account_id, EntryId before,
                                              size_t count_max) const;
  std::vector<AccountFacts> ListAccounts(AccountNumber before, size_t count_max) const;
  int64_t account_count() const;

  // --- Used only on the writer thread.

  // Takes over what a journal has derived, before the entries after it are folded.
  SnapshotVisitor* snapshot_visitor();

  // Applies the next durable entry. Fails with DataLoss where it cannot follow.
  absl::Status Fold(const Entry& entry);

  // Remembers an entry's request id without applying it: for entries that a snapshot covers.
  void FoldRequestId(const Entry& entry);

  // Null where there is no such account.
  Account* WriterFind(absl::string_view account_id);
  const AccountState& WriterState(const Account& account) const;
  std::shared_ptr<const std::string> WriterSettings(const Account& account) const;
  // Null where the hold is neither open nor waiting for a late settlement.
  const Hold* WriterHold(const Account& account, EntryId hold) const;
  std::vector<Hold> WriterHolds(const Account& account) const;
  Micros WriterRefunded(EntryId debit) const;
  AccountNumber next_account_number() const;
  const RequestIdWindow& request_ids() const { return request_ids_; }
  // Forgets request ids that are older than the window and known to the journal's own index.
  void ForgetRequestIds(absl::Time now, EntryId known_through);
  // Forgets a hold that can no longer be settled.
  void ForgetHold(AccountNumber account, EntryId hold);
  // Calls `visit` for every hold there is.
  void VisitHolds(absl::FunctionRef<void(const Account&, const Hold&)> visit) const;

 private:
  class Loader;
  struct Shard;
  // A power of two: enough that readers and the writer seldom meet.
  static constexpr size_t kShardCount = 64;

  Shard& ShardOf(absl::string_view account_id) const;
  Account* AddAccount(const AccountRecord& record, AccountNumber number);
  Account* WriterByNumber(AccountNumber number) const;
  std::shared_ptr<const std::string> Intern(const std::string& settings);

  const std::unique_ptr<std::array<Shard, kShardCount>> shards_;

  mutable Mutex numbers_mu_;
  // By number, from 1. Written by the writer thread, which reads it without the lock.
  std::vector<std::unique_ptr<Account>> accounts_ ABSL_GUARDED_BY(numbers_mu_);

  // Used only on the writer thread.
  absl::flat_hash_map<EntryId, Micros> refunded_;
  RequestIdWindow request_ids_;
  // Accounts with equal settings share them.
  absl::flat_hash_map<std::string, std::weak_ptr<const std::string>> interned_;
  std::unique_ptr<Loader> loader_;
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_BOOKS_H_
