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
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
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
  absl::Time open_time;
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

  // Applies the next durable entry. Fails with DataLoss where it cannot follow. `request` is the
  // key of its request id, where that has been computed.
  absl::Status Fold(const Entry& entry, const RequestKey* request = nullptr);

  // Remembers the request id of the next durable entry, whose effect is in the books already. Fold
  // does it by itself. `request` is as there.
  void NoteRequestId(const Entry& entry, const RequestKey* request = nullptr);

  // What the writer sees of an account; valid until the next Fold.
  struct WriterAccount {
    absl::string_view id;
    AccountNumber number;
    const AccountState& state;
    absl::Time open_time;
    const std::shared_ptr<const std::string>& settings;
  };

  // Where the batch in hand keeps what becomes of the account; kNoSlot between batches.
  static constexpr int64_t kNoSlot = -1;
  int64_t& WriterSlot(Account* account);

  // Null where there is no such account.
  Account* WriterFind(absl::string_view account_id);
  Account* WriterByNumber(AccountNumber number) const;
  WriterAccount Writer(const Account& account) const;
  // Null where the hold is neither open nor waiting for a late settlement.
  const Hold* WriterHold(const Account& account, EntryId hold) const;
  // The ids of the open ones.
  std::vector<EntryId> WriterOpenHolds(const Account& account) const;
  Micros WriterRefunded(EntryId debit) const;
  AccountNumber next_account_number() const;
  const RequestIdWindow& request_ids() const { return request_ids_; }
  RequestIdWindow* WriterRequestIds() { return &request_ids_; }
  // Forgets request ids that are older than the window and known to the journal's own index.
  void ForgetRequestIds(absl::Time now, EntryId known_through);
  // Forgets a hold that can no longer be settled.
  void ForgetHold(AccountNumber number, EntryId hold);
  // Calls `visit` for every hold there is.
  void VisitHolds(absl::FunctionRef<void(AccountNumber, const Hold&)> visit) const;

 private:
  class Loader;
  struct Shard;
  // Enough that readers and the writer seldom meet.
  static constexpr int kShardBits = 6;
  static constexpr size_t kShardCount = size_t{1} << kShardBits;
  static constexpr size_t kInternSweepSizeMin = 1024;

  // Finds shared settings by their content.
  struct SettingsHash {
    using is_transparent = void;
    size_t operator()(const std::string& settings) const {
      return absl::Hash<std::string>()(settings);
    }
    size_t operator()(const std::shared_ptr<const std::string>& settings) const {
      return (*this)(*settings);
    }
  };
  struct SettingsEqual {
    using is_transparent = void;
    using Shared = std::shared_ptr<const std::string>;
    bool operator()(const Shared& a, const Shared& b) const { return *a == *b; }
    bool operator()(const Shared& a, const std::string& b) const { return *a == b; }
    bool operator()(const std::string& a, const Shared& b) const { return a == *b; }
  };

  Shard& ShardOf(absl::string_view account_id) const;
  void Reserve(int64_t accounts);
  // Forgets what was loaded.
  void Clear();
  // Null where the number or the id cannot be a new account's. Readers see the account from now on,
  // and see it whole.
  Account* AddAccount(const AccountRecord& record, AccountNumber number, const AccountState& state);
  // Applies the first entry of an account.
  absl::Status FoldOpening(const Entry& entry, const RequestKey* request);
  std::shared_ptr<const std::string> Intern(const std::string& settings);

  const std::unique_ptr<std::array<Shard, kShardCount>> shards_;

  mutable Mutex numbers_mu_;
  // By number, from 1. Written by the writer thread, which reads it without the lock.
  std::vector<std::unique_ptr<Account>> accounts_ ABSL_GUARDED_BY(numbers_mu_);

  // Used only on the writer thread.
  absl::flat_hash_map<EntryId, Micros> refunded_;
  RequestIdWindow request_ids_;
  // Accounts with equal settings share them; what none uses any more is swept out now and then.
  absl::flat_hash_set<std::shared_ptr<const std::string>, SettingsHash, SettingsEqual> interned_;
  // Looked at first: accounts that are opened together are often alike.
  std::shared_ptr<const std::string> newest_interned_;
  size_t intern_sweep_size_ = kInternSweepSizeMin;
  std::unique_ptr<Loader> loader_;
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_BOOKS_H_
