#include "storage/account_fold.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "storage/check.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox {
namespace {

bool ChangesTerms(EntryKind kind) {
  return kind == EntryKind::kAccountOpened || kind == EntryKind::kAccountChanged;
}

// Whether the entry belongs to a hold that must exist before it.
bool NeedsHold(EntryKind kind) {
  return kind == EntryKind::kHoldExtended || kind == EntryKind::kHoldCharged || EndsHold(kind);
}

// What is charged comes out of what was set aside, as far as that goes.
absl::string_view InterimProblem(const Hold& hold, const Entry& entry) {
  if (entry.amount.is_positive()) return "a settlement only takes";
  const int64_t set_aside = hold.expired ? 0 : hold.amount.value();
  const int64_t given_back = -entry.held_change.value();
  const bool is_right = given_back == std::min(set_aside, -entry.amount.value());
  return is_right ? "" : "it gives back just what it charges, and does not";
}

// Says what is wrong with the amounts of an entry of its kind; empty where nothing is.
absl::string_view AmountProblem(const std::optional<Hold>& hold, const Entry& entry) {
  const Micros none;
  const bool moves_balance = !entry.amount.is_zero();
  const bool moves_held = !entry.held_change.is_zero();
  switch (entry.kind) {
    case EntryKind::kAccountOpened:
    case EntryKind::kAccountChanged:
    case EntryKind::kDecline:
      return moves_balance || moves_held ? "it may not move money" : "";
    case EntryKind::kDebit:
      return entry.amount > none || moves_held ? "a debit only takes from the balance" : "";
    case EntryKind::kCredit:
      return entry.amount <= none || moves_held ? "a credit only adds to the balance" : "";
    case EntryKind::kHold:
    case EntryKind::kHoldExtended:
      return moves_balance || entry.held_change < none ? "a hold only sets aside" : "";
    case EntryKind::kHoldCharged:
      return InterimProblem(*hold, entry);
    case EntryKind::kHoldSettled:
    case EntryKind::kHoldReleased:
    case EntryKind::kHoldExpired:
      break;
  }
  const Micros set_aside = hold->expired ? none : hold->amount;
  if (entry.held_change.value() != -set_aside.value()) {
    return "a hold's end gives back just what was set aside";
  }
  if (entry.kind == EntryKind::kHoldExpired && moves_balance) return "an expiry charges nothing";
  return entry.amount > none ? "a hold's end never adds to the balance" : "";
}

// What is set aside or charged must fit, unless the entry says that a call ran over.
absl::string_view LimitProblem(const std::optional<Hold>& hold, const Entry& entry) {
  const bool is_below_limit = entry.available().is_negative();
  const bool takes = entry.kind == EntryKind::kDebit || entry.kind == EntryKind::kHold ||
                     entry.kind == EntryKind::kHoldExtended;
  const bool takes_something = entry.amount.is_negative() || entry.held_change.is_positive();
  const bool takes_too_much = takes && takes_something && is_below_limit;
  if (entry.kind == EntryKind::kDebit && entry.overrun()) {
    return takes_too_much ? "" : "it says that it overran, and did not";
  }
  if (takes_too_much) return "it takes more than was available";
  const bool charges_hold = entry.kind == EntryKind::kHoldCharged ||
                            entry.kind == EntryKind::kHoldSettled ||
                            entry.kind == EntryKind::kHoldReleased;
  if (!charges_hold) return "";
  if (entry.late() != hold->expired) return "it is late, or not, and says otherwise";
  const bool overran = -entry.amount.value() > hold->amount.value() ||
                       (hold->expired && entry.amount.is_negative() && is_below_limit);
  if (overran && !entry.overrun()) return "it charges more than was set aside and does not say so";
  if (!overran && entry.overrun()) return "it says that it overran, and did not";
  return "";
}

absl::string_view LinkProblem(const AccountState& before, const std::optional<Hold>& hold,
                              const Entry& entry) {
  if (entry.previous != before.last_entry) return "its link to the entry before is wrong";
  if ((entry.kind == EntryKind::kAccountOpened) != (before.last_entry == 0)) {
    return "an account is opened once, by its first entry";
  }
  if (entry.kind == EntryKind::kHold && entry.subject != entry.id) return "it is not its own hold";
  if (NeedsHold(entry.kind) && !hold.has_value()) return "its hold does not exist, or has ended";
  const bool only_open =
      entry.kind == EntryKind::kHoldExtended || entry.kind == EntryKind::kHoldExpired;
  if (only_open && hold->expired) return "its hold has expired already";
  if (entry.kind == EntryKind::kHoldExpired && entry.time < hold->expire_time) {
    return "its hold expired before its time";
  }
  if (entry.kind == EntryKind::kHoldExtended && entry.expire_time < hold->expire_time) {
    return "its hold's life is shorter than it was";
  }
  return "";
}

absl::string_view SumProblem(const AccountState& before, const Entry& entry) {
  const std::optional<Micros> balance = CheckedAdd(before.balance, entry.amount);
  if (!balance.has_value() || *balance != entry.balance) return "its balance does not follow";
  const std::optional<Micros> held = CheckedAdd(before.held, entry.held_change);
  if (!held.has_value() || *held != entry.held) return "what is held does not follow";
  if (entry.held.is_negative()) return "less than nothing is held";
  if (!ChangesTerms(entry.kind) && entry.credit_limit != before.terms.credit_limit) {
    return "its credit limit is not the account's";
  }
  return "";
}

}  // namespace

void FoldAccount(const Entry& entry, AccountState* state) {
  if (ChangesTerms(entry.kind)) {
    absl::StatusOr<AccountRecord> record = DecodeAccountRecord(entry.detail);
    FAREBOX_CHECK(record.ok());
    state->terms = record->terms;
  }
  state->balance = entry.balance;
  state->held = entry.held;
  state->last_entry = entry.id;
  if (entry.kind == EntryKind::kHold) ++state->open_holds;
  if (EndsHold(entry.kind) && !entry.late()) --state->open_holds;
}

namespace {

// Of an expired hold nothing is set aside any more, but what it once granted is still used up.
void FoldInterimCharge(const Entry& entry, Hold* hold) {
  const int64_t charge = -entry.amount.value();
  const int64_t used_up =
      hold->expired ? std::min(charge, hold->amount.value()) : -entry.held_change.value();
  hold->amount = Micros(hold->amount.value() - used_up);
  hold->charged = Micros(hold->charged.value() + charge);
}

}  // namespace

void FoldHold(const Entry& entry, std::optional<Hold>* hold) {
  switch (entry.kind) {
    case EntryKind::kHold:
      *hold = Hold{.id = entry.id,
                   .item = entry.item,
                   .amount = entry.held_change,
                   .charged = Micros(),
                   .start_time = entry.time,
                   .expire_time = entry.expire_time,
                   .expired = false,
                   .detail = entry.detail};
      return;
    case EntryKind::kHoldExtended:
      FAREBOX_CHECK(hold->has_value());
      (*hold)->amount = Micros((*hold)->amount.value() + entry.held_change.value());
      (*hold)->expire_time = entry.expire_time;
      (*hold)->detail = entry.detail;
      return;
    case EntryKind::kHoldCharged:
      FAREBOX_CHECK(hold->has_value());
      FoldInterimCharge(entry, &**hold);
      return;
    case EntryKind::kHoldExpired:
      FAREBOX_CHECK(hold->has_value());
      (*hold)->expired = true;
      return;
    case EntryKind::kHoldSettled:
    case EntryKind::kHoldReleased:
      hold->reset();
      return;
    case EntryKind::kAccountOpened:
    case EntryKind::kAccountChanged:
    case EntryKind::kDebit:
    case EntryKind::kCredit:
    case EntryKind::kDecline:
      return;
  }
}

bool IsRefund(const Entry& entry) { return entry.kind == EntryKind::kCredit && entry.subject != 0; }

absl::Status FoldRefund(const Entry& refund, Micros* refunded) {
  FAREBOX_CHECK(IsRefund(refund));
  const std::optional<Micros> sum = CheckedAdd(*refunded, refund.amount);
  if (!sum.has_value()) return error::JournalDamaged(refund.id, "refunds exceed the debit");
  *refunded = *sum;
  return absl::OkStatus();
}

absl::Status CheckFollows(const AccountState& before, const std::optional<Hold>& hold,
                          const Entry& entry) {
  absl::string_view problem = LinkProblem(before, hold, entry);
  if (problem.empty()) problem = SumProblem(before, entry);
  if (problem.empty()) problem = AmountProblem(hold, entry);
  if (problem.empty()) problem = LimitProblem(hold, entry);
  if (!problem.empty()) return error::JournalDamaged(entry.id, problem);
  if (!ChangesTerms(entry.kind)) return absl::OkStatus();

  const absl::StatusOr<AccountRecord> record = DecodeAccountRecord(entry.detail);
  if (!record.ok()) return error::JournalDamaged(entry.id, record.status().message());
  if (record->terms.credit_limit != entry.credit_limit) {
    return error::JournalDamaged(entry.id, "its credit limit is not its record's");
  }
  if (entry.kind == EntryKind::kAccountOpened && record->open_time != entry.time) {
    return error::JournalDamaged(entry.id, "its account was opened at another time");
  }
  return absl::OkStatus();
}

}  // namespace farebox
