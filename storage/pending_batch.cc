#include "storage/pending_batch.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "storage/account_fold.h"
#include "storage/check.h"
#include "storage/errors.h"
#include "storage/hash_chain.h"
#include "storage/request_ids.h"
#include "storage/status_macros.h"

namespace farebox {
namespace {

// Whether LOW_BALANCE is to be known of the account.
bool IsLow(const AccountState& state) {
  const Micros threshold = state.terms.low_balance_threshold;
  return threshold.is_positive() && state.available() < threshold;
}

}  // namespace

PendingBatch::PendingBatch(Sources sources, const BatchHead& head, absl::Time now, size_t count)
    : sources_(sources), before_(head), now_(now) {
  FAREBOX_CHECK(now >= head.time);
  entries_.reserve(count);
  request_keys_.reserve(count);
  requests_.reserve(count);
}

PendingBatch::~PendingBatch() {
  for (const PendingAccount& account : accounts_) {
    if (account.booked != nullptr) sources_.books->WriterSlot(account.booked) = Books::kNoSlot;
  }
}

PendingBatch::Decision PendingBatch::Apply(const Command& command) {
  if (!IsRequestId(command.request_id)) {
    return {.status = error::FieldInvalid("request_id", "must be 1 to 128 printable characters")};
  }
  PendingAccount* const account = FindAccount(command.account_id);
  const OpenAccount* const open = std::get_if<OpenAccount>(&command.action);
  if (account == nullptr) {
    if (open != nullptr) return Open(command, *open);
    return {.status = error::AccountNotFound(command.account_id)};
  }

  const RequestKey key = RequestKey::Of(account->number, command.request_id);
  absl::StatusOr<std::optional<Decision>> replay = FindReplay(*account, command, key);
  if (!replay.ok()) return {.status = replay.status()};
  if (replay->has_value()) return **std::move(replay);
  if (absl::Status space = CheckSpace(command.action); !space.ok()) {
    return {.status = std::move(space)};
  }

  absl::StatusOr<Entry> entry =
      std::visit([&](const auto& action) { return Decide(*account, action); }, command.action);
  if (!entry.ok()) return {.status = entry.status()};
  return {.index = Record(account, {.command = &command, .key = key}, *std::move(entry))};
}

PendingBatch::Decision PendingBatch::Open(const Command& command, const OpenAccount& open) {
  const AccountNumber number =
      sources_.books->next_account_number() + static_cast<AccountNumber>(opened_.size());
  const RequestKey key = RequestKey::Of(number, command.request_id);
  if (absl::Status future = CheckNotFromFuture(key.made); !future.ok()) {
    return {.status = std::move(future)};
  }
  if (absl::Status space = CheckSpace(command.action); !space.ok()) {
    return {.status = std::move(space)};
  }
  absl::StatusOr<Entry> entry = DecideOpenAccount(command.account_id, open, now_);
  if (!entry.ok()) return {.status = entry.status()};

  opened_.emplace(command.account_id, accounts_.size());
  PendingAccount& account = accounts_.emplace_back();
  account.id = command.account_id;
  account.number = number;
  return {.index = Record(&account, {.command = &command, .key = key}, *std::move(entry))};
}

absl::Status PendingBatch::CheckSpace(const Action& action) const {
  const bool ends_hold =
      std::holds_alternative<SettleHold>(action) || std::holds_alternative<ReleaseHold>(action);
  return ends_hold ? absl::OkStatus() : sources_.space;
}

PendingBatch::PendingAccount* PendingBatch::FindAccount(absl::string_view account_id) {
  Books::Account* const booked = sources_.books->WriterFind(account_id);
  if (booked != nullptr) return Touch(booked);
  const auto opened = opened_.find(account_id);
  return opened == opened_.end() ? nullptr : &accounts_[opened->second];
}

PendingBatch::PendingAccount* PendingBatch::Touch(Books::Account* booked) {
  int64_t& slot = sources_.books->WriterSlot(booked);
  if (slot == Books::kNoSlot) {
    slot = static_cast<int64_t>(accounts_.size());
    const Books::WriterAccount before = sources_.books->Writer(*booked);
    accounts_.push_back({.id = before.id,
                         .number = before.number,
                         .booked = booked,
                         .state = before.state,
                         .record = std::nullopt});
  }
  return &accounts_[static_cast<size_t>(slot)];
}

AccountView PendingBatch::ViewOf(const PendingAccount& account) const {
  return {.account_id = account.id, .state = account.state, .now = now_};
}

// ---- Request ids

absl::StatusOr<std::optional<PendingBatch::Decision>> PendingBatch::FindReplay(
    const PendingAccount& account, const Command& command, const RequestKey& key) {
  FAREBOX_ASSIGN_OR_RETURN(std::unique_ptr<Entry> first, FindFirst(key));
  if (first == nullptr) return std::optional<Decision>();
  // The hash only points to an entry. Should two ids ever share one, the second is refused: without
  // a place of its own it could be charged twice.
  const bool is_the_same = first->account == account.number &&
                           first->request_id == command.request_id &&
                           first->fingerprint == command.fingerprint;
  if (!is_the_same) return error::RequestIdReused(account.id, command.request_id);
  return Decision{.earlier = std::move(first), .replayed = true};
}

absl::StatusOr<std::unique_ptr<Entry>> PendingBatch::FindFirst(const RequestKey& key) {
  const auto same_batch = requests_.find(key.hash);
  if (same_batch != requests_.end()) return std::make_unique<Entry>(entries_[same_batch->second]);

  std::optional<EntryId> id = sources_.books->request_ids().Find(key);
  if (!id.has_value()) {
    FAREBOX_RETURN_IF_ERROR(CheckNotFromFuture(key.made));
    if (MayBeOld(key.made)) {
      FAREBOX_ASSIGN_OR_RETURN(id, sources_.journal->FindOldRequest(key.hash));
    }
  }
  if (!id.has_value()) return nullptr;
  FAREBOX_ASSIGN_OR_RETURN(Entry entry, sources_.reader->Read(*id));
  return std::make_unique<Entry>(std::move(entry));
}

absl::Status PendingBatch::CheckNotFromFuture(std::optional<absl::Time> made) const {
  // An id from the future would later pass for a recent one.
  if (made.has_value() && *made > now_ + sources_.request_window / 4) {
    return error::FieldInvalid("request_id", "the time in it is in the future");
  }
  return absl::OkStatus();
}

bool PendingBatch::MayBeOld(std::optional<absl::Time> made) const {
  if (sources_.journal->OldRequestsThrough() == 0) return false;
  return !made.has_value() || *made < now_ - sources_.request_window / 2;
}

// ---- Decisions

absl::StatusOr<Entry> PendingBatch::Decide(const PendingAccount& account,
                                           const OpenAccount&) const {
  return error::AccountExists(account.id);
}

AccountRecord PendingBatch::RecordOf(const PendingAccount& account) const {
  if (account.record.has_value()) return *account.record;
  const Books::WriterAccount booked = sources_.books->Writer(*account.booked);
  return {.account_id = std::string(booked.id),
          .terms = booked.state.terms,
          .open_time = booked.open_time,
          .settings = *booked.settings};
}

absl::StatusOr<Entry> PendingBatch::Decide(const PendingAccount& account,
                                           const ChangeAccount& change) const {
  return DecideChangeAccount(ViewOf(account), RecordOf(account), change);
}

absl::StatusOr<Entry> PendingBatch::Decide(const PendingAccount& account,
                                           const Debit& debit) const {
  return DecideDebit(ViewOf(account), debit);
}

absl::StatusOr<Entry> PendingBatch::Decide(const PendingAccount& account, const Credit& credit) {
  if (credit.refunds == 0) return DecideCredit(ViewOf(account), credit, std::nullopt);

  const absl::StatusOr<Entry> debit = ReadEntry(credit.refunds);
  if (absl::IsNotFound(debit.status())) return error::EntryNotFound(account.id, credit.refunds);
  FAREBOX_RETURN_IF_ERROR(debit.status());
  if (debit->account != account.number || !debit->amount.is_negative()) {
    return error::EntryNotFound(account.id, credit.refunds);
  }
  const auto pending = refunded_.find(credit.refunds);
  const Micros refunded =
      pending != refunded_.end() ? pending->second : sources_.books->WriterRefunded(credit.refunds);
  return DecideCredit(ViewOf(account), credit, Micros(-debit->amount.value() - refunded.value()));
}

absl::StatusOr<Entry> PendingBatch::Decide(const PendingAccount& account,
                                           const PlaceHold& place) const {
  return DecidePlaceHold(ViewOf(account), place);
}

absl::StatusOr<Entry> PendingBatch::Decide(const PendingAccount& account,
                                           const ExtendHold& extend) {
  FAREBOX_ASSIGN_OR_RETURN(const Hold hold, FindHold(account, extend.hold));
  return DecideExtendHold(ViewOf(account), hold, extend);
}

absl::StatusOr<Entry> PendingBatch::Decide(const PendingAccount& account,
                                           const SettleHold& settle) {
  FAREBOX_ASSIGN_OR_RETURN(const Hold hold, FindHold(account, settle.hold));
  return DecideSettleHold(ViewOf(account), hold, settle);
}

absl::StatusOr<Entry> PendingBatch::Decide(const PendingAccount& account,
                                           const ReleaseHold& release) {
  FAREBOX_ASSIGN_OR_RETURN(const Hold hold, FindHold(account, release.hold));
  return DecideReleaseHold(ViewOf(account), hold, release);
}

// ---- Holds and entries, as this batch sees them

const Entry* PendingBatch::EntryOfBatch(EntryId id) const {
  if (id <= before_.last) return nullptr;
  const size_t index = static_cast<size_t>(id - before_.last - 1);
  return index < entries_.size() ? &entries_[index] : nullptr;
}

const Hold* PendingBatch::CurrentHold(const PendingAccount& account, EntryId hold) {
  auto pending = holds_.find(hold);
  if (pending == holds_.end() && hold > before_.last) {
    // Few holds are asked for in the batch that places them.
    const Entry* const placed = EntryOfBatch(hold);
    if (placed == nullptr || placed->kind != EntryKind::kHold) return nullptr;
    PendingHold made = {.account = placed->account, .hold = std::nullopt};
    FoldHold(*placed, &made.hold);
    pending = holds_.emplace(hold, std::move(made)).first;
  }
  if (pending != holds_.end()) {
    const bool is_its_own = pending->second.account == account.number;
    return is_its_own && pending->second.hold.has_value() ? &*pending->second.hold : nullptr;
  }
  if (account.booked == nullptr) return nullptr;
  return sources_.books->WriterHold(*account.booked, hold);
}

absl::StatusOr<Hold> PendingBatch::FindHold(const PendingAccount& account, EntryId hold) {
  const Hold* const current = CurrentHold(account, hold);
  if (current != nullptr) return *current;

  const absl::StatusOr<Entry> placed = ReadEntry(hold);
  if (!placed.ok() && !absl::IsNotFound(placed.status())) return placed.status();
  const bool was_its_own =
      placed.ok() && placed->kind == EntryKind::kHold && placed->account == account.number;
  if (was_its_own) {
    // What is forgotten may also have expired, limits::kLateSettlementMax ago.
    return error::HoldEnded(account.id, hold, "settled or released, or it expired too long ago");
  }
  return error::HoldNotFound(account.id, hold);
}

absl::StatusOr<Entry> PendingBatch::ReadEntry(EntryId id) {
  const Entry* const pending = EntryOfBatch(id);
  return pending != nullptr ? *pending : sources_.reader->Read(id);
}

// ---- Recording

size_t PendingBatch::Record(PendingAccount* account, Request request, Entry entry) {
  const size_t index = entries_.size();
  entry.id = before_.last + 1 + static_cast<EntryId>(index);
  entry.account = account->number;
  entry.previous = account->state.last_entry;
  entry.time = now_;
  if (entry.kind == EntryKind::kHold) entry.subject = entry.id;
  if (request.command != nullptr) {
    entry.request_id = request.command->request_id;
    entry.fingerprint = request.command->fingerprint;
    requests_.emplace(request.key.hash, index);
  }

  const AccountState before = account->state;
  FoldAccount(entry, &account->state);
  if (entry.kind == EntryKind::kAccountOpened || entry.kind == EntryKind::kAccountChanged) {
    account->record = *DecodeAccountRecord(entry.detail);
  } else if (IsRefund(entry)) {
    const Micros booked = sources_.books->WriterRefunded(entry.subject);
    Micros& refunded = refunded_.try_emplace(entry.subject, booked).first->second;
    // As it was decided, no more than the debit.
    FAREBOX_CHECK(FoldRefund(entry, &refunded).ok());
  } else if (entry.subject != 0 && entry.kind != EntryKind::kHold &&
             entry.kind != EntryKind::kDecline) {
    const Hold* const current = CurrentHold(*account, entry.subject);
    std::optional<Hold> hold = current == nullptr ? std::nullopt : std::make_optional(*current);
    FoldHold(entry, &hold);
    holds_.insert_or_assign(entry.subject,
                            PendingHold{.account = account->number, .hold = std::move(hold)});
  }
  SignalEffects(*account, before, entry);
  entries_.push_back(std::move(entry));
  request_keys_.push_back(request.key);
  return index;
}

bool PendingBatch::Expire(AccountNumber number, EntryId hold, absl::Time expire_time) {
  FAREBOX_CHECK(expire_time <= now_);
  Books::Account* const booked = sources_.books->WriterByNumber(number);
  FAREBOX_CHECK(booked != nullptr);
  PendingAccount* const account = Touch(booked);
  const Hold* const current = CurrentHold(*account, hold);
  // A hold that was extended has a reminder for each of its times. Only the newest counts, so that
  // the order of expiries is the same where a restart has left only that one.
  if (current == nullptr || current->expired || current->expire_time != expire_time) return false;
  Record(account, {}, DecideExpireHold(account->state, *current));
  return true;
}

void PendingBatch::Warn(AccountNumber number, EntryId hold, absl::Time expire_time) {
  Books::Account* const booked = sources_.books->WriterByNumber(number);
  FAREBOX_CHECK(booked != nullptr);
  const Hold* const current = sources_.books->WriterHold(*booked, hold);
  if (current == nullptr || current->expired || current->expire_time != expire_time) return;
  const Books::WriterAccount account = sources_.books->Writer(*booked);
  signals_.push_back({.kind = Signal::Kind::kHoldExpiring,
                      .account_id = std::string(account.id),
                      .hold = hold,
                      .available = account.state.available()});
}

void PendingBatch::SignalEffects(const PendingAccount& account, const AccountState& before,
                                 const Entry& entry) {
  const bool is_new = entry.kind == EntryKind::kAccountOpened;
  if (!is_new && !IsLow(before) && IsLow(account.state)) {
    signals_.push_back({.kind = Signal::Kind::kLowBalance,
                        .account_id = std::string(account.id),
                        .available = account.state.available()});
  }
  if (entry.kind == EntryKind::kHoldExpired) {
    signals_.push_back({.kind = Signal::Kind::kDisconnect,
                        .account_id = std::string(account.id),
                        .hold = entry.subject,
                        .available = account.state.available()});
  }
  const bool was_open = before.terms.status == AccountStatus::kOpen;
  if (was_open && account.state.terms.status != AccountStatus::kOpen) SignalDisconnects(account);
}

void PendingBatch::SignalDisconnects(const PendingAccount& account) {
  std::vector<EntryId> holds;
  if (account.booked != nullptr) holds = sources_.books->WriterOpenHolds(*account.booked);
  for (const Entry& entry : entries_) {
    if (entry.kind == EntryKind::kHold && entry.account == account.number) {
      holds.push_back(entry.id);
    }
  }
  for (const EntryId hold : holds) {
    const Hold* const current = CurrentHold(account, hold);
    if (current == nullptr || current->expired) continue;
    signals_.push_back({.kind = Signal::Kind::kDisconnect,
                        .account_id = std::string(account.id),
                        .hold = hold,
                        .available = account.state.available()});
  }
}

BatchHead PendingBatch::Seal() const {
  FAREBOX_CHECK(!entries_.empty());
  BatchHead head;
  head.number = before_.number + 1;
  head.first = before_.last + 1;
  head.last = before_.last + static_cast<EntryId>(entries_.size());
  head.time = now_;
  BatchHasher hasher(before_.hash, head);
  for (const Entry& entry : entries_) hasher.Add(entry);
  head.hash = hasher.Finish();
  return head;
}

}  // namespace farebox
