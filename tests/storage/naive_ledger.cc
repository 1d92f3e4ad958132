#include "tests/storage/naive_ledger.h"

#include <algorithm>
#include <vector>

#include "tests/storage/commands.h"

namespace farebox {

using Kind = Operation::Kind;

Command CommandOf(const Operation& operation) {
  const std::string& account = operation.account;
  const std::string& id = operation.request_id;
  const Micros micros(operation.micros);
  switch (operation.kind) {
    case Kind::kDebit:
      return ToDebit(account, micros, id);
    case Kind::kTakeBack:
      return ToTakeBack(account, micros, id);
    case Kind::kCredit:
      return ToCredit(account, micros, id);
    case Kind::kRefund:
      return ToRefund(account, operation.subject, micros, id);
    case Kind::kHold:
      return ToHold(account, micros, operation.lifetime, id);
    case Kind::kExtend:
      return ToExtend(account, operation.subject, micros, operation.lifetime, id);
    case Kind::kCharge:
      return ToCharge(account, operation.subject, micros, id);
    case Kind::kSettle:
      return ToSettle(account, operation.subject, micros, id);
    case Kind::kRelease:
      return ToRelease(account, operation.subject, micros, id);
    case Kind::kSuspend:
    case Kind::kResume:
      break;
  }
  const bool suspends = operation.kind == Kind::kSuspend;
  Command change = ToChange(
      account, {.status = suspends ? AccountStatus::kSuspended : AccountStatus::kOpen}, "", id);
  change.action = ChangeAccount{.change = [suspends](AccountRecord* record) {
    record->terms.status = suspends ? AccountStatus::kSuspended : AccountStatus::kOpen;
    return absl::OkStatus();
  }};
  return change;
}

std::ostream& operator<<(std::ostream& out, const NaiveLedger::Answer& answer) {
  if (answer.error != Reason::kNone) return out << ReasonName(answer.error);
  return out << "#" << answer.id << " " << EntryKindName(answer.kind) << " "
             << ReasonName(answer.declined) << " amount " << answer.amount << " balance "
             << answer.balance << " held " << answer.held << (answer.overrun ? " overrun" : "")
             << (answer.late ? " late" : "") << (answer.replayed ? " replayed" : "");
}

NaiveLedger::Answer NaiveLedger::AnswerOf(const Outcome& outcome) {
  if (!outcome.status.ok()) return {.error = GetReason(outcome.status)};
  const Entry& entry = outcome.entry;
  return {.replayed = outcome.replayed,
          .id = entry.id,
          .kind = entry.kind,
          .declined = entry.reason,
          .amount = entry.amount.value(),
          .balance = entry.balance.value(),
          .held = entry.held.value(),
          .overrun = entry.overrun(),
          .late = entry.late()};
}

void NaiveLedger::Open(const std::string& account, int64_t credit_limit) {
  ++last_;
  accounts_[account].credit_limit = credit_limit;
}

void NaiveLedger::ExpireDue(absl::Time now) {
  std::vector<std::pair<absl::Time, EntryId>> due;
  for (const auto& [id, hold] : holds_) {
    if (!hold.expired && !hold.ended && hold.expire_time <= now) {
      due.emplace_back(hold.expire_time, id);
    }
  }
  std::sort(due.begin(), due.end());
  for (const auto& [time, id] : due) {
    Hold& hold = holds_[id];
    Record(EntryKind::kHoldExpired, &accounts_[hold.account], 0, -hold.held);
    hold.expired = true;
  }
}

NaiveLedger::Answer NaiveLedger::Apply(const Operation& operation, absl::Time now) {
  const uint64_t fingerprint = CommandOf(operation).fingerprint;
  const std::pair<std::string, std::string> name(operation.account, operation.request_id);
  if (const auto before = answers_.find(name); before != answers_.end()) {
    if (before->second.first != fingerprint) return {.error = Reason::kRequestIdReused};
    Answer again = before->second.second;
    again.replayed = true;
    return again;
  }
  Answer answer = Decide(operation, now);
  if (answer.error == Reason::kNone) answers_[name] = {fingerprint, answer};
  return answer;
}

NaiveLedger::Answer NaiveLedger::Decide(const Operation& operation, absl::Time now) {
  Account& account = accounts_.at(operation.account);
  switch (operation.kind) {
    case Kind::kCredit:
      return Record(EntryKind::kCredit, &account, operation.micros, 0);
    case Kind::kRefund:
      return Refund(operation, &account);
    case Kind::kHold:
      return PlaceHold(operation, &account, now);
    case Kind::kExtend:
    case Kind::kCharge:
    case Kind::kSettle:
    case Kind::kRelease:
      return ChangeHold(operation, &account, now);
    case Kind::kSuspend:
    case Kind::kResume:
      account.suspended = operation.kind == Kind::kSuspend;
      return Record(EntryKind::kAccountChanged, &account, 0, 0);
    case Kind::kDebit:
    case Kind::kTakeBack:
      break;
  }
  const bool must_fit = operation.kind == Kind::kDebit;
  if (must_fit && account.suspended) return Decline(account, Reason::kAccountSuspended);
  const bool fits = operation.micros <= std::max<int64_t>(0, account.available());
  if (must_fit && !fits) return Decline(account, Reason::kInsufficientBalance);
  Answer answer = Record(EntryKind::kDebit, &account, -operation.micros, 0);
  answer.overrun = !fits;
  if (operation.micros > 0) refundable_[answer.id] = {operation.account, operation.micros};
  return answer;
}

NaiveLedger::Answer NaiveLedger::Refund(const Operation& operation, Account* account) {
  const auto debit = refundable_.find(operation.subject);
  if (debit == refundable_.end() || debit->second.first != operation.account) {
    return {.error = Reason::kEntryNotFound};
  }
  if (operation.micros > debit->second.second) return {.error = Reason::kRefundExceedsDebit};
  debit->second.second -= operation.micros;
  return Record(EntryKind::kCredit, account, operation.micros, 0);
}

NaiveLedger::Answer NaiveLedger::PlaceHold(const Operation& operation, Account* account,
                                           absl::Time now) {
  if (account->suspended) return Decline(*account, Reason::kAccountSuspended);
  if (operation.micros > std::max<int64_t>(0, account->available())) {
    return Decline(*account, Reason::kInsufficientBalance);
  }
  Answer answer = Record(EntryKind::kHold, account, 0, operation.micros);
  holds_[answer.id] = {.account = operation.account,
                       .held = operation.micros,
                       .expire_time = now + operation.lifetime};
  return answer;
}

NaiveLedger::Answer NaiveLedger::ChangeHold(const Operation& operation, Account* account,
                                            absl::Time now) {
  const auto found = holds_.find(operation.subject);
  if (found == holds_.end() || found->second.account != operation.account) {
    return {.error = Reason::kHoldNotFound};
  }
  Hold& hold = found->second;
  const bool too_late = hold.expired && now > hold.expire_time + absl::Hours(24 * 7);
  if (hold.ended || too_late) return {.error = Reason::kHoldEnded};
  if (operation.kind == Kind::kExtend) return Extend(operation, account, &hold, now);
  return Settle(operation, account, &hold);
}

NaiveLedger::Answer NaiveLedger::Extend(const Operation& operation, Account* account, Hold* hold,
                                        absl::Time now) {
  if (hold->expired) return {.error = Reason::kHoldEnded};
  if (account->suspended) return Decline(*account, Reason::kAccountSuspended);
  // The test's own pricing refuses by the budget, the ledger by what is available.
  if (operation.micros > account->available() + hold->held + hold->charged) {
    return Decline(*account, Reason::kInsufficientBalance);
  }
  const int64_t growth = std::max<int64_t>(0, operation.micros - hold->held - hold->charged);
  hold->held += growth;
  hold->expire_time = std::max(hold->expire_time, now + operation.lifetime);
  return Record(EntryKind::kHoldExtended, account, 0, growth);
}

NaiveLedger::Answer NaiveLedger::Settle(const Operation& operation, Account* account, Hold* hold) {
  const bool ends = operation.kind != Kind::kCharge;
  const int64_t due = std::max<int64_t>(0, operation.micros - hold->charged);
  const int64_t set_aside = hold->expired ? 0 : hold->held;
  const int64_t given_back = ends ? set_aside : std::min(due, set_aside);
  const EntryKind kind = operation.kind == Kind::kCharge   ? EntryKind::kHoldCharged
                         : operation.kind == Kind::kSettle ? EntryKind::kHoldSettled
                                                           : EntryKind::kHoldReleased;
  Answer answer = Record(kind, account, -due, -given_back);
  answer.late = hold->expired;
  answer.overrun = due > hold->held || (hold->expired && due > 0 && account->available() < 0);
  if (due > 0) refundable_[answer.id] = {operation.account, due};
  hold->held -= std::min(due, hold->held);
  hold->charged += due;
  hold->ended = ends;
  return answer;
}

NaiveLedger::Answer NaiveLedger::Record(EntryKind kind, Account* account, int64_t amount,
                                        int64_t held_change) {
  account->balance += amount;
  account->held += held_change;
  return {.id = ++last_,
          .kind = kind,
          .amount = amount,
          .balance = account->balance,
          .held = account->held};
}

NaiveLedger::Answer NaiveLedger::Decline(const Account& account, Reason reason) {
  return {.id = ++last_,
          .kind = EntryKind::kDecline,
          .declined = reason,
          .balance = account.balance,
          .held = account.held};
}

}  // namespace farebox
