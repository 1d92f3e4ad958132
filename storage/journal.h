#ifndef FAREBOX_STORAGE_JOURNAL_H_
#define FAREBOX_STORAGE_JOURNAL_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "storage/account_terms.h"
#include "storage/account_totals.h"
#include "storage/backup.h"
#include "storage/catalog.h"
#include "storage/entry.h"
#include "storage/hold.h"
#include "storage/micros.h"
#include "storage/request_ids.h"

namespace farebox {

// What is known of one account at a journal position.
struct AccountSnapshot {
  AccountNumber number = 0;
  AccountRecord record;
  Micros balance;
  Micros held;
  EntryId last_entry = 0;
};

// Receives the state that a journal has derived, before the entries after it are replayed.
class SnapshotVisitor {
 public:
  virtual ~SnapshotVisitor() = default;
  // First: roughly how many accounts there are.
  virtual void OnBegin(int64_t accounts) = 0;
  virtual absl::Status OnAccount(AccountSnapshot account) = 0;
  // A hold that is open, or expired and still to be settled; after its account.
  virtual absl::Status OnHold(AccountNumber account, Hold hold) = 0;
  // How much of a debit has been refunded.
  virtual absl::Status OnRefunded(EntryId debit, Micros refunded) = 0;
  // What was handed over so far is not to be trusted: forget all of it.
  virtual void OnDiscard() = 0;
};

// Which of an account's entries are visited.
struct AccountScan {
  AccountNumber account = 0;
  // The account's last entry as its reader knows it: entries that no index has yet are found from
  // there by their `previous` links.
  EntryId newest = 0;
  // Only entries that are not above this one,
  EntryId from = std::numeric_limits<EntryId>::max();
  // are above this one,
  EntryId after = 0;
  // and pass this.
  EntryFilter filter;
  // Entries that are looked at, visited or not: bounds what a scan costs. At least 1.
  int64_t looks_max = std::numeric_limits<int64_t>::max();
};

// Reads what is durable. Sees every batch whose Append had returned when the call began.
// Thread-compatible: one thread at a time; never waits for the writer.
class JournalReader {
 public:
  virtual ~JournalReader() = default;

  // Fails with NotFound where there is no such entry.
  virtual absl::StatusOr<Entry> Read(EntryId id) = 0;

  // Visits the entries first..last (or to the end) in order, until `visit` returns false.
  virtual absl::Status Scan(EntryId first, EntryId last,
                            absl::FunctionRef<bool(const Entry&)> visit) = 0;

  // Visits the request ids of the entries first..last that have one, in order, until `visit`
  // returns false. `visit` must be quick: the journal cannot be tidied meanwhile.
  using VisitRequestId = absl::FunctionRef<bool(EntryId, AccountNumber, absl::string_view)>;
  virtual absl::Status ScanRequestIds(EntryId first, EntryId last, VisitRequestId visit) = 0;

  // Visits the batches from number `first` on, in order, until `visit` returns false.
  virtual absl::Status ScanBatches(int64_t first,
                                   absl::FunctionRef<bool(const BatchHead&)> visit) = 0;

  // Visits entries of an account, newest first, until `visit` does not take one: returns false.
  // Returns the entry at which a further scan goes on as `newest`: the one that was not taken, or
  // the next one to look at; 0 where there is no more.
  virtual absl::StatusOr<EntryId> ScanAccount(const AccountScan& scan,
                                              absl::FunctionRef<bool(const Entry&)> visit) = 0;

  // What the account's entries up to each of `positions` add up to; positions in ascending order,
  // and `newest` as for ScanAccount. Fails with TOTALS_NOT_READY where too many entries would have
  // to be read, since what is derived from them is being made anew.
  virtual absl::StatusOr<std::vector<AccountTotals>> ReadTotals(
      AccountNumber account, EntryId newest, absl::Span<const EntryId> positions) = 0;

  // The last entry whose time is before `time`; 0 where there is none.
  virtual absl::StatusOr<EntryId> LastEntryBefore(absl::Time time) = 0;

  // The catalog as of now, read-only.
  virtual CatalogReader& catalog() = 0;
};

// Sizes and progress, for operators.
struct JournalStats {
  int64_t journal_bytes = 0;
  int64_t wal_bytes = 0;
  int64_t derived_bytes = 0;
  // What is free where these files are; nothing where that cannot be told.
  std::optional<int64_t> disk_free_bytes;
  // Everything up to this entry is in the derived indexes.
  EntryId derived_through = 0;
};

// Where the time of one Append went, beside the writing itself; zero where it cannot be told.
struct AppendTimes {
  // From the batch's COMMIT to the disk's word.
  absl::Duration sync;
  // Tidying up before it, where that was due.
  absl::Duration checkpoint;
};

// What is to be written, when there is little room on the disk.
enum class SpaceFor {
  kAnything,
  // Settlements, releases and expiries of holds: what is left is kept for them.
  kEndingHolds,
};

// What a ledger is recovered from: a journal that is ours, or one that another process still owns.
// NewReader is thread-safe, the others are used by one thread; but OldRequestsThrough and
// LeaveOldRequests may be used by another one while LoadSnapshot runs.
class JournalSource {
 public:
  virtual ~JournalSource() = default;

  // The newest durable batch; number 0 and last entry 0 for an empty journal.
  virtual BatchHead Head() = 0;

  // Hands over the state derived so far and returns the entry it is as of. 0: there is none, or it
  // was discarded half-way; replay all.
  virtual absl::StatusOr<EntryId> LoadSnapshot(SnapshotVisitor* visitor) = 0;

  // Entries after that snapshot do not follow from it, and those of the journal do from each other:
  // what was derived is wrong.
  virtual void OnWrongSnapshot() = 0;

  // The journal's own index knows all request ids of the entries up to this one.
  virtual EntryId OldRequestsThrough() = 0;

  // Has the index know all of them up to this entry. While it is still being made, FindOldRequest
  // refuses what it does not find, with OVERLOADED. Returns false where there is no index.
  virtual bool LeaveOldRequests(EntryId through) = 0;

  virtual absl::StatusOr<std::unique_ptr<JournalReader>> NewReader() = 0;
};

// The append-only list of entries, and the catalog that lives beside it.
//
// Append, LastAppendTimes, FindOldRequest and catalog() are used only on the writer thread, as what
// it has of JournalSource. Stats and Backup are thread-safe. A journal knows nothing of what
// entries mean beyond what it derives.
class Journal : public JournalSource {
 public:
  // Refuses with STORAGE_FULL where an Append might meet a full disk, and well before that where it
  // is for more than calls that have been connected already; with STORAGE_LOCKED while another
  // program keeps the journal from being written; with STORAGE_FAILED where it is gone.
  virtual absl::Status CheckSpace(SpaceFor purpose) = 0;

  // Appends one batch, all or nothing, and returns when it would survive a power cut. `head`
  // follows Head(), and `entries` are head.first..head.last.
  // STORAGE_FULL, STORAGE_LOCKED: surely nothing was written. Any other error: the outcome is
  // unknown; the journal takes no further batch, and the process must replay it.
  virtual absl::Status Append(const BatchHead& head, absl::Span<const Entry> entries) = 0;

  // Of the newest Append that returned OK.
  virtual AppendTimes LastAppendTimes() = 0;

  // The entry that carries the request id with this hash, if it is one that OldRequestsThrough()
  // covers; nothing otherwise.
  virtual absl::StatusOr<std::optional<EntryId>> FindOldRequest(RequestHash hash) = 0;

  // What changes rarely. Each change is durable when it returns.
  virtual Catalog& catalog() = 0;

  virtual JournalStats Stats() = 0;

  // Copies all of it, catalog included, as it is at one moment, into a verified file, while the
  // writer goes on. Blocks. Thread-safe; one at a time. BACKUP_EXISTS, BACKUP_FAILED, STORAGE_FULL,
  // FILES_FOREIGN, FILES_IN_USE, JOURNAL_DAMAGED, or Cancelled: then there is no new backup.
  virtual absl::StatusOr<BackupReport> Backup(const BackupOrder& order) = 0;

  // Blocks while the derived state lags more than limits::kDerivedLagEntriesMax behind, as long as
  // it makes progress.
  virtual void WaitForDerived() = 0;
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_JOURNAL_H_
