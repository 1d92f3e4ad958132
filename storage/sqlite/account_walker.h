#ifndef FAREBOX_STORAGE_SQLITE_ACCOUNT_WALKER_H_
#define FAREBOX_STORAGE_SQLITE_ACCOUNT_WALKER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "storage/account_totals.h"
#include "storage/entry.h"
#include "storage/journal.h"
#include "storage/micros.h"
#include "storage/sqlite/connection.h"

namespace farebox::sqlite {

// What an account's entries up to one of them add up to.
struct TotalsAt {
  EntryId entry = 0;  // 0: there is none.
  AccountTotals totals;
};

// What is known of an account's entries without reading them, from an index that may lag behind or
// be missing. Thread-compatible.
class AccountIndex {
 public:
  virtual ~AccountIndex() = default;
  // The totals at some entry of the account that is not below `entry`, the nearer the better; at
  // the newest that it knows, where all are below; nothing where it knows nothing.
  virtual std::optional<TotalsAt> FindTotals(AccountNumber account, EntryId entry) = 0;
  // The lowest entry that it knows such that none of the account's entries between it and `entry`,
  // that one included, passes the filter; `entry` itself where it knows none, and 0 where none at
  // all passes.
  virtual EntryId SkipBack(AccountNumber account, EntryId entry, const EntryFilter& filter) = 0;
  // Something that it said cannot be.
  virtual void OnWrong() = 0;
};

// Finds an account's entries in journal.db: from one to the one before it by their links, and to
// the neighbourhood of any of them with an index. Each step is one short read transaction.
// Thread-compatible.
class AccountWalker {
 public:
  // `connection` outlives the walker; `index` may be null.
  static absl::StatusOr<std::unique_ptr<AccountWalker>> Make(Connection* connection,
                                                             std::unique_ptr<AccountIndex> index);

  // As JournalReader.
  absl::StatusOr<EntryId> Scan(const AccountScan& scan,
                               absl::FunctionRef<bool(const Entry&)> visit);
  absl::StatusOr<std::vector<AccountTotals>> ReadTotals(AccountNumber account, EntryId newest,
                                                        absl::Span<const EntryId> positions);

 private:
  // What of an entry tells where it belongs. Reading it costs a third of reading it whole.
  struct Link {
    EntryId id = 0;
    EntryId previous = 0;
    EntryKind kind = EntryKind::kDebit;
    uint8_t item = 0;
    Micros amount;
    Micros balance;

    EntrySide side() const { return SideOf(kind, amount); }
  };
  // Where a scan has got to.
  struct Place {
    EntryId next = 0;
    int64_t looks_left = 0;
  };

  AccountWalker(Connection* connection, std::unique_ptr<AccountIndex> index)
      : connection_(connection), index_(std::move(index)) {}

  absl::Status Prepare();
  // Nothing where the account has no such entry.
  absl::StatusOr<std::optional<Link>> FindLink(AccountNumber account, EntryId id);
  // The same for one that must be there.
  absl::StatusOr<Link> ReadLink(AccountNumber account, EntryId id);
  absl::Status ReadWhole(AccountNumber account, EntryId id, Entry* entry);
  // Visits links from `*next` on, and leaves in it where to go on, until `visit` returns false.
  absl::Status FollowLinks(AccountNumber account, EntryId* next,
                           absl::FunctionRef<absl::StatusOr<bool>(const Link&)> visit);

  // What the index has for `entry`; nothing where it has none, or what cannot be.
  absl::StatusOr<std::optional<TotalsAt>> AskIndex(AccountNumber account, EntryId entry);
  // Some entry of the account to begin at for those up to `from`.
  absl::StatusOr<EntryId> FindStart(const AccountScan& scan);
  // Reads what passes of the next few entries, and goes on to the one after them.
  absl::Status ReadPage(const AccountScan& scan, Place* place, std::vector<Entry>* page,
                        size_t* count);
  // Goes over entries of which the index knows that none passes.
  absl::Status Skip(const AccountScan& scan, Place* place);

  static absl::Status CheckBalance(const Link& link, const AccountTotals& totals);
  // The totals at the newest entry up to `position`: from those at one above it, or below it.
  absl::StatusOr<TotalsAt> AddDown(AccountNumber account, TotalsAt above, EntryId position,
                                   int64_t* looks_left);
  absl::StatusOr<TotalsAt> AddUp(AccountNumber account, TotalsAt below, EntryId newest,
                                 EntryId position, int64_t* looks_left);

  Connection* const connection_;
  const std::unique_ptr<AccountIndex> index_;  // May be null.

  Snapshots snapshots_;
  Statement link_;
  Statement whole_;
};

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_ACCOUNT_WALKER_H_
