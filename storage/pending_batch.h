#ifndef FAREBOX_STORAGE_PENDING_BATCH_H_
#define FAREBOX_STORAGE_PENDING_BATCH_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "storage/books.h"
#include "storage/command.h"
#include "storage/entry.h"
#include "storage/expiry_queue.h"
#include "storage/journal.h"
#include "storage/request_ids.h"
#include "storage/signal.h"

namespace farebox {

// The batch that is being put together: decides each command against the books and what this
// batch has decided before it. Nothing outside it changes until its entries are durable and have
// been folded into the books; dropped instead, it leaves no trace.
//
// Used only on the writer thread; one at a time.
class PendingBatch {
 public:
  // What the batch reads. All outlive it.
  struct Sources {
    Books* books;
    Journal* journal;
    // For entries that are not in memory.
    JournalReader* reader;
    absl::Duration request_window;
    // Not OK: there is little room on the disk. Holds are ended, all else that is new gets this.
    absl::Status space;
  };

  // What became of a command, until the batch is durable.
  struct Decision {
    // Not OK: nothing is recorded.
    absl::Status status;
    // The entry in entries(), where `earlier` is empty; no two decisions have the same.
    size_t index = 0;
    // The request came before, in this batch or an earlier one: a copy of its entry.
    std::unique_ptr<Entry> earlier;
    bool replayed = false;
  };

  // The batch after `head`, at the journal time `now`, of about `count` commands.
  PendingBatch(Sources sources, const BatchHead& head, absl::Time now, size_t count);
  ~PendingBatch();
  PendingBatch(const PendingBatch&) = delete;
  PendingBatch& operator=(const PendingBatch&) = delete;

  // Decides one command. Keeps promises 2, 3, 5, 6 and 7 of docs/architecture.md.
  Decision Apply(const Command& command);

  // Ends the hold if it is open and `expire_time`, which is over, is its time still; returns
  // whether it did.
  bool Expire(AccountNumber number, EntryId hold, absl::Time expire_time);

  // Signals that the hold expires soon, if it is open and `expire_time` is its time still.
  void Warn(AccountNumber number, EntryId hold, absl::Time expire_time);

  bool empty() const { return entries_.empty(); }
  absl::Time now() const { return now_; }
  std::vector<Entry>& entries() { return entries_; }
  // Of the entries, each: what it is asked by; of no meaning where its request id is empty.
  const std::vector<RequestKey>& request_keys() const { return request_keys_; }
  std::vector<Signal>& signals() { return signals_; }
  // The head that makes these entries the next batch of the journal, with its hash.
  BatchHead Seal() const;

 private:
  // An account as it will be after this batch.
  struct PendingAccount {
    // Of the books, or of the command that opens it: outlives the batch.
    absl::string_view id;
    AccountNumber number = 0;
    // Null for one that this batch opens.
    Books::Account* booked = nullptr;
    AccountState state;
    // Absent where it is as booked.
    std::optional<AccountRecord> record;
  };

  // A hold as it will be after this batch, once somebody has asked for it.
  struct PendingHold {
    AccountNumber account = 0;
    // Absent: this batch ends it.
    std::optional<Hold> hold;
  };

  PendingAccount* FindAccount(absl::string_view account_id);
  PendingAccount* Touch(Books::Account* booked);
  AccountView ViewOf(const PendingAccount& account) const;
  AccountRecord RecordOf(const PendingAccount& account) const;

  // What this request was answered before; nothing where it is new; an error where its id was
  // used for something else.
  absl::StatusOr<std::optional<Decision>> FindReplay(const PendingAccount& account,
                                                     const Command& command, const RequestKey& key);
  // The entry with this request id, in this batch or before it; null where there is none.
  absl::StatusOr<std::unique_ptr<Entry>> FindFirst(const RequestKey& key);
  // `made` is a request id's TimeOfRequestId.
  absl::Status CheckNotFromFuture(std::optional<absl::Time> made) const;
  // Whether the journal's own index has to be asked for a request id that memory does not know.
  bool MayBeOld(std::optional<absl::Time> made) const;

  absl::StatusOr<Entry> Decide(const PendingAccount& account, const OpenAccount& open) const;
  absl::StatusOr<Entry> Decide(const PendingAccount& account, const ChangeAccount& change) const;
  absl::StatusOr<Entry> Decide(const PendingAccount& account, const Debit& debit) const;
  absl::StatusOr<Entry> Decide(const PendingAccount& account, const Credit& credit);
  absl::StatusOr<Entry> Decide(const PendingAccount& account, const PlaceHold& place) const;
  absl::StatusOr<Entry> Decide(const PendingAccount& account, const ExtendHold& extend);
  absl::StatusOr<Entry> Decide(const PendingAccount& account, const SettleHold& settle);
  absl::StatusOr<Entry> Decide(const PendingAccount& account, const ReleaseHold& release);

  Decision Open(const Command& command, const OpenAccount& open);
  absl::Status CheckSpace(const Action& action) const;
  // The hold as it is now, or why there is none.
  absl::StatusOr<Hold> FindHold(const PendingAccount& account, EntryId hold);
  // Null where it has ended or never was; valid until the next entry.
  const Hold* CurrentHold(const PendingAccount& account, EntryId hold);
  // Null where it is not of this batch.
  const Entry* EntryOfBatch(EntryId id) const;
  // An entry of this batch or of the journal; NotFound for an id that is in neither.
  absl::StatusOr<Entry> ReadEntry(EntryId id);

  // What asked for an entry; empty where time did.
  struct Request {
    const Command* command = nullptr;
    RequestKey key;
  };

  // Makes the decided entry part of the batch and returns its index.
  size_t Record(PendingAccount* account, Request request, Entry entry);
  void SignalEffects(const PendingAccount& account, const AccountState& before, const Entry& entry);
  void SignalDisconnects(const PendingAccount& account);

  const Sources sources_;
  const BatchHead before_;
  const absl::Time now_;

  std::vector<Entry> entries_;
  std::vector<RequestKey> request_keys_;
  std::vector<Signal> signals_;

  // What this batch changes. A booked account knows its slot here (Books::WriterSlot).
  std::deque<PendingAccount> accounts_;
  // The slots of those that this batch opens.
  absl::flat_hash_map<std::string, size_t> opened_;
  absl::flat_hash_map<EntryId, PendingHold> holds_;
  absl::flat_hash_map<EntryId, Micros> refunded_;
  // Indexes of entries_.
  absl::flat_hash_map<RequestHash, size_t> requests_;
};

}  // namespace farebox

#endif  // FAREBOX_STORAGE_PENDING_BATCH_H_
