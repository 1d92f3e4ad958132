#ifndef FAREBOX_SERVER_SERVICES_WATCH_HUB_H_
#define FAREBOX_SERVER_SERVICES_WATCH_HUB_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/entry.h"
#include "storage/journal.h"
#include "storage/ledger.h"
#include "storage/mutex.h"
#include "storage/signal.h"

namespace farebox::server {

// What a watcher watches and how far it has got. Used only on the hub's thread, but for what is
// constant.
struct WatchCursor {
  // Constant after construction. 0 and empty: all accounts.
  AccountNumber account = 0;
  std::string account_id;

  // Everything up to here was given.
  EntryId position = 0;

  // The rest is of one account, whose entries lead back only: the way from the newest to the
  // position is gone in steps, and then comes what was met on it, the oldest first.

  // What the position will be once all of that was given.
  EntryId walk_through = 0;
  // Where the way goes on; 0 at its end.
  EntryId walk_next = 0;
  // Entries that were met on it.
  size_t walk_entries = 0;
  // Each is the newest of as many entries as are given at once; newest first.
  std::vector<EntryId> chunks;
};

// What somebody wants to be told.
struct WatchOrder {
  // 0 and empty: of all accounts.
  AccountNumber account = 0;
  std::string account_id;
  // What comes after this entry; 0: what is new.
  EntryId from = 0;
  // It is the account's customer who asks, and may have some watches of it only.
  bool is_customers = false;
};

// One who watches. The hub calls the functions, on several threads; the watcher must be quick.
class Watcher {
 public:
  virtual ~Watcher() = default;
  // The next entries. No more come before WatchHub::Drained() is called.
  virtual void OnEntries(std::vector<Entry> entries, std::vector<std::string> account_ids) = 0;
  virtual void OnSignal(const Signal& signal) = 0;
  // The watching is over.
  virtual void OnEnd(const absl::Status& status) = 0;
};

// Tells watchers of every entry, in order, without a gap and once: each is only told by a commit
// that there is something new, and a thread of its own then reads it from the journal, from where
// that watcher is. So catching up and following are the same thing, a slow watcher costs some
// kilobytes, and the ledger's threads never wait for one. Watchers have their turns, and those who
// catch up have many. Thread-safe.
class WatchHub final : public LedgerListener {
 public:
  // Both outlive the hub.
  static absl::StatusOr<std::unique_ptr<WatchHub>> Start(Ledger* ledger, Journal* journal);
  ~WatchHub() override;

  // Fails with OVERLOADED or SHUTTING_DOWN.
  absl::Status Add(const std::shared_ptr<Watcher>& watcher, WatchOrder order);
  // When it returns, the hub has nothing to do with the watcher, but for a call in progress.
  void Remove(Watcher* watcher);
  // The watcher has sent what it was given.
  void Drained(Watcher* watcher);

  int64_t watcher_count() const;

  // Ends all watchers with SHUTTING_DOWN and stops. Idempotent.
  void Drain();

 private:
  struct Place {
    // Constant after construction.
    std::shared_ptr<Watcher> watcher;
    bool is_customers = false;

    WatchCursor cursor;
    // Guarded by the hub's mu_.
    bool is_queued = false;  // In ready_.
    bool is_busy = false;    // Was given entries, or is just being served.
    bool is_dirty = false;   // There may be something new for it.
  };

  explicit WatchHub(Ledger* ledger) : ledger_(ledger) {}

  void OnCommit(absl::Span<const Entry> entries, absl::Span<const Signal> signals) override;
  void TellSignals(absl::Span<const Signal> signals);
  bool HasRoom(const WatchOrder& order) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void MarkDirty(const std::shared_ptr<Place>& place) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  void Loop();
  void Serve(Place* place, EntryId target);
  // What comes next, up to the target. Nothing, with the position below the target: ask again.
  absl::StatusOr<std::vector<Entry>> ReadNext(WatchCursor* cursor, EntryId target);
  absl::StatusOr<std::vector<Entry>> ReadNextOfAccount(WatchCursor* cursor, EntryId target);
  absl::Status BeginWalk(WatchCursor* cursor, EntryId target);
  absl::Status WalkOn(WatchCursor* cursor);

  // Constant after construction.
  Ledger* const ledger_;
  std::unique_ptr<JournalReader> reader_;  // Used only on the hub's thread.

  mutable Mutex mu_;
  CondVar work_arrived_;  // Signalled when ready_ or stopping_ changes.
  EntryId last_told_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_map<Watcher*, std::shared_ptr<Place>> places_ ABSL_GUARDED_BY(mu_);
  size_t customers_places_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_set<std::shared_ptr<Place>> of_all_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<AccountNumber, absl::flat_hash_set<std::shared_ptr<Place>>> by_account_
      ABSL_GUARDED_BY(mu_);
  std::deque<std::shared_ptr<Place>> ready_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;  // Last: starts when all above is built.
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_WATCH_HUB_H_
