// What a Recharger does with an attempt that it has decided on.

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/account_settings.h"
#include "server/base/log.h"
#include "server/recharge/decline_codes.h"
#include "server/recharge/limits.h"
#include "server/recharge/money_back.h"
#include "server/recharge/recharge_states.h"
#include "server/recharge/recharger.h"
#include "storage/errors.h"
#include "storage/request_ids.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

using stored::v1::PaymentProfile;
using stored::v1::RechargeAttempt;

Command CreditCommandOf(const RechargeAttempt& attempt) {
  const bool is_automatic = attempt.kind() == v1::RECHARGE_KIND_AUTOMATIC;
  const Micros amount(attempt.amount_micros());
  return {.account_id = attempt.account_id(),
          .request_id = attempt.recharge_id(),
          .fingerprint = ContentFingerprint(absl::StrCat("recharge ", amount.value())),
          .action = Credit{.item = static_cast<uint8_t>(is_automatic ? v1::ITEM_FUNDS_AUTO_RECHARGE
                                                                     : v1::ITEM_FUNDS_MANUAL),
                           .amount = amount}};
}

// An attempt that was forgotten, made anew from the charge that it led to.
RechargeAttempt AttemptOf(const CardCharge& charge, const std::string& recharge_id,
                          const AccountFacts& account, absl::Time now) {
  const absl::Time charged =
      charge.create_time == absl::InfiniteFuture() ? now : charge.create_time;
  RechargeAttempt attempt;
  attempt.set_recharge_id(recharge_id);
  attempt.set_account_id(account.account_id);
  attempt.set_kind(IsIdOfPayment(recharge_id) ? v1::RECHARGE_KIND_MANUAL
                                              : v1::RECHARGE_KIND_AUTOMATIC);
  attempt.set_amount_micros(charge.amount.value());
  attempt.set_currency_code(charge.currency_code);
  attempt.set_state(v1::RECHARGE_STATE_SUCCEEDED);
  attempt.set_create_micros(absl::ToUnixMicros(now));
  attempt.set_update_micros(absl::ToUnixMicros(now));
  attempt.set_day(DayOf(charged, TimeZoneOf(account)));
  attempt.set_month(MonthOf(charged, TimeZoneOf(account)));
  attempt.set_payment_id(charge.payment_id);
  attempt.set_message("charged before a restore; made anew from the provider's books");
  return attempt;
}

// Whether others are on file instead of the card.
bool IsReplaced(const stored::v1::PaymentCard& card, const PaymentProfile& profile) {
  const auto& cards = profile.cards();
  return !cards.empty() && std::none_of(cards.begin(), cards.end(), [&](const auto& on_file) {
    return on_file.token() == card.token();
  });
}

}  // namespace

absl::Status Recharger::Advance(const AccountFacts& account, AttemptRecord* record) {
  while (IsOpen(record->attempt) && IsDue(record->attempt, parts_.clock->Now())) {
    FAREBOX_RETURN_IF_ERROR(Step(account, record));
  }
  return absl::OkStatus();
}

absl::Status Recharger::Step(const AccountFacts& account, AttemptRecord* record) {
  NoteClock(parts_.clock->Now(), &record->attempt);
  const bool is_from_backup = IsFromBackup(record->attempt);
  switch (NextStepOf(record->attempt, parts_.clock->Now(), is_from_backup)) {
    case NextStep::kTake:
      return TakeMoney(account, record);
    case NextStep::kFind:
      return NoteFound(Find(ReferenceTo(record->attempt), record->attempt), account, record);
    case NextStep::kFindElseTake:
      return FindElseTake(account, record);
    case NextStep::kCancel:
      return Note(parts_.gateway->CancelCharge(ReferenceTo(record->attempt)), account, record);
    case NextStep::kCredit:
      return Credit(account, record);
  }
  return absl::OkStatus();
}

bool Recharger::IsFromBackup(const RechargeAttempt& attempt) const {
  if (!parts_.is_held()) return false;
  // Later than now: by a clock that ran ahead when the backup was made.
  return attempt.create_micros() < absl::ToUnixMicros(start_time_) ||
         attempt.create_micros() > absl::ToUnixMicros(parts_.clock->Now());
}

ChargeReference Recharger::ReferenceTo(const RechargeAttempt& attempt) const {
  ChargeReference reference = ReferenceOf(attempt);
  if (!attempt.has_namesake_doubt()) return reference;
  const absl::Time forgotten_since = parts_.forgotten_since();
  // Later than now: by a clock that ran ahead when the backup was made.
  if (forgotten_since <= parts_.clock->Now()) {
    reference.not_before = forgotten_since - limits::kForgottenSlack;
  }
  return reference;
}

CardCharge Recharger::Find(const ChargeReference& reference, const RechargeAttempt& attempt) {
  CardCharge found = parts_.gateway->FindCharge(reference);
  // Among more payments than can be searched it may never be answered; the card waits meanwhile.
  if (attempt.has_namesake_doubt() && found.state == ChargeState::kUnknown) {
    Log(LogLevel::kWarning, "payment_in_doubt",
        {{"account_id", attempt.account_id()},
         {"recharge_id", attempt.recharge_id()},
         {"error", found.message}});
  }
  const bool has_no_page = found.state == ChargeState::kActionRequired && found.action_url.empty();
  if (!has_no_page || !IsOpen(attempt)) return found;
  return parts_.gateway->AskCustomer(RequestOf(attempt), std::move(found));
}

absl::Status Recharger::FindElseTake(const AccountFacts& account, AttemptRecord* record) {
  const CardCharge found = Find(ReferenceTo(record->attempt), record->attempt);
  if (found.state == ChargeState::kAbsent) return TakeMoney(account, record);
  return NoteFound(found, account, record);
}

absl::Status Recharger::NoteFound(const CardCharge& found, const AccountFacts& account,
                                  AttemptRecord* record) {
  NoteLookUp(&record->attempt);
  return Note(found, account, record);
}

absl::Status Recharger::TakeMoney(const AccountFacts& account, AttemptRecord* record) {
  const bool maybe_delivered = record->attempt.first_sent_micros() != 0;
  NoteSending(parts_.clock->Now(), &record->attempt);
  FAREBOX_RETURN_IF_ERROR(records_.Put({.attempt = record}));
  parts_.reached("SENT");
  ChargeRequest request = RequestOf(record->attempt);
  request.maybe_delivered = maybe_delivered;
  const CardCharge charge = parts_.gateway->TakeCharge(request);
  parts_.reached("answered");
  return Note(charge, account, record);
}

absl::Status Recharger::Credit(const AccountFacts& account, AttemptRecord* record,
                               Counted counted) {
  RechargeAttempt& attempt = record->attempt;
  Outcome outcome = parts_.ledger->Apply(CreditCommandOf(attempt));
  if (GetReason(outcome.status) == Reason::kRequestIdReused) {
    FAREBOX_ASSIGN_OR_RETURN(outcome.entry, FindCreditByHand(attempt));
  } else {
    FAREBOX_RETURN_IF_ERROR(outcome.status);
  }
  if (outcome.declined()) return PayBack(account, record);
  parts_.reached("credited");

  const absl::Time now = parts_.clock->Now();
  NoteCredited(outcome.entry.id, now, &attempt);
  FAREBOX_RETURN_IF_ERROR(PutWithProfile(account, record, [&](ProfileRecord* profile) {
    // Once: with this it is on disk as credited, for the first time.
    if (counted == Counted::kFromNowOn) CountLateCharge(attempt, &profile->profile);
    if (attempt.kind() == v1::RECHARGE_KIND_AUTOMATIC) {
      ForgetDeclinesOf(attempt.card().token(), &profile->profile);
    } else {
      ForgetDeclines(&profile->profile);
    }
    return parts_.mails->WriteReceipt(account, profile->profile, attempt, outcome.entry.balance,
                                      now);
  }));
  parts_.on_state(attempt);
  parts_.reached("CREDITED");
  return absl::OkStatus();
}

absl::StatusOr<Entry> Recharger::FindCreditByHand(const RechargeAttempt& attempt) {
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account,
                           parts_.ledger->FindAccount(attempt.account_id()));
  FAREBOX_ASSIGN_OR_RETURN(const std::unique_ptr<JournalReader> journal,
                           parts_.journal->NewReader());
  const AccountScan scan = {.account = account.number, .newest = account.state.last_entry};
  std::optional<Entry> found;
  const absl::StatusOr<EntryId> scanned = journal->ScanAccount(scan, [&](const Entry& entry) {
    if (entry.request_id == attempt.recharge_id()) found = entry;
    return !found.has_value();
  });
  FAREBOX_RETURN_IF_ERROR(scanned.status());
  const bool is_its_credit = found.has_value() && found->kind == EntryKind::kCredit &&
                             found->amount == Micros(attempt.amount_micros());
  if (is_its_credit) return *std::move(found);
  return error::RequestIdReused(attempt.account_id(), attempt.recharge_id());
}

// Only a closed account takes no credit, and it stays closed.
absl::Status Recharger::PayBack(const AccountFacts& account, AttemptRecord* record) {
  RechargeAttempt& attempt = record->attempt;
  absl::Status refund = parts_.gateway->Refund({.refund_id = RefundIdOf(attempt),
                                                .payment_id = attempt.payment_id(),
                                                .amount = Micros(attempt.amount_micros()),
                                                .currency_code = attempt.currency_code()});
  parts_.reached("paid back");
  if (refund.ok()) NoteCause(RefundIdOf(attempt), /*has_come_again=*/false, &attempt).IgnoreError();
  // By somebody else: an event tells for which cause.
  if (absl::IsAlreadyExists(refund)) refund = absl::OkStatus();
  NotePaidBack(refund, parts_.clock->Now(), &attempt);
  if (IsOpen(attempt)) return records_.Put({.attempt = record});
  return PutWithProfile(account, record, [&](ProfileRecord* profile) {
    UncountCharge(attempt, &profile->profile);
    return DocumentGroup();
  });
}

// A charge whose attempt a restored ledger has forgotten. Only there: it may be another system's.
absl::Status Recharger::Adopt(const RechargeAttemptName& name, const AccountFacts& account) {
  if (!parts_.is_held()) return absl::OkStatus();
  const CardCharge charge =
      parts_.gateway->FindCharge({.attempt_id = name.recharge_id, .payment_id = name.payment_id});
  const std::string currency = SettingsOf(*account.settings).currency_code();
  const bool is_its = charge.state == ChargeState::kCharged &&
                      charge.account_id == account.account_id && charge.currency_code == currency;
  if (!is_its) return absl::OkStatus();
  AttemptRecord record = RechargeRecords::NewAttempt(
      account, AttemptOf(charge, name.recharge_id, account, parts_.clock->Now()));
  FAREBOX_RETURN_IF_ERROR(records_.RememberPayment(record));
  parts_.reached("remembered");
  return Credit(account, &record, Counted::kFromNowOn);
}

// An attempt that had ended without a charge, as far as was known. It stays ended, but for the
// credit: another one may be open by now.
absl::Status Recharger::CreditLate(const CardCharge& charge, const AccountFacts& account,
                                   AttemptRecord* record) {
  if (charge.state != ChargeState::kCharged) return absl::OkStatus();
  NoteCharge(charge, parts_.clock->Now(), &record->attempt);
  if (record->attempt.state() != v1::RECHARGE_STATE_SUCCEEDED) return absl::OkStatus();
  FAREBOX_RETURN_IF_ERROR(records_.RememberPayment(*record));
  return Credit(account, record, Counted::kFromNowOn);
}

absl::Status Recharger::Note(const CardCharge& charge, const AccountFacts& account,
                             AttemptRecord* record) {
  const v1::RechargeState before = record->attempt.state();
  NoteCharge(charge, parts_.clock->Now(), &record->attempt);
  const v1::RechargeState after = record->attempt.state();
  if (!IsOpen(record->attempt)) return NoteRefusal(charge, account, record);

  RechargeRecords::Change change = {
      .attempt = record, .is_charged = after == v1::RECHARGE_STATE_SUCCEEDED && before != after};
  if (after == v1::RECHARGE_STATE_ACTION_REQUIRED && before != after) {
    FAREBOX_ASSIGN_OR_RETURN(change.mails, TellOfBank(account, record->attempt));
  }
  FAREBOX_RETURN_IF_ERROR(records_.Put(std::move(change)));
  if (before != after) parts_.on_state(record->attempt);
  parts_.reached(v1::RechargeState_Name(after));
  return absl::OkStatus();
}

absl::StatusOr<DocumentGroup> Recharger::TellOfBank(const AccountFacts& account,
                                                    const RechargeAttempt& attempt) {
  FAREBOX_ASSIGN_OR_RETURN(const ProfileRecord profile, records_.ReadProfile(account));
  // The bank may say so again after a doubt.
  return Untold(parts_.mails->Write(RechargeEvent::kActionRequired, account, profile.profile,
                                    attempt, parts_.clock->Now()));
}

absl::StatusOr<DocumentGroup> Recharger::Untold(DocumentGroup mails) {
  for (const Document& mail : mails) {
    FAREBOX_ASSIGN_OR_RETURN(const std::optional<Document> told,
                             parts_.documents->Find(mail.kind, mail.key));
    if (told.has_value()) return DocumentGroup();
  }
  return mails;
}

DocumentGroup Recharger::FollowRefusal(const CardCharge& charge, const AccountFacts& account,
                                       const RechargeAttempt& attempt, ProfileRecord* record) {
  const absl::Time now = parts_.clock->Now();
  PaymentProfile& profile = record->profile;
  UncountCharge(attempt, &profile);
  // Who pays by hand is told at once, and tries again when they like.
  if (attempt.kind() == v1::RECHARGE_KIND_MANUAL) return {};
  if (charge.is_misconfigured) {
    PauseCharges(now, &profile);
    record->document.due = absl::FromUnixMicros(profile.not_before_micros());
    return {};
  }
  // A decline tells nothing of the cards that are there now: one of them is next, at once.
  if (IsReplaced(attempt.card(), profile)) {
    record->document.due = now;
    return {};
  }
  const bool is_hard =
      DescribeDecline(charge.decline_code, charge.advice_code).kind == DeclineKind::kHard;
  const AfterDecline next =
      NoteDecline(attempt.card().token(), charge.decline_code, is_hard, now, &profile);
  record->document.due = absl::FromUnixMicros(profile.not_before_micros());
  const RechargeEvent event =
      next == AfterDecline::kStopped ? RechargeEvent::kSwitchedOff : RechargeEvent::kFailed;
  return parts_.mails->Write(event, account, profile, attempt, now);
}

absl::Status Recharger::NoteRefusal(const CardCharge& charge, const AccountFacts& account,
                                    AttemptRecord* record) {
  const RechargeAttempt& attempt = record->attempt;
  if (charge.is_misconfigured) {
    Log(LogLevel::kError, "provider_refuses_us",
        {{"account_id", attempt.account_id()},
         {"recharge_id", attempt.recharge_id()},
         {"error", charge.message}});
  }
  FAREBOX_RETURN_IF_ERROR(PutWithProfile(account, record, [&](ProfileRecord* profile) {
    return FollowRefusal(charge, account, attempt, profile);
  }));
  parts_.on_state(attempt);
  parts_.reached(v1::RechargeState_Name(attempt.state()));
  return absl::OkStatus();
}

absl::Status Recharger::PutWithProfile(const AccountFacts& account, AttemptRecord* record,
                                       ChangeProfile change) {
  while (true) {
    FAREBOX_ASSIGN_OR_RETURN(ProfileRecord profile, records_.ReadProfile(account));
    const int64_t read = profile.document.revision;
    DocumentGroup mails = change(&profile);
    const absl::Status put =
        records_.Put({.profile = &profile, .attempt = record, .mails = std::move(mails)});
    if (!absl::IsAborted(put)) return put;
    // Nobody else changes the attempt: it must have been the profile.
    FAREBOX_ASSIGN_OR_RETURN(const bool has_changed, HasChanged(account, read));
    if (!has_changed) return put;
  }
}

absl::StatusOr<bool> Recharger::HasChanged(const AccountFacts& account, int64_t revision) {
  FAREBOX_ASSIGN_OR_RETURN(const ProfileRecord now, records_.ReadProfile(account));
  return now.document.revision != revision;
}

}  // namespace farebox::server
