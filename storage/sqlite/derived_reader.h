#ifndef FAREBOX_STORAGE_SQLITE_DERIVED_READER_H_
#define FAREBOX_STORAGE_SQLITE_DERIVED_READER_H_

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/entry.h"
#include "storage/journal.h"
#include "storage/sqlite/account_walker.h"
#include "storage/sqlite/connection.h"

namespace farebox::sqlite {

// What the thread that writes derived.db and those that read it tell each other. Thread-safe.
struct DerivedStatus {
  // Counts the times that the file was begun anew; odd while it is being replaced, and until it was
  // opened.
  std::atomic<int64_t> generation{1};
  // Everything up to these entries is in the file now.
  std::atomic<EntryId> through{0};
  std::atomic<EntryId> requests_through{0};
  // The most that requests_through has ever been: what memory may have forgotten.
  std::atomic<EntryId> requests_promised{0};
  // What memory never had: a start left them to this file. Set by the ledger's side.
  std::atomic<EntryId> requests_left{0};

  // What the file must have, once it is whole.
  EntryId requests_expected() const {
    return std::max(requests_promised.load(), requests_left.load());
  }
  bool are_requests_missing() const { return requests_through.load() < requests_expected(); }
};

// Is told by readers that they met what cannot be right. Thread-safe.
class DamageListener {
 public:
  virtual ~DamageListener() = default;
  virtual void OnDamage() = 0;
};

// Reads derived.db through a connection of its own, and follows the file when it is replaced.
// Thread-compatible.
class DerivedReader : public AccountIndex {
 public:
  DerivedReader(std::string path, const DerivedStatus* status, DamageListener* listener)
      : path_(std::move(path)), status_(status), listener_(listener) {}

  // Only hints: nothing for whatever reason.
  std::optional<TotalsAt> FindTotals(AccountNumber account, EntryId entry) override;
  EntryId SkipBack(AccountNumber account, EntryId entry, const EntryFilter& filter) override;
  void OnWrong() override;

  // Fails while the file does not know what it once knew.
  absl::StatusOr<std::optional<EntryId>> FindRequest(RequestHash hash);

  // As Journal::LoadSnapshot. Where it fails, the visitor is to forget what it has seen.
  absl::StatusOr<EntryId> LoadSnapshot(SnapshotVisitor* visitor);

 private:
  // Opens the file, or the one that has replaced it.
  absl::Status Refresh();
  absl::Status OpenFile();
  absl::StatusOr<std::optional<EntryId>> LookUpRequest(RequestHash hash);
  absl::StatusOr<std::optional<TotalsAt>> LookUpTotals(AccountNumber account, EntryId entry);
  // What the index has at the lowest entry that is not below; nothing where it has none.
  absl::StatusOr<std::optional<TotalsAt>> LookUpIndexed(AccountNumber account, EntryId entry);
  absl::StatusOr<EntryId> SearchBack(AccountNumber account, EntryId entry,
                                     const EntryFilter& filter);
  // Tells the listener, where the file that is open now is damaged.
  void NoteDamage(const absl::Status& status);

  const std::string path_;
  const DerivedStatus* const status_;  // Outlives this object.
  DamageListener* const listener_;     // Outlives this object.

  // Of the file that is open; -1 for none.
  int64_t generation_ = -1;
  std::optional<Connection> connection_;
  Snapshots snapshots_;
  Statement find_indexed_;
  Statement find_newest_;
  Statement find_request_;
};

}  // namespace farebox::sqlite

#endif  // FAREBOX_STORAGE_SQLITE_DERIVED_READER_H_
