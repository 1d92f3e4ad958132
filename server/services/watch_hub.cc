#include "server/services/watch_hub.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "server/services/stream_limits.h"
#include "storage/errors.h"
#include "storage/status_macros.h"
#include "storage/thread.h"

namespace farebox::server {

absl::StatusOr<std::unique_ptr<WatchHub>> WatchHub::Start(Ledger* ledger, Journal* journal) {
  std::unique_ptr<WatchHub> hub(new WatchHub(ledger));
  FAREBOX_ASSIGN_OR_RETURN(hub->reader_, journal->NewReader());
  const EntryId told = ledger->AddListener(hub.get());
  {
    // A commit may have come between.
    MutexLock lock(&hub->mu_);
    hub->last_told_ = std::max(hub->last_told_, told);
  }
  hub->thread_ = StartThread("fbx-watch", [raw = hub.get()] { raw->Loop(); });
  return hub;
}

WatchHub::~WatchHub() { Drain(); }

// ---- Any thread

absl::Status WatchHub::Add(const std::shared_ptr<Watcher>& watcher, WatchOrder order) {
  auto place = std::make_shared<Place>();
  place->watcher = watcher;
  place->is_customers = order.is_customers;
  place->cursor.account = order.account;
  place->cursor.account_id = std::move(order.account_id);
  MutexLock lock(&mu_);
  if (stopping_) return error::ShuttingDown();
  if (!HasRoom(order)) return error::Overloaded();
  place->cursor.position = order.from == 0 ? last_told_ : order.from;
  places_.emplace(watcher.get(), place);
  if (order.is_customers) ++customers_places_;
  if (order.account == 0) {
    of_all_.insert(place);
  } else {
    by_account_[order.account].insert(place);
  }
  MarkDirty(place);
  return absl::OkStatus();
}

bool WatchHub::HasRoom(const WatchOrder& order) const {
  constexpr size_t kCustomersMax = limits::kStreamsMax * limits::kCustomersPlacesPercent / 100;
  if (places_.size() >= limits::kStreamsMax) return false;
  if (!order.is_customers) return true;
  if (customers_places_ >= kCustomersMax) return false;
  const auto of_account = by_account_.find(order.account);
  if (of_account == by_account_.end()) return true;
  const auto customers = absl::c_count_if(
      of_account->second, [](const std::shared_ptr<Place>& place) { return place->is_customers; });
  return static_cast<size_t>(customers) < limits::kWatchesPerAccountMax;
}

void WatchHub::Remove(Watcher* watcher) {
  std::shared_ptr<Place> place;  // Outlives the lock.
  MutexLock lock(&mu_);
  const auto found = places_.find(watcher);
  if (found == places_.end()) return;
  place = std::move(found->second);
  places_.erase(found);
  if (place->is_customers) --customers_places_;
  of_all_.erase(place);
  const auto of_account = by_account_.find(place->cursor.account);
  if (of_account == by_account_.end()) return;
  of_account->second.erase(place);
  if (of_account->second.empty()) by_account_.erase(of_account);
}

void WatchHub::Drained(Watcher* watcher) {
  MutexLock lock(&mu_);
  const auto found = places_.find(watcher);
  if (found == places_.end()) return;
  found->second->is_busy = false;
  if (found->second->is_dirty) MarkDirty(found->second);
}

int64_t WatchHub::watcher_count() const {
  MutexLock lock(&mu_);
  return static_cast<int64_t>(places_.size());
}

void WatchHub::Drain() {
  ledger_->RemoveListener(this);
  std::vector<std::shared_ptr<Watcher>> watchers;
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    for (const auto& [raw, place] : places_) watchers.push_back(place->watcher);
  }
  work_arrived_.SignalAll();
  if (thread_.joinable()) thread_.join();
  for (const std::shared_ptr<Watcher>& watcher : watchers) watcher->OnEnd(error::ShuttingDown());
}

void WatchHub::MarkDirty(const std::shared_ptr<Place>& place) {
  place->is_dirty = true;
  if (place->is_busy || place->is_queued) return;
  place->is_queued = true;
  ready_.push_back(place);
  work_arrived_.SignalOne();
}

// ---- The ledger's answer thread

void WatchHub::OnCommit(absl::Span<const Entry> entries, absl::Span<const Signal> signals) {
  {
    MutexLock lock(&mu_);
    if (!entries.empty()) last_told_ = entries.back().id;
    if (places_.empty()) return;
    if (!entries.empty()) {
      for (const std::shared_ptr<Place>& place : of_all_) MarkDirty(place);
    }
    if (!by_account_.empty()) {
      for (const Entry& entry : entries) {
        const auto found = by_account_.find(entry.account);
        if (found == by_account_.end()) continue;
        for (const std::shared_ptr<Place>& place : found->second) MarkDirty(place);
      }
    }
  }
  if (!signals.empty()) TellSignals(signals);
}

void WatchHub::TellSignals(absl::Span<const Signal> signals) {
  for (const Signal& signal : signals) {
    const absl::StatusOr<AccountFacts> account = ledger_->FindAccount(signal.account_id);
    std::vector<std::shared_ptr<Watcher>> told;
    {
      MutexLock lock(&mu_);
      for (const std::shared_ptr<Place>& place : of_all_) told.push_back(place->watcher);
      const auto found = by_account_.find(account.ok() ? account->number : 0);
      if (found != by_account_.end()) {
        for (const std::shared_ptr<Place>& place : found->second) told.push_back(place->watcher);
      }
    }
    for (const std::shared_ptr<Watcher>& watcher : told) watcher->OnSignal(signal);
  }
}

// ---- The hub's thread

void WatchHub::Loop() {
  while (true) {
    std::shared_ptr<Place> place;
    EntryId target = 0;
    {
      MutexLock lock(&mu_);
      while (ready_.empty() && !stopping_) work_arrived_.Wait(&mu_);
      if (stopping_) return;
      place = std::move(ready_.front());
      ready_.pop_front();
      // Who has left is owed nothing.
      if (!places_.contains(place->watcher.get())) continue;
      place->is_queued = false;
      place->is_dirty = false;
      place->is_busy = true;
      target = last_told_;
    }
    Serve(place.get(), target);
  }
}

void WatchHub::Serve(Place* place, EntryId target) {
  absl::StatusOr<std::vector<Entry>> entries = ReadNext(&place->cursor, target);
  if (!entries.ok()) return place->watcher->OnEnd(entries.status());
  if (place->cursor.position < target) {
    MutexLock lock(&mu_);
    place->is_dirty = true;
  }
  if (entries->empty()) return Drained(place->watcher.get());
  std::vector<std::string> account_ids;
  account_ids.reserve(entries->size());
  for (const Entry& entry : *entries) {
    if (place->cursor.account != 0) {
      account_ids.push_back(place->cursor.account_id);
      continue;
    }
    const absl::StatusOr<AccountFacts> account = ledger_->FindAccount(entry.account);
    account_ids.push_back(account.ok() ? account->account_id : std::string());
  }
  place->watcher->OnEntries(*std::move(entries), std::move(account_ids));
}

absl::StatusOr<std::vector<Entry>> WatchHub::ReadNext(WatchCursor* cursor, EntryId target) {
  if (cursor->account != 0) return ReadNextOfAccount(cursor, target);
  std::vector<Entry> entries;
  if (cursor->position >= target) return entries;
  const EntryId last = std::min<EntryId>(
      target, cursor->position + static_cast<EntryId>(limits::kWatchChunkEntries));
  FAREBOX_RETURN_IF_ERROR(reader_->Scan(cursor->position + 1, last, [&](const Entry& entry) {
    entries.push_back(entry);
    return true;
  }));
  cursor->position = last;
  return entries;
}

absl::StatusOr<std::vector<Entry>> WatchHub::ReadNextOfAccount(WatchCursor* cursor,
                                                               EntryId target) {
  std::vector<Entry> entries;
  if (cursor->walk_next == 0 && cursor->chunks.empty()) {
    FAREBOX_RETURN_IF_ERROR(BeginWalk(cursor, target));
  }
  if (cursor->walk_next != 0) FAREBOX_RETURN_IF_ERROR(WalkOn(cursor));
  if (cursor->walk_next != 0) return entries;
  if (!cursor->chunks.empty()) {
    const EntryId newest = cursor->chunks.back();
    const AccountScan scan = {
        .account = cursor->account, .newest = newest, .after = cursor->position};
    FAREBOX_RETURN_IF_ERROR(reader_
                                ->ScanAccount(scan,
                                              [&](const Entry& entry) {
                                                entries.push_back(entry);
                                                return true;
                                              })
                                .status());
    std::reverse(entries.begin(), entries.end());
    cursor->chunks.pop_back();
    cursor->position = newest;
  }
  if (cursor->chunks.empty()) cursor->position = std::max(cursor->position, cursor->walk_through);
  return entries;
}

absl::Status WatchHub::BeginWalk(WatchCursor* cursor, EntryId target) {
  if (cursor->position >= target) return absl::OkStatus();
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account, ledger_->FindAccount(cursor->account));
  cursor->walk_through = target;
  cursor->walk_next = account.state.last_entry;
  cursor->walk_entries = 0;
  return absl::OkStatus();
}

absl::Status WatchHub::WalkOn(WatchCursor* cursor) {
  bool is_too_far = false;
  const AccountScan scan = {.account = cursor->account,
                            .newest = cursor->walk_next,
                            .from = cursor->walk_through,
                            .after = cursor->position,
                            .looks_max = limits::kWatchLooksPerTurn};
  FAREBOX_ASSIGN_OR_RETURN(cursor->walk_next, reader_->ScanAccount(scan, [&](const Entry& entry) {
    is_too_far = cursor->walk_entries == limits::kWatchLagEntriesMax;
    if (is_too_far) return false;
    const bool begins_chunk = cursor->walk_entries % limits::kWatchChunkEntries == 0;
    if (begins_chunk) cursor->chunks.push_back(entry.id);
    ++cursor->walk_entries;
    return true;
  }));
  if (!is_too_far) return absl::OkStatus();
  return error::FieldInvalid("from_entry_id",
                             absl::StrCat("is more than ", limits::kWatchLagEntriesMax,
                                          " entries behind: see ListActivity"));
}

}  // namespace farebox::server
