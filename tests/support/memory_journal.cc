#include "tests/support/memory_journal.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/account_fold.h"
#include "storage/account_terms.h"
#include "storage/check.h"
#include "storage/hold.h"
#include "storage/request_ids.h"
#include "storage/status_macros.h"

namespace farebox {

// ---- The disk

void MemoryDisk::Write(const BatchHead& head, absl::Span<const Entry> entries) {
  MutexLock lock(&mu_);
  heads_[head.number] = head;
  for (const Entry& entry : entries) {
    entries_[entry.id] = entry;
    if (entry.request_id.empty()) continue;
    requests_.emplace(HashRequestId(entry.account, entry.request_id), entry.id);
  }
}

void MemoryDisk::DropUnsealedDecks() {
  MutexLock lock(&mu_);
  for (auto deck = decks_.begin(); deck != decks_.end();) {
    deck = deck->second.version.version == 0 ? decks_.erase(deck) : std::next(deck);
  }
}

void MemoryDisk::ReplaceEntry(const Entry& entry) {
  MutexLock lock(&mu_);
  entries_[entry.id] = entry;
}

void MemoryDisk::EraseEntry(EntryId id) {
  MutexLock lock(&mu_);
  entries_.erase(id);
}

void MemoryDisk::ReplaceHead(const BatchHead& head) {
  MutexLock lock(&mu_);
  heads_[head.number] = head;
}

void MemoryDisk::EraseHead(int64_t number) {
  MutexLock lock(&mu_);
  heads_.erase(number);
}

std::vector<Entry> MemoryDisk::entries() const {
  MutexLock lock(&mu_);
  std::vector<Entry> all;
  for (const auto& [id, entry] : entries_) all.push_back(entry);
  return all;
}

std::vector<BatchHead> MemoryDisk::heads() const {
  MutexLock lock(&mu_);
  std::vector<BatchHead> all;
  for (const auto& [number, head] : heads_) all.push_back(head);
  return all;
}

// ---- Reading

// Copies under the lock what it hands over without it.
class MemoryJournalReader : public JournalReader, public CatalogReader {
 public:
  explicit MemoryJournalReader(const MemoryDisk* disk) : disk_(*disk) {}

  absl::StatusOr<Entry> Read(EntryId id) override {
    MutexLock lock(&disk_.mu_);
    const auto found = disk_.entries_.find(id);
    if (found == disk_.entries_.end()) return absl::NotFoundError("no such entry");
    return found->second;
  }

  absl::Status Scan(EntryId first, EntryId last,
                    absl::FunctionRef<bool(const Entry&)> visit) override {
    while (std::optional<Entry> entry = EntryFrom(first)) {
      if (entry->id > last || !visit(*entry)) break;
      first = entry->id + 1;
    }
    return absl::OkStatus();
  }

  absl::Status ScanRequestIds(EntryId first, EntryId last, VisitRequestId visit) override {
    return Scan(first, last, [&visit](const Entry& entry) {
      return entry.request_id.empty() || visit(entry.id, entry.account, entry.request_id);
    });
  }

  absl::Status ScanBatches(int64_t first,
                           absl::FunctionRef<bool(const BatchHead&)> visit) override {
    while (const std::optional<BatchHead> head = HeadFrom(first)) {
      if (!visit(*head)) break;
      first = head->number + 1;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<EntryId> ScanAccount(const AccountScan& scan,
                                      absl::FunctionRef<bool(const Entry&)> visit) override {
    EntryId id = scan.newest;
    for (int64_t looks = 0; id > scan.after && looks < scan.looks_max; ++looks) {
      FAREBOX_ASSIGN_OR_RETURN(const Entry entry, Read(id));
      FAREBOX_CHECK(entry.account == scan.account);
      const bool passes = scan.filter.Passes(entry.item, SideOf(entry.kind, entry.amount));
      if (entry.id <= scan.from && passes && !visit(entry)) return entry.id;
      id = entry.previous;
    }
    return id > scan.after ? id : 0;
  }

  absl::StatusOr<std::vector<AccountTotals>> ReadTotals(
      AccountNumber account, EntryId newest, absl::Span<const EntryId> positions) override {
    std::vector<AccountTotals> found;
    for (const EntryId position : positions) {
      AccountTotals& totals = found.emplace_back();
      const AccountScan scan = {.account = account, .newest = newest, .from = position};
      FAREBOX_RETURN_IF_ERROR(ScanAccount(scan, [&](const Entry& entry) {
                                totals.Add(entry.item, SideOf(entry.kind, entry.amount),
                                           entry.amount);
                                return true;
                              }).status());
    }
    return found;
  }

  absl::StatusOr<EntryId> LastEntryBefore(absl::Time time) override {
    MutexLock lock(&disk_.mu_);
    for (auto entry = disk_.entries_.rbegin(); entry != disk_.entries_.rend(); ++entry) {
      if (entry->second.time < time) return entry->first;
    }
    return 0;
  }

  CatalogReader& catalog() override { return *this; }

  absl::StatusOr<std::vector<DeckVersion>> ListDecks() override {
    MutexLock lock(&disk_.mu_);
    std::vector<DeckVersion> sealed;
    for (const auto& [id, deck] : disk_.decks_) {
      if (deck.version.version != 0) sealed.push_back(deck.version);
    }
    return sealed;
  }

  absl::Status ReadDeck(int64_t deck_id,
                        absl::FunctionRef<bool(absl::string_view)> visit) override {
    std::string csv;
    {
      MutexLock lock(&disk_.mu_);
      const auto found = disk_.decks_.find(deck_id);
      if (found == disk_.decks_.end() || found->second.version.version == 0) {
        return absl::NotFoundError("no such deck");
      }
      csv = found->second.csv;
    }
    // In small pieces, so that whoever reads it copes with pieces.
    constexpr size_t kPieceBytes = 7;
    for (size_t at = 0; at < csv.size(); at += kPieceBytes) {
      if (!visit(absl::string_view(csv).substr(at, kPieceBytes))) break;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<Document>> FindDocument(DocumentKind kind,
                                                       absl::string_view key) override {
    return FindWhere([&](const Document& it) { return it.kind == kind && it.key == key; });
  }

  absl::StatusOr<std::optional<Document>> FindDocumentInSlot(DocumentKind kind,
                                                             absl::string_view slot) override {
    return FindWhere([&](const Document& it) { return it.kind == kind && it.slot == slot; });
  }

  absl::StatusOr<std::vector<Document>> ListDocuments(DocumentKind kind, AccountNumber account,
                                                      int64_t before, size_t count_max) override {
    std::vector<Document> found = ListWhere([&](const Document& it) {
      return it.kind == kind && it.id < before && (account == 0 || it.account == account);
    });
    std::sort(found.begin(), found.end(),
              [](const Document& a, const Document& b) { return a.id > b.id; });
    found.resize(std::min(found.size(), count_max));
    return found;
  }

  absl::StatusOr<std::vector<Document>> ListDueDocuments(DocumentKind kind, absl::Time end,
                                                         size_t count_max) override {
    std::vector<Document> found =
        ListWhere([&](const Document& it) { return it.kind == kind && it.due < end; });
    std::sort(found.begin(), found.end(), [](const Document& a, const Document& b) {
      return std::tie(a.due, a.id) < std::tie(b.due, b.id);
    });
    found.resize(std::min(found.size(), count_max));
    return found;
  }

 private:
  std::vector<Document> ListWhere(absl::FunctionRef<bool(const Document&)> wanted) const {
    MutexLock lock(&disk_.mu_);
    std::vector<Document> found;
    for (const auto& [key, document] : disk_.documents_) {
      if (wanted(document)) found.push_back(document);
    }
    return found;
  }

  std::optional<Document> FindWhere(absl::FunctionRef<bool(const Document&)> wanted) const {
    std::vector<Document> found = ListWhere(wanted);
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
  }

  std::optional<Entry> EntryFrom(EntryId first) const {
    MutexLock lock(&disk_.mu_);
    const auto found = disk_.entries_.lower_bound(first);
    if (found == disk_.entries_.end()) return std::nullopt;
    return found->second;
  }

  std::optional<BatchHead> HeadFrom(int64_t first) const {
    MutexLock lock(&disk_.mu_);
    const auto found = disk_.heads_.lower_bound(first);
    if (found == disk_.heads_.end()) return std::nullopt;
    return found->second;
  }

  const MemoryDisk& disk_;
};

// ---- The catalog

class MemoryJournal::MemoryCatalog : public Catalog {
 public:
  explicit MemoryCatalog(MemoryDisk* disk) : disk_(*disk) {}

  absl::StatusOr<int64_t> BeginDeck(absl::string_view name) override {
    MutexLock lock(&disk_.mu_);
    const int64_t id = disk_.decks_.empty() ? 1 : disk_.decks_.rbegin()->first + 1;
    disk_.decks_[id].version = {.id = id, .name = std::string(name)};
    return id;
  }

  absl::Status AppendDeck(int64_t deck_id, absl::string_view csv) override {
    MutexLock lock(&disk_.mu_);
    FAREBOX_ASSIGN_OR_RETURN(MemoryDisk::Deck* const deck, FindUnsealed(deck_id));
    absl::StrAppend(&deck->csv, csv);
    return absl::OkStatus();
  }

  absl::StatusOr<DeckVersion> SealDeck(int64_t deck_id, int64_t row_count,
                                       absl::Time import_time) override {
    MutexLock lock(&disk_.mu_);
    FAREBOX_ASSIGN_OR_RETURN(MemoryDisk::Deck* const deck, FindUnsealed(deck_id));
    int64_t newest = 0;
    for (const auto& [id, other] : disk_.decks_) {
      if (other.version.name == deck->version.name) {
        newest = std::max(newest, other.version.version);
      }
    }
    deck->version.version = newest + 1;
    deck->version.import_time = import_time;
    deck->version.row_count = row_count;
    deck->version.csv_bytes = static_cast<int64_t>(deck->csv.size());
    return deck->version;
  }

  absl::StatusOr<std::vector<absl::Status>> PutDocuments(
      absl::Span<const DocumentGroup> groups) override {
    MutexLock lock(&disk_.mu_);
    std::vector<absl::Status> outcomes;
    for (const DocumentGroup& group : groups) outcomes.push_back(Put(group));
    return outcomes;
  }

  absl::Status RemoveDocument(const Document& document) override {
    MutexLock lock(&disk_.mu_);
    FAREBOX_RETURN_IF_ERROR(CheckIsNext(document));
    disk_.documents_.erase({document.kind, document.key});
    return absl::OkStatus();
  }

 private:
  // On a copy, which becomes what there is where every document fits.
  absl::Status Put(const DocumentGroup& group) ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_.mu_) {
    auto changed = disk_.documents_;
    for (const Document& document : group) {
      FAREBOX_RETURN_IF_ERROR(CheckIsNext(document));
      Document& it = changed[{document.kind, document.key}];
      const int64_t id = document.revision == 0 ? ++disk_.last_document_ : it.id;
      it = document;
      it.id = id;
      ++it.revision;
    }
    std::set<std::pair<DocumentKind, std::string>> slots;
    for (const auto& [key, it] : changed) {
      const bool is_free = it.slot.empty() || slots.emplace(it.kind, it.slot).second;
      if (!is_free) return absl::AbortedError("the slot is taken");
    }
    disk_.documents_ = std::move(changed);
    return absl::OkStatus();
  }

  absl::Status CheckIsNext(const Document& document) ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_.mu_) {
    const auto before = disk_.documents_.find({document.kind, document.key});
    if (before != disk_.documents_.end() && document.kind >= kAppendOnlyKindMin) {
      return absl::AbortedError("it never changes");
    }
    const int64_t revision = before == disk_.documents_.end() ? 0 : before->second.revision;
    return revision == document.revision ? absl::OkStatus()
                                         : absl::AbortedError("somebody was first");
  }

  absl::StatusOr<MemoryDisk::Deck*> FindUnsealed(int64_t deck_id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_.mu_) {
    const auto found = disk_.decks_.find(deck_id);
    if (found == disk_.decks_.end()) return absl::NotFoundError("no such deck");
    if (found->second.version.version != 0) {
      return absl::FailedPreconditionError("the deck is sealed");
    }
    return &found->second;
  }

  MemoryDisk& disk_;
};

// ---- The journal

MemoryJournal::MemoryJournal(MemoryDisk* disk, Options options)
    : options_(options), disk_(disk), catalog_(std::make_unique<MemoryCatalog>(disk)) {
  disk_->DropUnsealedDecks();
}

BatchHead MemoryJournal::Head() {
  MutexLock lock(&disk_->mu_);
  return disk_->heads_.empty() ? BatchHead() : disk_->heads_.rbegin()->second;
}

absl::Status MemoryJournal::Append(const BatchHead& head, absl::Span<const Entry> entries) {
  const BatchHead before = Head();
  FAREBOX_CHECK(head.number == before.number + 1 && head.first == before.last + 1);
  FAREBOX_CHECK(head.last - head.first + 1 == static_cast<EntryId>(entries.size()));
  FAREBOX_CHECK(!entries.empty() && head.time >= before.time);
  disk_->Write(head, entries);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<EntryId>> MemoryJournal::FindOldRequest(RequestHash hash) {
  const EntryId through = OldRequestsThrough();
  MutexLock lock(&disk_->mu_);
  const auto found = disk_->requests_.find(hash);
  if (found == disk_->requests_.end() || found->second > through) return std::optional<EntryId>();
  return std::make_optional(found->second);
}

EntryId MemoryJournal::OldRequestsThrough() {
  return std::max<EntryId>(0, Head().last - options_.old_requests_lag_entries);
}

absl::StatusOr<std::unique_ptr<JournalReader>> MemoryJournal::NewReader() {
  return std::make_unique<MemoryJournalReader>(disk_);
}

JournalStats MemoryJournal::Stats() { return {.derived_through = Head().last}; }

namespace {

// An account and its holds as the entries add up to.
struct Derived {
  AccountSnapshot account;
  AccountState state;
  std::map<EntryId, Hold> holds;
};

void FoldInto(const Entry& entry, Derived* derived, std::map<EntryId, Micros>* refunded) {
  if (entry.kind == EntryKind::kAccountOpened || entry.kind == EntryKind::kAccountChanged) {
    derived->account.record = *DecodeAccountRecord(entry.detail);
  }
  FoldAccount(entry, &derived->state);
  if (entry.subject == 0 || entry.kind == EntryKind::kDecline) return;
  if (IsRefund(entry)) {
    FAREBOX_CHECK(FoldRefund(entry, &(*refunded)[entry.subject]).ok());
    return;
  }
  const auto before = derived->holds.find(entry.subject);
  std::optional<Hold> hold;
  if (before != derived->holds.end()) hold = before->second;
  FoldHold(entry, &hold);
  derived->holds.erase(entry.subject);
  if (hold.has_value()) derived->holds.emplace(entry.subject, *std::move(hold));
}

}  // namespace

absl::StatusOr<EntryId> MemoryJournal::LoadSnapshot(SnapshotVisitor* visitor) {
  if (!options_.snapshot_lag_entries.has_value()) return 0;
  const EntryId through = std::max<EntryId>(0, Head().last - *options_.snapshot_lag_entries);
  std::map<AccountNumber, Derived> accounts;
  std::map<EntryId, Micros> refunded;
  FAREBOX_RETURN_IF_ERROR(MemoryJournalReader(disk_).Scan(1, through, [&](const Entry& entry) {
    FoldInto(entry, &accounts[entry.account], &refunded);
    return true;
  }));

  visitor->OnBegin(static_cast<int64_t>(accounts.size()));
  for (auto& [number, derived] : accounts) {
    derived.account.number = number;
    derived.account.balance = derived.state.balance;
    derived.account.held = derived.state.held;
    derived.account.last_entry = derived.state.last_entry;
    FAREBOX_RETURN_IF_ERROR(visitor->OnAccount(derived.account));
    for (const auto& [id, hold] : derived.holds) {
      FAREBOX_RETURN_IF_ERROR(visitor->OnHold(number, hold));
    }
  }
  for (const auto& [debit, amount] : refunded) {
    FAREBOX_RETURN_IF_ERROR(visitor->OnRefunded(debit, amount));
  }
  return through;
}

}  // namespace farebox
