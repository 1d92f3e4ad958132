#include "storage/books.h"

#include <limits>
#include <utility>

#include "storage/account_fold.h"
#include "storage/check.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox {

// One of the pieces that the accounts are spread over, so that readers seldom wait for each other.
struct Books::Shard {
  // Accounts are found by their own ids, which are not kept twice.
  struct IdHash {
    using is_transparent = void;
    size_t operator()(absl::string_view id) const { return absl::Hash<absl::string_view>()(id); }
    size_t operator()(const Account* account) const;
  };
  struct IdEqual {
    using is_transparent = void;
    bool operator()(const Account* a, const Account* b) const;
    bool operator()(const Account* account, absl::string_view id) const;
    bool operator()(absl::string_view id, const Account* account) const;
  };

  mutable Mutex mu;
  absl::flat_hash_set<Account*, IdHash, IdEqual> by_id ABSL_GUARDED_BY(mu);
};

// An account and its holds. The writer thread is the only one that changes it, so it reads
// without the lock and takes it to write.
class Books::Account {
 public:
  using Holds = absl::btree_map<EntryId, Hold>;

  Account(const AccountRecord& record, AccountNumber account_number, Shard* account_shard)
      : id(record.account_id),
        number(account_number),
        open_time(record.open_time),
        shard(account_shard) {}

  const AccountState& WriterState() const ABSL_NO_THREAD_SAFETY_ANALYSIS { return state; }
  const std::shared_ptr<const std::string>& WriterSettings() const ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return settings;
  }
  const Holds* WriterHolds() const ABSL_NO_THREAD_SAFETY_ANALYSIS { return holds.get(); }

  // Constant after construction.
  const std::string id;
  const AccountNumber number;
  const absl::Time open_time;
  Shard* const shard;

  AccountState state ABSL_GUARDED_BY(shard->mu);
  std::shared_ptr<const std::string> settings ABSL_GUARDED_BY(shard->mu);
  // Open holds and those that expired and may still be settled; null where there is none.
  std::unique_ptr<Holds> holds ABSL_GUARDED_BY(shard->mu);

  // Used only on the writer thread.
  int64_t slot = kNoSlot;
};

size_t Books::Shard::IdHash::operator()(const Account* account) const {
  return (*this)(account->id);
}

bool Books::Shard::IdEqual::operator()(const Account* a, const Account* b) const {
  return a->id == b->id;
}

bool Books::Shard::IdEqual::operator()(const Account* account, absl::string_view id) const {
  return account->id == id;
}

bool Books::Shard::IdEqual::operator()(absl::string_view id, const Account* account) const {
  return account->id == id;
}

// Takes over what a journal has derived.
class Books::Loader : public SnapshotVisitor {
 public:
  explicit Loader(Books* books) : books_(books) {}

  void OnBegin(int64_t accounts) override { books_->Reserve(accounts); }

  absl::Status OnAccount(AccountSnapshot snapshot) override {
    const AccountState state = {.terms = snapshot.record.terms,
                                .balance = snapshot.balance,
                                .held = snapshot.held,
                                .last_entry = snapshot.last_entry};
    const Account* const account = books_->AddAccount(snapshot.record, snapshot.number, state);
    if (account == nullptr) return absl::DataLossError("the derived accounts are out of order");
    return absl::OkStatus();
  }

  absl::Status OnHold(AccountNumber number, Hold hold) override {
    Account* const account = books_->WriterByNumber(number);
    if (account == nullptr) return absl::DataLossError("a derived hold has no account");
    MutexLock lock(&account->shard->mu);
    if (account->holds == nullptr) account->holds = std::make_unique<Account::Holds>();
    if (!hold.expired) ++account->state.open_holds;
    const EntryId id = hold.id;
    account->holds->emplace(id, std::move(hold));
    return absl::OkStatus();
  }

  absl::Status OnRefunded(EntryId debit, Micros refunded) override {
    books_->refunded_[debit] = refunded;
    return absl::OkStatus();
  }

  void OnDiscard() override { books_->Clear(); }

 private:
  Books* const books_;
};

Books::Books(absl::Duration request_window)
    : shards_(std::make_unique<std::array<Shard, kShardCount>>()),
      request_ids_(request_window),
      loader_(std::make_unique<Loader>(this)) {}

Books::~Books() = default;

Books::Shard& Books::ShardOf(absl::string_view account_id) const {
  // By the hash's highest bits: the table of a shard tells its accounts apart by the lowest.
  const size_t hash = absl::Hash<absl::string_view>()(account_id);
  return (*shards_)[hash >> (std::numeric_limits<size_t>::digits - kShardBits)];
}

namespace {

template <typename Account>
AccountFacts FactsOf(const Account& account) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  return {.account_id = account.id,
          .number = account.number,
          .state = account.state,
          .open_time = account.open_time,
          .settings = account.settings};
}

}  // namespace

absl::StatusOr<AccountFacts> Books::Find(absl::string_view account_id) const {
  const Shard& shard = ShardOf(account_id);
  MutexLock lock(&shard.mu);
  const auto found = shard.by_id.find(account_id);
  if (found == shard.by_id.end()) return error::AccountNotFound(account_id);
  return FactsOf(**found);
}

absl::StatusOr<AccountFacts> Books::Find(AccountNumber number) const {
  const Account* account = nullptr;
  {
    MutexLock lock(&numbers_mu_);
    if (number < 1 || number > static_cast<AccountNumber>(accounts_.size())) {
      return error::AccountNotFound("");
    }
    account = accounts_[number - 1].get();
  }
  MutexLock lock(&account->shard->mu);
  return FactsOf(*account);
}

absl::StatusOr<std::vector<Hold>> Books::ListHolds(absl::string_view account_id, EntryId before,
                                                   size_t count_max) const {
  const Shard& shard = ShardOf(account_id);
  MutexLock lock(&shard.mu);
  const auto found = shard.by_id.find(account_id);
  if (found == shard.by_id.end()) return error::AccountNotFound(account_id);

  std::vector<Hold> page;
  const auto add_page = [&](const Account& account) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (account.holds == nullptr) return;
    auto hold = account.holds->lower_bound(before);
    while (hold != account.holds->begin() && page.size() < count_max) {
      --hold;
      if (!hold->second.expired) page.push_back(hold->second);
    }
  };
  add_page(**found);
  return page;
}

std::vector<AccountFacts> Books::ListAccounts(AccountNumber before, size_t count_max) const {
  std::vector<AccountFacts> page;
  MutexLock lock(&numbers_mu_);
  const AccountNumber end = std::min<AccountNumber>(before - 1, accounts_.size());
  for (AccountNumber number = end; number >= 1 && page.size() < count_max; --number) {
    const Account& account = *accounts_[number - 1];
    MutexLock account_lock(&account.shard->mu);
    page.push_back(FactsOf(account));
  }
  return page;
}

int64_t Books::account_count() const {
  MutexLock lock(&numbers_mu_);
  return static_cast<int64_t>(accounts_.size());
}

void Books::Reserve(int64_t accounts) {
  const auto count = static_cast<size_t>(accounts);
  for (Shard& shard : *shards_) {
    MutexLock lock(&shard.mu);
    shard.by_id.reserve(count / kShardCount + count / kShardCount / 8);
  }
  MutexLock lock(&numbers_mu_);
  accounts_.reserve(count);
}

void Books::Clear() {
  for (Shard& shard : *shards_) {
    MutexLock lock(&shard.mu);
    shard.by_id.clear();
  }
  MutexLock lock(&numbers_mu_);
  accounts_.clear();
  refunded_.clear();
  interned_.clear();
}

SnapshotVisitor* Books::snapshot_visitor() { return loader_.get(); }

std::shared_ptr<const std::string> Books::Intern(const std::string& settings) {
  if (newest_interned_ != nullptr && *newest_interned_ == settings) return newest_interned_;
  const auto found = interned_.find(settings);
  if (found != interned_.end()) return newest_interned_ = *found;

  if (interned_.size() >= intern_sweep_size_) {
    absl::erase_if(interned_, [](const auto& shared) { return shared.use_count() == 1; });
    intern_sweep_size_ = 2 * interned_.size() + kInternSweepSizeMin;
  }
  return newest_interned_ = *interned_.insert(std::make_shared<const std::string>(settings)).first;
}

Books::Account* Books::AddAccount(const AccountRecord& record, AccountNumber number,
                                  const AccountState& state) {
  if (number != next_account_number()) return nullptr;
  Shard& shard = ShardOf(record.account_id);
  auto owned = std::make_unique<Account>(record, number, &shard);
  Account* const account = owned.get();
  {
    MutexLock lock(&account->shard->mu);
    account->state = state;
    account->settings = Intern(record.settings);
    if (!account->shard->by_id.insert(account).second) return nullptr;
  }
  MutexLock lock(&numbers_mu_);
  accounts_.push_back(std::move(owned));
  return account;
}

Books::Account* Books::WriterByNumber(AccountNumber number) const ABSL_NO_THREAD_SAFETY_ANALYSIS {
  if (number < 1 || number > static_cast<AccountNumber>(accounts_.size())) return nullptr;
  return accounts_[number - 1].get();
}

absl::Status Books::FoldOpening(const Entry& entry, const RequestKey* request) {
  const absl::StatusOr<AccountRecord> record = DecodeAccountRecord(entry.detail);
  FAREBOX_RETURN_IF_ERROR(record.status());
  AccountState state;
  FoldAccount(entry, &state);
  if (AddAccount(*record, entry.account, state) == nullptr) {
    return error::JournalDamaged(entry.id, "an account is opened once, by its first entry");
  }
  NoteRequestId(entry, request);
  return absl::OkStatus();
}

absl::Status Books::Fold(const Entry& entry, const RequestKey* request) {
  if (entry.kind == EntryKind::kAccountOpened) return FoldOpening(entry, request);
  Account* const account = WriterByNumber(entry.account);
  const bool changes_record = entry.kind == EntryKind::kAccountChanged;
  absl::StatusOr<AccountRecord> record = AccountRecord();
  if (changes_record) {
    record = DecodeAccountRecord(entry.detail);
    FAREBOX_RETURN_IF_ERROR(record.status());
  }
  if (account == nullptr) return error::JournalDamaged(entry.id, "its account does not exist");
  if (entry.previous != account->WriterState().last_entry) {
    return error::JournalDamaged(entry.id, "its link to the entry before is wrong");
  }

  std::optional<Hold> hold;
  const bool has_hold =
      entry.subject != 0 && entry.kind != EntryKind::kCredit && entry.kind != EntryKind::kDecline;
  if (has_hold) {
    if (entry.kind != EntryKind::kHold) {
      const Hold* const before = WriterHold(*account, entry.subject);
      if (before == nullptr) {
        return error::JournalDamaged(entry.id, "its hold does not exist, or has ended");
      }
      hold = *before;
    }
    FoldHold(entry, &hold);
  }
  if (IsRefund(entry)) FAREBOX_RETURN_IF_ERROR(FoldRefund(entry, &refunded_[entry.subject]));
  NoteRequestId(entry, request);

  MutexLock lock(&account->shard->mu);
  FoldAccount(entry, &account->state);
  if (changes_record) account->settings = Intern(record->settings);
  if (!has_hold) return absl::OkStatus();
  if (account->holds == nullptr) account->holds = std::make_unique<Account::Holds>();
  if (hold.has_value()) {
    // A new hold has the highest id.
    account->holds->insert_or_assign(account->holds->end(), entry.subject, *std::move(hold));
  } else {
    account->holds->erase(entry.subject);
    if (account->holds->empty()) account->holds.reset();
  }
  return absl::OkStatus();
}

void Books::NoteRequestId(const Entry& entry, const RequestKey* request) {
  // A start has loaded those that its replay folds.
  if (entry.request_id.empty() || entry.id <= request_ids_.last()) return;
  const RequestKey key =
      request != nullptr ? *request : RequestKey::Of(entry.account, entry.request_id);
  request_ids_.Insert(key, entry.id, entry.time);
}

Books::Account* Books::WriterFind(absl::string_view account_id) {
  Shard& shard = ShardOf(account_id);
  MutexLock lock(&shard.mu);
  const auto found = shard.by_id.find(account_id);
  return found == shard.by_id.end() ? nullptr : *found;
}

int64_t& Books::WriterSlot(Account* account) { return account->slot; }

Books::WriterAccount Books::Writer(const Account& account) const {
  return {.id = account.id,
          .number = account.number,
          .state = account.WriterState(),
          .open_time = account.open_time,
          .settings = account.WriterSettings()};
}

const Hold* Books::WriterHold(const Account& account, EntryId hold) const {
  const Account::Holds* const holds = account.WriterHolds();
  if (holds == nullptr) return nullptr;
  const auto found = holds->find(hold);
  return found == holds->end() ? nullptr : &found->second;
}

std::vector<EntryId> Books::WriterOpenHolds(const Account& account) const {
  std::vector<EntryId> open;
  if (account.WriterHolds() == nullptr) return open;
  for (const auto& [id, hold] : *account.WriterHolds()) {
    if (!hold.expired) open.push_back(id);
  }
  return open;
}

Micros Books::WriterRefunded(EntryId debit) const {
  const auto found = refunded_.find(debit);
  return found == refunded_.end() ? Micros() : found->second;
}

AccountNumber Books::next_account_number() const ABSL_NO_THREAD_SAFETY_ANALYSIS {
  return static_cast<AccountNumber>(accounts_.size()) + 1;
}

void Books::ForgetRequestIds(absl::Time now, EntryId known_through) {
  request_ids_.Forget(now, known_through);
}

void Books::ForgetHold(AccountNumber number, EntryId hold) {
  Account* const account = WriterByNumber(number);
  FAREBOX_CHECK(account != nullptr);
  const Hold* const found = WriterHold(*account, hold);
  if (found == nullptr || !found->expired) return;
  MutexLock lock(&account->shard->mu);
  account->holds->erase(hold);
  if (account->holds->empty()) account->holds.reset();
}

void Books::VisitHolds(absl::FunctionRef<void(AccountNumber, const Hold&)> visit) const
    ABSL_NO_THREAD_SAFETY_ANALYSIS {
  for (const std::unique_ptr<Account>& account : accounts_) {
    if (account->WriterHolds() == nullptr) continue;
    for (const auto& [id, hold] : *account->WriterHolds()) visit(account->number, hold);
  }
}

}  // namespace farebox
