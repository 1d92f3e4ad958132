#include "server/recharge/recharger.h"

#include <optional>
#include <utility>

#include "server/base/account_settings.h"
#include "server/recharge/limits.h"
#include "server/recharge/provider_amount.h"
#include "server/recharge/recharge_states.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

using stored::v1::RechargeAttempt;

RechargeSubject SubjectOf(const AccountFacts& account) {
  const std::string currency = SettingsOf(*account.settings).currency_code();
  return {.available = account.state.available(),
          .is_open = account.state.terms.status == AccountStatus::kOpen,
          .time_zone = TimeZoneOf(account),
          .charge_step = ChargeStep(currency).value_or(Micros(1)),
          .charge_min = LeastCharge(currency).value_or(Micros(1))};
}

bool IsCap(RechargeObstacle obstacle) {
  return obstacle == RechargeObstacle::kDailyCap || obstacle == RechargeObstacle::kMonthlyCap;
}

}  // namespace

// ---- Deciding

absl::Status Recharger::Work(absl::string_view account_id) {
  while (!parts_.is_ending()) {
    FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account, parts_.ledger->FindAccount(account_id));
    FAREBOX_ASSIGN_OR_RETURN(std::optional<AttemptRecord> open,
                             records_.FindOpenAttempt(account_id));
    if (open.has_value()) {
      if (!IsDue(open->attempt, parts_.clock->Now())) return absl::OkStatus();
      FAREBOX_RETURN_IF_ERROR(Advance(account, &*open));
      if (IsOpen(open->attempt)) return absl::OkStatus();
      continue;  // Another card may be next, or the balance may be low still.
    }
    FAREBOX_ASSIGN_OR_RETURN(const bool has_decided, Decide(account));
    if (!has_decided) return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Recharger::Decide(const AccountFacts& account) {
  while (true) {
    FAREBOX_ASSIGN_OR_RETURN(ProfileRecord profile, records_.ReadProfile(account));
    const int64_t read = profile.document.revision;
    const absl::StatusOr<bool> has_decided = DecideBy(account, &profile);
    if (!absl::IsAborted(has_decided.status())) return has_decided;
    FAREBOX_ASSIGN_OR_RETURN(const bool has_changed, HasChanged(account, read));
    if (!has_changed) return has_decided;
  }
}

absl::StatusOr<bool> Recharger::DecideBy(const AccountFacts& account, ProfileRecord* profile) {
  const absl::Time now = parts_.clock->Now();
  const std::string currency = SettingsOf(*account.settings).currency_code();
  const Micros charge_max = parts_.limits->Of(currency).charge_max;
  RechargePlan plan = PlanRecharge(profile->profile, SubjectOf(account), charge_max, now);
  if (plan.obstacle == RechargeObstacle::kNone && parts_.is_held()) {
    plan = {.obstacle = RechargeObstacle::kBackOff, .until = now + limits::kHeldChargesPause};
  }
  const bool has_moved = profile->document.due != plan.until;
  profile->document.due = plan.until;

  if (plan.obstacle == RechargeObstacle::kNone) {
    RechargeAttempt attempt;
    attempt.set_recharge_id(parts_.new_recharge_id());
    attempt.set_kind(v1::RECHARGE_KIND_AUTOMATIC);
    attempt.set_amount_micros(plan.amount.value());
    *attempt.mutable_card() = profile->profile.cards(static_cast<int>(plan.card));
    AttemptRecord begun;
    FAREBOX_RETURN_IF_ERROR(Begin(account, std::move(attempt), profile, &begun));
    return true;
  }
  if (IsCap(plan.obstacle) && TellCap(plan.obstacle, SubjectOf(account), now, &profile->profile)) {
    FAREBOX_RETURN_IF_ERROR(TellOfCap(plan.obstacle, account, profile));
  } else if (has_moved) {
    FAREBOX_RETURN_IF_ERROR(records_.Put({.profile = profile}));
  }
  return false;
}

absl::Status Recharger::TellOfCap(RechargeObstacle obstacle, const AccountFacts& account,
                                  ProfileRecord* profile) {
  const absl::Time now = parts_.clock->Now();
  const RechargeCap cap =
      obstacle == RechargeObstacle::kDailyCap ? RechargeCap::kDaily : RechargeCap::kMonthly;
  const absl::Time resume_time = profile->document.due;
  FAREBOX_ASSIGN_OR_RETURN(
      DocumentGroup mails,
      Untold(parts_.mails->WriteCap(cap, account, profile->profile, resume_time, now)));
  return records_.Put({.profile = profile, .mails = std::move(mails)});
}

absl::Status Recharger::Begin(const AccountFacts& account, RechargeAttempt attempt,
                              ProfileRecord* profile, AttemptRecord* begun) {
  const absl::Time now = parts_.clock->Now();
  const absl::TimeZone zone = TimeZoneOf(account);
  attempt.set_account_id(account.account_id);
  attempt.set_currency_code(SettingsOf(*account.settings).currency_code());
  attempt.set_state(v1::RECHARGE_STATE_INTENT);
  attempt.set_create_micros(absl::ToUnixMicros(now));
  attempt.set_update_micros(absl::ToUnixMicros(now));
  attempt.set_due_micros(absl::ToUnixMicros(now));
  attempt.set_day(DayOf(now, zone));
  attempt.set_month(MonthOf(now, zone));
  // Names of automatic ones are never the same twice.
  const bool is_manual = attempt.kind() == v1::RECHARGE_KIND_MANUAL;
  attempt.set_has_namesake_doubt(is_manual && parts_.is_held());
  CountCharge(attempt, &profile->profile);
  *begun = RechargeRecords::NewAttempt(account, std::move(attempt));
  FAREBOX_RETURN_IF_ERROR(records_.Put({.profile = profile, .attempt = begun}));
  parts_.on_state(begun->attempt);
  parts_.reached("INTENT");
  return absl::OkStatus();
}

absl::StatusOr<Recharger::Payment> Recharger::Pay(absl::string_view account_id,
                                                  absl::string_view request_id, Micros amount) {
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account, parts_.ledger->FindAccount(account_id));
  FAREBOX_ASSIGN_OR_RETURN(AttemptRecord record, FindOrBegin(account, request_id, amount));
  RechargeAttempt& attempt = record.attempt;
  // One that was made anew from the provider's books does not know what it was asked for by.
  const bool is_other_request = !attempt.request_id().empty() && attempt.request_id() != request_id;
  if (attempt.amount_micros() != amount.value() || is_other_request) {
    return error::RequestIdReused(account_id, request_id);
  }
  const bool is_replayed = attempt.state() == v1::RECHARGE_STATE_CREDITED;
  // It is on disk, and goes on by itself whatever has failed: nothing else would be true, and
  // whoever paid again under another request id would be charged twice.
  if (!Advance(account, &record).ok()) {
    return error::PaymentPending(attempt.recharge_id(), attempt.action_url());
  }
  return Payment{.attempt = std::move(attempt), .replayed = is_replayed};
}

absl::StatusOr<AttemptRecord> Recharger::FindOrBegin(const AccountFacts& account,
                                                     absl::string_view request_id, Micros amount) {
  const std::string recharge_id = RechargeIdOfPayment(account, request_id);
  const std::string currency = SettingsOf(*account.settings).currency_code();
  while (true) {
    FAREBOX_ASSIGN_OR_RETURN(std::optional<AttemptRecord> record,
                             records_.FindAttempt(recharge_id));
    if (record.has_value()) return *std::move(record);
    // Only now: what was charged before was within the limits of its day.
    FAREBOX_RETURN_IF_ERROR(
        CheckPayment(account.account_id, amount, parts_.limits->Of(currency), currency));
    FAREBOX_ASSIGN_OR_RETURN(const std::optional<AttemptRecord> other,
                             records_.FindOpenAttempt(account.account_id));
    if (other.has_value()) return error::RechargeInProgress(account.account_id);
    FAREBOX_ASSIGN_OR_RETURN(ProfileRecord profile, records_.ReadProfile(account));
    if (profile.profile.cards().empty()) return error::NoCard(account.account_id);
    if (account.state.terms.status == AccountStatus::kClosed) {
      return error::Declined(account.account_id, Reason::kAccountClosed);
    }
    RechargeAttempt attempt;
    attempt.set_recharge_id(recharge_id);
    attempt.set_request_id(std::string(request_id));
    attempt.set_kind(v1::RECHARGE_KIND_MANUAL);
    attempt.set_amount_micros(amount.value());
    *attempt.mutable_card() = profile.profile.cards(0);
    const absl::Status begun = Begin(account, std::move(attempt), &profile, &record.emplace());
    if (begun.ok()) return *std::move(record);
    if (!absl::IsAborted(begun)) return begun;  // Else somebody has changed the profile.
  }
}

absl::Status Recharger::Ask(const RechargeAttemptName& name) {
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account, parts_.ledger->FindAccount(name.account_id));
  FAREBOX_ASSIGN_OR_RETURN(std::optional<AttemptRecord> record,
                           records_.FindAttempt(name.recharge_id));
  if (!record.has_value()) return Adopt(name, account);
  RechargeAttempt& attempt = record->attempt;
  const bool is_settled = attempt.state() == v1::RECHARGE_STATE_CREDITED || attempt.paid_back();
  // Nothing is known of it yet. Where its payment has a name, it was sent before a restore.
  const bool is_yet_to_be_sent =
      IsOpen(attempt) && attempt.first_sent_micros() == 0 && name.payment_id.empty();
  if (is_settled || is_yet_to_be_sent) return absl::OkStatus();
  if (attempt.state() == v1::RECHARGE_STATE_SUCCEEDED) return Credit(account, &*record);

  ChargeReference reference = ReferenceTo(attempt);
  // Its own payment was not charged, where it has ended: the one that is told of may have been.
  const bool is_told_of = reference.payment_id.empty() || !IsOpen(attempt);
  if (is_told_of && !name.payment_id.empty()) reference.payment_id = name.payment_id;
  const CardCharge charge = Find(reference, attempt);
  const bool is_news = charge.state == ChargeState::kCharged ||
                       charge.state == ChargeState::kDeclined ||
                       charge.state == ChargeState::kActionRequired;
  const bool is_anothers = !charge.account_id.empty() && charge.account_id != attempt.account_id();
  if (!is_news || is_anothers) return absl::OkStatus();
  if (!IsOpen(attempt)) return CreditLate(charge, account, &*record);
  FAREBOX_RETURN_IF_ERROR(Note(charge, account, &*record));
  return Advance(account, &*record);
}

}  // namespace farebox::server
