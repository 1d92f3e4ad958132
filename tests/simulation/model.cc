#include "tests/simulation/model.h"

#include <algorithm>

#include "storage/micros.h"
#include "storage/request_ids.h"

namespace farebox::simulation {
namespace {

using Kind = Operation::Kind;

// The bounds, said once more.
constexpr int64_t kAmountMost = 1'000'000'000'000'000;
constexpr int64_t kBalanceMost = 1'000'000'000'000'000'000;
constexpr size_t kAccountIdBytesMost = 64;
constexpr size_t kRequestIdBytesMost = 128;
constexpr size_t kSettingsBytesMost = 16'384;
constexpr int32_t kOpenHoldsMost = 10'000;
constexpr absl::Duration kShortestLife = absl::Seconds(1);
constexpr absl::Duration kLongestLife = absl::Hours(24);
constexpr absl::Duration kLatest = absl::Hours(7 * 24);

bool IsAmount(int64_t micros) { return micros >= 0 && micros <= kAmountMost; }

absl::Time InMicros(absl::Time time) { return absl::FromUnixMicros(absl::ToUnixMicros(time)); }

Reason TermsProblem(const AccountTerms& terms) {
  const int status = static_cast<int>(terms.status);
  if (status < 1 || status > 3) return Reason::kFieldInvalid;
  if (!IsAmount(terms.credit_limit.value())) return Reason::kAmountInvalid;
  if (!IsAmount(terms.low_balance_threshold.value())) return Reason::kAmountInvalid;
  if (terms.open_holds_max < 1 || terms.open_holds_max > kOpenHoldsMost) {
    return Reason::kFieldInvalid;
  }
  return Reason::kNone;
}

// What the account's state says to anything new.
Reason StateProblem(const AccountTerms& terms) {
  if (terms.status == AccountStatus::kSuspended) return Reason::kAccountSuspended;
  if (terms.status == AccountStatus::kClosed) return Reason::kAccountClosed;
  return Reason::kNone;
}

bool IsRequestId(const std::string& id) {
  if (id.empty() || id.size() > kRequestIdBytesMost) return false;
  const bool is_printable =
      std::all_of(id.begin(), id.end(), [](char c) { return c >= 32 && c <= 126; });
  return is_printable && id.find_first_not_of(' ') != std::string::npos;
}

// What a hold is to have set aside and charged.
struct Offer {
  Reason refusal = Reason::kNone;
  int64_t micros = 0;
  bool final = false;
};

Offer OfferOf(const Operation& operation, int64_t budget) {
  if (operation.refusal != Reason::kNone) return {.refusal = operation.refusal};
  const bool fits = operation.micros <= 0 || operation.micros <= budget;
  if (fits || operation.sizing == Operation::Sizing::kBlind) return {.micros = operation.micros};
  int64_t whole_blocks = 0;
  if (operation.sizing == Operation::Sizing::kBlocks && budget > 0) {
    whole_blocks = budget - budget % operation.block_micros;
  }
  if (whole_blocks == 0) return {.refusal = Reason::kInsufficientBalance};
  return {.micros = whole_blocks, .final = true};
}

absl::Duration Life(absl::Duration asked) {
  return absl::Floor(std::min(std::max(asked, kShortestLife), kLongestLife), absl::Microseconds(1));
}

}  // namespace

const Model::Account* Model::FindAccount(const std::string& id) const {
  const auto found = accounts_.find(id);
  return found == accounts_.end() ? nullptr : &found->second;
}

const Model::Hold* Model::FindHold(EntryId id) const {
  const auto found = holds_.find(id);
  return found == holds_.end() ? nullptr : &found->second;
}

bool Model::CanStillEnd(const Hold& hold) const {
  return !hold.ended && (!hold.expired || now_ <= hold.expire_time + kLatest);
}

absl::Time Model::NextExpiry() const {
  absl::Time next = absl::InfiniteFuture();
  for (const EntryId id : open_holds_) next = std::min(next, holds_.at(id).expire_time);
  return next;
}

absl::Time Model::NextExpiryByClock() const {
  const absl::Time next = NextExpiry();
  const absl::Duration left = next - std::max({journal_time_, clock_, journal_time_ + gone_ / 2});
  if (left <= absl::ZeroDuration()) return clock_;
  // What the clock is behind it gains with every second.
  return std::min(next, clock_ + 2 * left);
}

void Model::Start(absl::Time clock) {
  clock_ = clock;
  gone_ = absl::ZeroDuration();
}

void Model::Look(absl::Time clock) {
  gone_ = std::max(gone_ + (clock - clock_), absl::ZeroDuration());
  clock_ = clock;
}

// Half as fast as the clock while that is behind.
void Model::BeginBatch(absl::Time clock) {
  Look(clock);
  batch_.clear();
  now_ = std::max({journal_time_, InMicros(clock), InMicros(journal_time_ + gone_ / 2)});
  std::vector<std::pair<absl::Time, EntryId>> due;
  for (const EntryId id : open_holds_) {
    const Hold& hold = holds_.at(id);
    if (hold.expire_time <= now_) due.emplace_back(hold.expire_time, id);
  }
  std::sort(due.begin(), due.end());
  for (const auto& [time, id] : due) {
    Hold& hold = holds_.at(id);
    Account& account = accounts_.at(hold.account);
    Entry entry = Record(EntryKind::kHoldExpired, &account, 0, -hold.held).entry;
    entry.subject = id;
    entry.item = hold.item;
    Amend(std::move(entry));
    hold.expired = true;
    account.open_holds.erase(id);
    open_holds_.erase(id);
    ++expired_holds_;
  }
}

Model::Answer Model::Apply(const Operation& operation) {
  if (!IsRequestId(operation.request_id)) return {.error = Reason::kFieldInvalid};
  const auto account = accounts_.find(operation.account);
  const bool is_open = account != accounts_.end();
  if (!is_open && operation.kind != Kind::kOpen) return {.error = Reason::kAccountNotFound};

  if (std::optional<Answer> replay = FindReplay(operation)) return *std::move(replay);
  const bool is_from_future =
      operation.id_time.has_value() && *operation.id_time > now_ + request_window_ / 4;
  if (is_from_future) return {.error = Reason::kFieldInvalid};

  Answer answer = is_open ? Decide(operation, &account->second) : Open(operation);
  if (answer.error != Reason::kNone) return answer;
  answer.entry.request_id = operation.request_id;
  answer.entry.fingerprint = ContentFingerprint(ContentOf(operation));
  Amend(answer.entry);
  first_answers_[{operation.account, operation.request_id}] = {operation, answer};
  return answer;
}

std::optional<Model::Answer> Model::FindReplay(const Operation& operation) const {
  const auto first = first_answers_.find({operation.account, operation.request_id});
  if (first == first_answers_.end()) return std::nullopt;
  if (!SameContent(first->second.operation, operation)) {
    return Answer{.error = Reason::kRequestIdReused};
  }
  Answer again = first->second.answer;
  again.replayed = true;
  return again;
}

Model::Answer Model::Decide(const Operation& operation, Account* account) {
  switch (operation.kind) {
    case Kind::kOpen:
      return {.error = Reason::kAccountExists};
    case Kind::kChange:
      return Change(operation, account);
    case Kind::kDebit:
      return Debit(operation, account);
    case Kind::kCredit:
    case Kind::kRefund:
      return Credit(operation, account);
    case Kind::kHold:
      return Place(operation, account);
    case Kind::kExtend:
      return Extend(operation, account);
    case Kind::kCharge:
    case Kind::kSettle:
    case Kind::kRelease:
      break;
  }
  return Charge(operation, account);
}

// ---- Accounts

Model::Answer Model::Open(const Operation& operation) {
  const bool is_id = !operation.account.empty() && operation.account.size() <= kAccountIdBytesMost;
  if (!is_id || operation.settings.size() > kSettingsBytesMost) {
    return {.error = Reason::kFieldInvalid};
  }
  const Reason problem = TermsProblem(operation.terms);
  if (problem != Reason::kNone) return {.error = problem};
  const AccountNumber number = static_cast<AccountNumber>(accounts_.size()) + 1;
  Account& account = accounts_[operation.account];
  account = {.number = number,
             .terms = operation.terms,
             .settings = operation.settings,
             .open_time = now_};
  return Record(EntryKind::kAccountOpened, &account, 0, 0);
}

Model::Answer Model::Change(const Operation& operation, Account* account) {
  if (account->terms.status == AccountStatus::kClosed) return {.error = Reason::kAccountClosed};
  const Reason problem = TermsProblem(operation.terms);
  if (problem != Reason::kNone) return {.error = problem};
  if (operation.settings.size() > kSettingsBytesMost) return {.error = Reason::kFieldInvalid};
  const bool is_empty = account->balance == 0 && account->open_holds.empty();
  if (operation.terms.status == AccountStatus::kClosed && !is_empty) {
    return {.error = Reason::kAccountNotEmpty};
  }
  account->terms = operation.terms;
  if (!operation.settings.empty()) account->settings = operation.settings;
  return Record(EntryKind::kAccountChanged, account, 0, 0);
}

// ---- Money at once

Model::Answer Model::Debit(const Operation& operation, Account* account) {
  const auto decline = [&](Reason reason) {
    return Decline(account, operation.item, reason, operation.detail);
  };
  const Reason problem = StateProblem(account->terms);
  if (problem != Reason::kNone) return decline(problem);
  if (operation.refusal != Reason::kNone) return decline(operation.refusal);
  if (!IsAmount(operation.micros)) return {.error = Reason::kAmountOverflow};
  if (operation.micros > 0 && operation.micros > account->available()) {
    return decline(Reason::kInsufficientBalance);
  }
  Entry entry = Record(EntryKind::kDebit, account, -operation.micros, 0).entry;
  entry.item = operation.item;
  entry.detail = operation.detail;
  if (operation.micros > 0) debits_[entry.id] = {operation.account, operation.micros};
  return Amend(std::move(entry));
}

Model::Answer Model::Credit(const Operation& operation, Account* account) {
  Debited* refunded = nullptr;
  if (operation.kind == Kind::kRefund && operation.subject != 0) {
    const auto debit = debits_.find(operation.subject);
    const bool is_its_own = debit != debits_.end() && debit->second.account == operation.account;
    if (!is_its_own) return {.error = Reason::kEntryNotFound};
    refunded = &debit->second;
  }
  if (operation.micros <= 0) return {.error = Reason::kAmountInvalid};
  if (!IsAmount(operation.micros)) return {.error = Reason::kAmountOverflow};
  if (account->terms.status == AccountStatus::kClosed) {
    return Decline(account, operation.item, Reason::kAccountClosed, operation.detail);
  }
  if (refunded != nullptr && operation.micros > refunded->refundable) {
    return {.error = Reason::kRefundExceedsDebit};
  }
  if (account->balance + operation.micros > kBalanceMost) return {.error = Reason::kAmountOverflow};

  if (refunded != nullptr) refunded->refundable -= operation.micros;
  Entry entry = Record(EntryKind::kCredit, account, operation.micros, 0).entry;
  entry.item = operation.item;
  entry.subject = refunded == nullptr ? 0 : operation.subject;
  entry.detail = operation.detail;
  return Amend(std::move(entry));
}

// ---- Holds

Model::Answer Model::Place(const Operation& operation, Account* account) {
  const Reason problem = StateProblem(account->terms);
  if (problem != Reason::kNone) return Decline(account, operation.item, problem, operation.detail);
  if (static_cast<int32_t>(account->open_holds.size()) >= account->terms.open_holds_max) {
    return Decline(account, operation.item, Reason::kTooManyHolds, operation.detail);
  }
  const Offer offer = OfferOf(operation, account->available());
  const auto decline = [&](Reason reason) {
    return Decline(account, operation.item, reason, operation.detail);
  };
  if (offer.refusal != Reason::kNone) return decline(offer.refusal);
  if (!IsAmount(offer.micros)) return {.error = Reason::kAmountOverflow};
  if (offer.micros > 0 && offer.micros > account->available()) {
    return decline(Reason::kInsufficientBalance);
  }

  Entry entry = Record(EntryKind::kHold, account, 0, offer.micros).entry;
  entry.item = operation.item;
  entry.flags = offer.final ? kFinal : 0;
  entry.subject = entry.id;
  entry.expire_time = now_ + Life(operation.lifetime);
  entry.detail = operation.detail;
  holds_[entry.id] = {.account = operation.account,
                      .item = operation.item,
                      .held = offer.micros,
                      .start_time = now_,
                      .expire_time = entry.expire_time,
                      .detail = operation.detail};
  open_holds_.insert(entry.id);
  account->open_holds.insert(entry.id);
  return Amend(std::move(entry));
}

Reason Model::HoldProblem(const Operation& operation) const {
  const Hold* const hold = FindHold(operation.subject);
  if (hold == nullptr || hold->account != operation.account) return Reason::kHoldNotFound;
  return CanStillEnd(*hold) ? Reason::kNone : Reason::kHoldEnded;
}

Model::Answer Model::Extend(const Operation& operation, Account* account) {
  const Reason hold_problem = HoldProblem(operation);
  if (hold_problem != Reason::kNone) return {.error = hold_problem};
  Hold& hold = holds_.at(operation.subject);
  if (hold.expired) return {.error = Reason::kHoldEnded};

  const auto decline = [&](Reason reason, std::string detail) {
    Entry entry = Decline(account, hold.item, reason, std::move(detail)).entry;
    entry.subject = operation.subject;
    return Amend(std::move(entry));
  };
  const Reason problem = StateProblem(account->terms);
  if (problem != Reason::kNone) return decline(problem, hold.detail);
  const Offer offer = OfferOf(operation, account->available() + hold.held + hold.charged);
  if (offer.refusal != Reason::kNone) return decline(offer.refusal, operation.detail);
  if (!IsAmount(offer.micros)) return {.error = Reason::kAmountOverflow};
  const int64_t more = std::max<int64_t>(0, offer.micros - hold.held - hold.charged);
  if (more > 0 && more > account->available()) {
    return decline(Reason::kInsufficientBalance, operation.detail);
  }

  hold.held += more;
  hold.expire_time = std::max(hold.expire_time, now_ + Life(operation.lifetime));
  hold.detail = operation.detail;
  Entry entry = Record(EntryKind::kHoldExtended, account, 0, more).entry;
  entry.item = hold.item;
  entry.flags = offer.final ? kFinal : 0;
  entry.subject = operation.subject;
  entry.expire_time = hold.expire_time;
  entry.detail = operation.detail;
  return Amend(std::move(entry));
}

Model::Answer Model::Charge(const Operation& operation, Account* account) {
  const Reason hold_problem = HoldProblem(operation);
  if (hold_problem != Reason::kNone) return {.error = hold_problem};
  if (!IsAmount(operation.micros)) return {.error = Reason::kAmountOverflow};
  Hold& hold = holds_.at(operation.subject);
  const int64_t due = std::max<int64_t>(0, operation.micros - hold.charged);
  if (account->balance - due < -kBalanceMost) return {.error = Reason::kAmountOverflow};

  const bool ends = operation.kind != Kind::kCharge;
  const int64_t set_aside = hold.expired ? 0 : hold.held;
  const int64_t given_back = ends ? set_aside : std::min(due, set_aside);
  const EntryKind kind = operation.kind == Kind::kCharge   ? EntryKind::kHoldCharged
                         : operation.kind == Kind::kSettle ? EntryKind::kHoldSettled
                                                           : EntryKind::kHoldReleased;
  Entry entry = Record(kind, account, -due, -given_back).entry;
  const bool is_below = hold.expired && due > 0 && account->available() < 0;
  const bool is_overrun = due > hold.held || is_below;
  entry.flags = static_cast<uint8_t>((hold.expired ? kLate : 0) | (is_overrun ? kOverrun : 0));
  entry.item = hold.item;
  entry.subject = operation.subject;
  entry.detail = operation.detail;
  if (due > 0) debits_[entry.id] = {operation.account, due};

  hold.charged += due;
  hold.held -= std::min(due, hold.held);
  hold.ended = ends;
  if (ends) {
    open_holds_.erase(operation.subject);
    account->open_holds.erase(operation.subject);
  }
  return Amend(std::move(entry));
}

// ---- Recording

Model::Answer Model::Decline(Account* account, uint8_t item, Reason reason, std::string detail) {
  Entry entry = Record(EntryKind::kDecline, account, 0, 0).entry;
  entry.item = item;
  entry.reason = reason;
  entry.detail = std::move(detail);
  return Amend(std::move(entry));
}

Model::Answer Model::Record(EntryKind kind, Account* account, int64_t amount, int64_t held_change) {
  account->balance += amount;
  account->held += held_change;
  Entry entry;
  entry.id = ++last_entry_;
  entry.account = account->number;
  entry.previous = account->last_entry;
  entry.time = now_;
  entry.kind = kind;
  entry.amount = Micros(amount);
  entry.held_change = Micros(held_change);
  entry.balance = Micros(account->balance);
  entry.held = Micros(account->held);
  entry.credit_limit = account->terms.credit_limit;
  account->last_entry = entry.id;
  journal_time_ = now_;
  gone_ = absl::ZeroDuration();
  batch_.push_back(entry);
  return {.entry = std::move(entry)};
}

Model::Answer Model::Amend(Entry entry) {
  batch_.back() = entry;
  return {.entry = std::move(entry)};
}

}  // namespace farebox::simulation
