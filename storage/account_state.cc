#include "storage/account_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/check.h"
#include "storage/limits.h"
#include "storage/status_macros.h"

namespace farebox {
namespace {

Micros Negated(Micros amount) { return Micros(-amount.value()); }

// The entry that leaves the account's money as it is.
Entry Unmoved(const AccountState& state, EntryKind kind) {
  Entry entry;
  entry.kind = kind;
  entry.balance = state.balance;
  entry.held = state.held;
  entry.credit_limit = state.terms.credit_limit;
  return entry;
}

Entry Decline(const AccountState& state, uint8_t item, Reason reason, std::string detail) {
  Entry entry = Unmoved(state, EntryKind::kDecline);
  entry.item = item;
  entry.reason = reason;
  entry.detail = std::move(detail);
  return entry;
}

// Moves the balance and what is held; nothing where the balance would leave its range.
bool Move(Micros amount, Micros held_change, Entry* entry) {
  const std::optional<Micros> balance = CheckedAdd(entry->balance, amount);
  const std::optional<Micros> held = CheckedAdd(entry->held, held_change);
  if (!balance.has_value() || !held.has_value()) return false;
  if (*balance > limits::kBalanceMax || *balance < Negated(limits::kBalanceMax)) return false;
  entry->amount = amount;
  entry->held_change = held_change;
  entry->balance = *balance;
  entry->held = *held;
  return true;
}

// Why the account takes nothing new; kNone where it does.
Reason RefusalOf(const AccountTerms& terms) {
  switch (terms.status) {
    case AccountStatus::kOpen:
      return Reason::kNone;
    case AccountStatus::kSuspended:
      return Reason::kAccountSuspended;
    case AccountStatus::kClosed:
      return Reason::kAccountClosed;
  }
  return Reason::kAccountClosed;
}

bool IsAmount(Micros amount) { return !amount.is_negative() && amount <= limits::kAmountMax; }

// In the journal's whole microseconds.
absl::Duration Bounded(absl::Duration lifetime) {
  return absl::Trunc(std::clamp(lifetime, absl::Seconds(1), limits::kHoldLifetimeMax),
                     absl::Microseconds(1));
}

// A settlement or release: charges `charge` and gives back what of the hold is set aside for it.
absl::StatusOr<Entry> ChargeHold(const AccountView& account, const Hold& hold, EntryKind kind,
                                 Charge charge) {
  if (!IsAmount(charge.amount)) return error::AmountOverflow(account.account_id);
  const Micros due(std::max<int64_t>(0, charge.amount.value() - hold.charged.value()));
  const Micros set_aside = hold.expired ? Micros() : hold.amount;
  const Micros given_back = EndsHold(kind) ? set_aside : std::min(due, set_aside);

  Entry entry = Unmoved(account.state, kind);
  if (!Move(Negated(due), Negated(given_back), &entry)) {
    return error::AmountOverflow(account.account_id);
  }
  const bool below_limit = entry.available().is_negative();
  if (hold.expired) entry.flags |= kLate;
  if (due > hold.amount || (hold.expired && below_limit && due.is_positive())) {
    entry.flags |= kOverrun;
  }
  entry.item = hold.item;
  entry.subject = hold.id;
  entry.detail = std::move(charge.detail);
  return entry;
}

// What is recorded must be what can be read again.
absl::Status CheckRecord(const AccountRecord& record) {
  const AccountTerms& terms = record.terms;
  if (terms.status < AccountStatus::kOpen || terms.status > AccountStatus::kClosed) {
    return error::FieldInvalid("status", "is none");
  }
  if (terms.credit_limit.is_negative() || terms.credit_limit > limits::kAmountMax) {
    return error::AmountInvalid("credit_limit_micros", "is beyond what an account can have");
  }
  const Micros threshold = terms.low_balance_threshold;
  if (threshold.is_negative() || threshold > limits::kAmountMax) {
    return error::AmountInvalid("low_balance_threshold_micros", "is out of range");
  }
  if (terms.open_holds_max < 1 || terms.open_holds_max > limits::kOpenHoldsMax) {
    return error::FieldInvalid("open_holds_max", "is out of range");
  }
  if (record.settings.size() > limits::kSettingsBytesMax) {
    return error::FieldInvalid("settings", "are too long");
  }
  return absl::OkStatus();
}

absl::Status CheckCanEnd(const AccountView& account, const Hold& hold) {
  if (hold.expired && account.now > hold.expire_time + limits::kLateSettlementMax) {
    return error::HoldEnded(account.account_id, hold.id, "it expired too long ago");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Entry> DecideOpenAccount(absl::string_view account_id, const OpenAccount& open,
                                        absl::Time now) {
  if (account_id.empty() || account_id.size() > limits::kAccountIdBytesMax) {
    return error::FieldInvalid("account_id", "is empty or too long");
  }
  const AccountRecord record = {.account_id = std::string(account_id),
                                .terms = open.terms,
                                .open_time = now,
                                .settings = open.settings};
  FAREBOX_RETURN_IF_ERROR(CheckRecord(record));

  Entry entry;
  entry.kind = EntryKind::kAccountOpened;
  entry.credit_limit = open.terms.credit_limit;
  entry.detail = EncodeAccountRecord(record);
  return entry;
}

absl::StatusOr<Entry> DecideDebit(const AccountView& account, const Debit& debit) {
  const AccountState& state = account.state;
  const Micros amount = debit.charge.amount;
  const bool fits = !amount.is_positive() || amount <= state.available();
  Reason refusal = debit.has_left ? Reason::kNone : RefusalOf(state.terms);
  if (refusal == Reason::kNone) refusal = debit.charge.refusal;
  if (refusal != Reason::kNone) return Decline(state, debit.item, refusal, debit.charge.detail);
  if (!IsAmount(amount)) return error::AmountOverflow(account.account_id);
  if (!fits && !debit.has_left) {
    return Decline(state, debit.item, Reason::kInsufficientBalance, debit.charge.detail);
  }

  Entry entry = Unmoved(state, EntryKind::kDebit);
  if (!Move(Negated(amount), Micros(), &entry)) return error::AmountOverflow(account.account_id);
  if (!fits) entry.flags = kOverrun;
  entry.item = debit.item;
  entry.detail = debit.charge.detail;
  return entry;
}

absl::StatusOr<Entry> DecideCredit(const AccountView& account, const Credit& credit,
                                   std::optional<Micros> refundable) {
  if (!credit.amount.is_positive()) {
    return error::AmountInvalid("amount_micros", "must be greater than zero");
  }
  if (!IsAmount(credit.amount)) return error::AmountOverflow(account.account_id);
  if (account.state.terms.status == AccountStatus::kClosed) {
    return Decline(account.state, credit.item, Reason::kAccountClosed, credit.detail);
  }
  if (refundable.has_value() && credit.amount > *refundable) {
    return error::RefundExceedsDebit(account.account_id, credit.refunds, *refundable);
  }

  Entry entry = Unmoved(account.state, EntryKind::kCredit);
  if (!Move(credit.amount, Micros(), &entry)) return error::AmountOverflow(account.account_id);
  entry.item = credit.item;
  entry.subject = credit.refunds;
  entry.detail = credit.detail;
  return entry;
}

absl::StatusOr<Entry> DecidePlaceHold(const AccountView& account, const PlaceHold& place) {
  const AccountState& state = account.state;
  if (const Reason refusal = RefusalOf(state.terms); refusal != Reason::kNone) {
    return Decline(state, place.item, refusal, place.detail);
  }
  if (state.open_holds >= state.terms.open_holds_max) {
    return Decline(state, place.item, Reason::kTooManyHolds, place.detail);
  }
  HoldOffer offer = place.size(state.available());
  if (offer.refusal != Reason::kNone) {
    return Decline(state, place.item, offer.refusal, std::move(offer.detail));
  }
  if (!IsAmount(offer.amount)) return error::AmountOverflow(account.account_id);
  // Whatever the pricing says, the ledger never holds what is not there.
  if (offer.amount.is_positive() && offer.amount > state.available()) {
    return Decline(state, place.item, Reason::kInsufficientBalance, std::move(offer.detail));
  }

  Entry entry = Unmoved(state, EntryKind::kHold);
  FAREBOX_CHECK(Move(Micros(), offer.amount, &entry));
  entry.item = place.item;
  entry.flags = offer.final ? kFinal : 0;
  entry.expire_time = account.now + Bounded(offer.lifetime);
  entry.detail = std::move(offer.detail);
  return entry;
}

absl::StatusOr<Entry> DecideExtendHold(const AccountView& account, const Hold& hold,
                                       const ExtendHold& extend) {
  const AccountState& state = account.state;
  if (hold.expired) return error::HoldEnded(account.account_id, hold.id, "expired");

  const auto decline = [&](Reason reason, std::string detail) {
    Entry entry = Decline(state, hold.item, reason, std::move(detail));
    entry.subject = hold.id;
    return entry;
  };
  const Micros budget(state.available().value() + hold.amount.value() + hold.charged.value());
  // What is wrong with the request comes before the account's state.
  FAREBOX_ASSIGN_OR_RETURN(HoldOffer offer, extend.resize(budget, hold));
  if (const Reason refusal = RefusalOf(state.terms); refusal != Reason::kNone) {
    return decline(refusal, hold.detail);
  }
  if (offer.refusal != Reason::kNone) return decline(offer.refusal, std::move(offer.detail));
  if (!IsAmount(offer.amount)) return error::AmountOverflow(account.account_id);
  const Micros growth(
      std::max<int64_t>(0, offer.amount.value() - hold.charged.value() - hold.amount.value()));
  if (growth.is_positive() && growth > state.available()) {
    return decline(Reason::kInsufficientBalance, std::move(offer.detail));
  }

  Entry entry = Unmoved(state, EntryKind::kHoldExtended);
  FAREBOX_CHECK(Move(Micros(), growth, &entry));
  entry.item = hold.item;
  entry.flags = offer.final ? kFinal : 0;
  entry.subject = hold.id;
  // An extension never shortens a hold's life.
  entry.expire_time = std::max(hold.expire_time, account.now + Bounded(offer.lifetime));
  entry.detail = std::move(offer.detail);
  return entry;
}

absl::StatusOr<Entry> DecideSettleHold(const AccountView& account, const Hold& hold,
                                       const SettleHold& settle) {
  FAREBOX_RETURN_IF_ERROR(CheckCanEnd(account, hold));
  const EntryKind kind = settle.final ? EntryKind::kHoldSettled : EntryKind::kHoldCharged;
  return ChargeHold(account, hold, kind, settle.price(hold));
}

absl::StatusOr<Entry> DecideReleaseHold(const AccountView& account, const Hold& hold,
                                        const ReleaseHold& release) {
  FAREBOX_RETURN_IF_ERROR(CheckCanEnd(account, hold));
  return ChargeHold(account, hold, EntryKind::kHoldReleased, release.price(hold));
}

Entry DecideExpireHold(const AccountState& state, const Hold& hold) {
  FAREBOX_CHECK(!hold.expired);
  Entry entry = Unmoved(state, EntryKind::kHoldExpired);
  FAREBOX_CHECK(Move(Micros(), Negated(hold.amount), &entry));
  entry.item = hold.item;
  entry.subject = hold.id;
  return entry;
}

absl::StatusOr<Entry> DecideChangeAccount(const AccountView& account, const AccountRecord& record,
                                          const ChangeAccount& change) {
  const AccountState& state = account.state;
  if (state.terms.status == AccountStatus::kClosed) {
    return error::Declined(account.account_id, Reason::kAccountClosed);
  }
  AccountRecord changed = record;
  FAREBOX_RETURN_IF_ERROR(change.change(&changed));
  FAREBOX_CHECK(changed.account_id == record.account_id && changed.open_time == record.open_time);
  FAREBOX_RETURN_IF_ERROR(CheckRecord(changed));
  const bool closes = changed.terms.status == AccountStatus::kClosed;
  if (closes && (!state.balance.is_zero() || state.open_holds > 0)) {
    return error::AccountNotEmpty(account.account_id, state.balance, state.open_holds);
  }

  Entry entry = Unmoved(state, EntryKind::kAccountChanged);
  entry.credit_limit = changed.terms.credit_limit;
  entry.detail = EncodeAccountRecord(changed);
  return entry;
}

}  // namespace farebox
