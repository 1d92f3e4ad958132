#include "server/services/recharge_desk.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/account_settings.h"
#include "server/base/proto_time.h"
#include "server/recharge/card_reminders.h"
#include "server/recharge/decline_codes.h"
#include "server/recharge/limits.h"
#include "server/recharge/provider_amount.h"
#include "server/recharge/recharge_states.h"
#include "server/services/entries.h"
#include "server/services/page_token.h"
#include "storage/check.h"
#include "storage/errors.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

using stored::v1::PaymentCard;
using stored::v1::PaymentProfile;
using stored::v1::RechargeAttempt;

constexpr int kCardsMax = 2;

// No account's lane: while the provider is slow, one thread waits for it, and no customer.
constexpr char kForgettingLane[] = "cards to forget";

// Why nothing is charged that would be, on a ledger that was restored.
constexpr char kHeld[] = "charges are held until the restore has been looked at";

// Later than anything that has happened.
constexpr absl::Duration kMoment = absl::Microseconds(1);

std::string CurrencyOf(const AccountFacts& account) {
  return SettingsOf(*account.settings).currency_code();
}

// What a gateway's failure about a card's setup is to the caller.
absl::Status SetupProblem(absl::string_view setup_id, const absl::Status& status) {
  if (absl::IsUnavailable(status)) return error::ProviderUnavailable(status.message());
  if (absl::IsNotFound(status)) return error::CardSetupNotFound(setup_id);
  return error::CardSetupNotDone(setup_id, status.message());
}

absl::Status RefusalOf(const RechargeAttempt& attempt) {
  const std::string reason = attempt.decline_code().empty()
                                 ? attempt.message()
                                 : std::string(DescribeDecline(attempt.decline_code(), "").reason);
  return error::CardDeclined(attempt.account_id(), attempt.decline_code(), reason);
}

void FillCard(const PaymentCard& card, bool is_primary, v1::Card* out) {
  out->set_card_id(card.token());
  out->set_brand(card.brand());
  out->set_last_four(card.last_four());
  out->set_expiry_month(card.expiry_month());
  out->set_expiry_year(card.expiry_year());
  out->set_primary(is_primary);
}

void FillMicros(int64_t unix_micros, google::protobuf::Timestamp* out) {
  FillTime(absl::FromUnixMicros(unix_micros), out);
}

void FillRecharge(const RechargeAttempt& attempt, v1::Recharge* out) {
  out->set_recharge_id(attempt.recharge_id());
  out->set_account_id(attempt.account_id());
  out->set_kind(attempt.kind());
  out->set_state(attempt.state());
  out->set_amount_micros(attempt.amount_micros());
  out->set_currency_code(attempt.currency_code());
  FillCard(attempt.card(), /*is_primary=*/false, out->mutable_card());
  out->set_provider_payment_id(attempt.payment_id());
  out->set_decline_code(attempt.decline_code());
  out->set_message(attempt.message());
  out->set_action_url(attempt.action_url());
  FillMicros(attempt.create_micros(), out->mutable_create_time());
  FillMicros(attempt.update_micros(), out->mutable_update_time());
  if (attempt.due_micros() != 0) {
    FillMicros(attempt.due_micros(), out->mutable_next_attempt_time());
  }
  out->set_entry_id(attempt.entry_id());
  out->set_deliveries(attempt.deliveries());
}

// Why nothing is charged, in words; empty where it would be.
std::string WhyStopped(const RechargePlan& plan, const PaymentProfile& profile) {
  switch (plan.obstacle) {
    case RechargeObstacle::kNone:
    case RechargeObstacle::kNotLow:
      return "";
    case RechargeObstacle::kNotOpen:
      return "the account is suspended or closed";
    case RechargeObstacle::kNotEnabled:
      return "auto-recharge is not enabled";
    case RechargeObstacle::kStopped:
      return absl::StrCat("the card was declined ", profile.declines_in_a_row(),
                          " times in a row, at last with ", profile.last_decline_code());
    case RechargeObstacle::kNoCard:
      return profile.cards().empty() ? "there is no card on file"
                                     : absl::StrCat(
                                           "the bank has refused every card for good, "
                                           "at last with ",
                                           profile.last_decline_code());
    case RechargeObstacle::kBackOff:
      if (profile.last_decline_code().empty()) {
        return "the last charge could not be made; it is tried again later";
      }
      return absl::StrCat("the card was declined with ", profile.last_decline_code(),
                          "; it is tried again later");
    case RechargeObstacle::kDailyCap:
      return "the day has had as many charges as it may have";
    case RechargeObstacle::kMonthlyCap:
      return "the month has had as much money charged as it may have";
  }
  return "";
}

// The card with this token among `cards`, or their end.
template <typename Cards>
auto FindCard(Cards* cards, absl::string_view token) {
  return std::find_if(cards->begin(), cards->end(),
                      [token](const PaymentCard& card) { return card.token() == token; });
}

PaymentCard CardOf(const ProviderCard& card) {
  PaymentCard stored;
  stored.set_token(card.token);
  stored.set_customer(card.customer);
  stored.set_brand(card.brand);
  stored.set_last_four(card.last_four);
  stored.set_expiry_month(card.expiry_month);
  stored.set_expiry_year(card.expiry_year);
  return stored;
}

void FillLimits(const RechargeLimits& limits, v1::RechargeLimits* out) {
  out->set_amount_above_micros(limits.amount_above.value());
  out->set_threshold_min_micros(limits.threshold_min.value());
  out->set_charge_max_micros(limits.charge_max.value());
}

v1::RechargeDifferenceKind KindOf(RechargeDifference::Kind kind) {
  switch (kind) {
    case RechargeDifference::Kind::kChargedNotCredited:
      return v1::RECHARGE_DIFFERENCE_KIND_CHARGED_NOT_CREDITED;
    case RechargeDifference::Kind::kCreditedNotCharged:
      return v1::RECHARGE_DIFFERENCE_KIND_CREDITED_NOT_CHARGED;
    case RechargeDifference::Kind::kAmountsDiffer:
      return v1::RECHARGE_DIFFERENCE_KIND_AMOUNTS_DIFFER;
    case RechargeDifference::Kind::kChargedTwice:
      return v1::RECHARGE_DIFFERENCE_KIND_CHARGED_TWICE;
  }
  return v1::RECHARGE_DIFFERENCE_KIND_UNSPECIFIED;
}

void FillDifference(const RechargeDifference& difference, v1::RechargeDifference* out) {
  out->set_kind(KindOf(difference.kind));
  out->set_recharge_id(difference.recharge_id);
  out->set_account_id(difference.account_id);
  out->set_provider_payment_id(difference.payment_id);
  out->set_charged_micros(difference.charged.value());
  out->set_credited_micros(difference.credited.value());
}

}  // namespace

// ---- Payments and settings

absl::Status RechargeDesk::Pay(const v1::PayRequest& request, v1::PayResponse* response) {
  FAREBOX_ASSIGN_OR_RETURN(const Recharger::Payment payment,
                           parts_.recharger->Pay(request.account_id(), request.request_id(),
                                                 Micros(request.amount_micros())));
  const RechargeAttempt& attempt = payment.attempt;
  if (IsOpen(attempt)) return error::PaymentPending(attempt.recharge_id(), attempt.action_url());
  // It held automatic charges back; a success has ended their pauses too.
  parts_.worker->Look(request.account_id());
  if (attempt.state() != v1::RECHARGE_STATE_CREDITED) return RefusalOf(attempt);
  FAREBOX_ASSIGN_OR_RETURN(const std::unique_ptr<JournalReader> journal,
                           parts_.journal->NewReader());
  FAREBOX_ASSIGN_OR_RETURN(const Entry entry, journal->Read(attempt.entry_id()));
  FillEntry(entry, request.account_id(), response->mutable_entry());
  response->set_replayed(payment.replayed);
  FillRecharge(attempt, response->mutable_recharge());
  return absl::OkStatus();
}

absl::Status RechargeDesk::GetAutoRecharge(const v1::GetAutoRechargeRequest& request,
                                           v1::GetAutoRechargeResponse* response) {
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account,
                           parts_.ledger->FindAccount(request.account_id()));
  FAREBOX_ASSIGN_OR_RETURN(const ProfileRecord record, records_.ReadProfile(account));
  *response->mutable_auto_recharge() = Show(account, record.profile);
  FillLimits(parts_.limits->Of(CurrencyOf(account)), response->mutable_limits());
  FAREBOX_ASSIGN_OR_RETURN(
      const std::vector<AttemptRecord> newest,
      records_.ListAttempts(account.number, std::numeric_limits<int64_t>::max(), 1));
  if (!newest.empty()) FillRecharge(newest[0].attempt, response->mutable_last_recharge());
  return absl::OkStatus();
}

v1::AutoRecharge RechargeDesk::Show(const AccountFacts& account,
                                    const PaymentProfile& profile) const {
  v1::AutoRecharge shown = profile.auto_recharge();
  const RechargeSubject subject = {
      // As if it were low: what would happen then is what is asked for.
      .available = Micros(shown.threshold_micros() - 1),
      .is_open = account.state.terms.status == AccountStatus::kOpen,
      .time_zone = TimeZoneOf(account),
      .charge_step = ChargeStep(CurrencyOf(account)).value_or(Micros(1)),
      .charge_min = LeastCharge(CurrencyOf(account)).value_or(Micros(1))};
  const RechargeLimits& limits = parts_.limits->Of(CurrencyOf(account));
  const RechargePlan plan = PlanRecharge(profile, subject, limits.charge_max, parts_.clock->Now());
  const bool is_held = plan.obstacle == RechargeObstacle::kNone && parts_.is_held();
  shown.set_stopped_because(is_held ? kHeld : WhyStopped(plan, profile));
  shown.set_declines_in_a_row(profile.declines_in_a_row());
  if (plan.until != absl::InfiniteFuture()) {
    FillTime(plan.until, shown.mutable_next_attempt_time());
  }
  return shown;
}

absl::Status RechargeDesk::UpdateAutoRecharge(const v1::UpdateAutoRechargeRequest& request,
                                              v1::UpdateAutoRechargeResponse* response) {
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account,
                           parts_.ledger->FindAccount(request.account_id()));
  const std::string currency = CurrencyOf(account);
  const auto set = [&](PaymentProfile* changed) -> absl::Status {
    FAREBOX_ASSIGN_OR_RETURN(const v1::AutoRecharge settings,
                             NewAutoRecharge(request.auto_recharge(), changed->auto_recharge(),
                                             parts_.limits->Of(currency), currency));
    const bool is_switched_on = settings.enabled() && !changed->auto_recharge().enabled();
    // The pause goes on: switching off and on is no way around it.
    if (is_switched_on) changed->clear_stop();
    *changed->mutable_auto_recharge() = settings;
    return absl::OkStatus();
  };
  FAREBOX_ASSIGN_OR_RETURN(const PaymentProfile profile, Change(account, set));
  *response->mutable_auto_recharge() = Show(account, profile);
  return absl::OkStatus();
}

absl::Status RechargeDesk::RetryRecharge(const v1::RetryRechargeRequest& request,
                                         v1::RetryRechargeResponse* response) {
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account,
                           parts_.ledger->FindAccount(request.account_id()));
  FAREBOX_ASSIGN_OR_RETURN(const PaymentProfile profile,
                           Change(account, [](PaymentProfile* changed) {
                             ForgetDeclines(changed);
                             return absl::OkStatus();
                           }));
  *response->mutable_auto_recharge() = Show(account, profile);
  return absl::OkStatus();
}

absl::StatusOr<PaymentProfile> RechargeDesk::Change(const AccountFacts& account,
                                                    ChangeProfile change) {
  return ChangeWith(account, [&](ProfileRecord* record) -> absl::StatusOr<DocumentGroup> {
    FAREBOX_RETURN_IF_ERROR(change(&record->profile));
    return DocumentGroup();
  });
}

absl::StatusOr<PaymentProfile> RechargeDesk::ChangeWith(const AccountFacts& account,
                                                        ChangeRecord change) {
  while (true) {
    FAREBOX_ASSIGN_OR_RETURN(ProfileRecord record, records_.ReadProfile(account));
    FAREBOX_ASSIGN_OR_RETURN(DocumentGroup more, change(&record));
    const absl::Status put = records_.Put({.profile = &record, .mails = std::move(more)});
    if (absl::IsAborted(put)) continue;
    FAREBOX_RETURN_IF_ERROR(put);
    parts_.worker->Watch(account, record);
    return std::move(record.profile);
  }
}

// ---- Cards

absl::Status RechargeDesk::StartCardSetup(const v1::StartCardSetupRequest& request,
                                          v1::StartCardSetupResponse* response) {
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account,
                           parts_.ledger->FindAccount(request.account_id()));
  FAREBOX_ASSIGN_OR_RETURN(const ProfileRecord record, records_.ReadProfile(account));
  const absl::StatusOr<CardSetup> setup = parts_.gateway->StartCardSetup(
      request.account_id(), record.profile.customer(), request.return_url());
  if (!setup.ok()) return SetupProblem(/*setup_id=*/"", setup.status());
  if (record.profile.customer() != setup->customer) {
    FAREBOX_RETURN_IF_ERROR(Change(account, [&](PaymentProfile* changed) {
                              changed->set_customer(setup->customer);
                              return absl::OkStatus();
                            }).status());
  }
  response->set_setup_id(setup->setup_id);
  response->set_url(setup->url);
  return absl::OkStatus();
}

absl::Status RechargeDesk::CompleteCardSetup(const v1::CompleteCardSetupRequest& request,
                                             v1::CompleteCardSetupResponse* response) {
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account,
                           parts_.ledger->FindAccount(request.account_id()));
  const absl::StatusOr<ProviderCard> completed =
      parts_.gateway->CompleteCardSetup(request.account_id(), request.setup_id());
  if (!completed.ok()) return SetupProblem(request.setup_id(), completed.status());
  const ProviderCard& entered = *completed;
  std::optional<PaymentCard> replaced;
  bool is_primary = false;
  const auto add = [&](ProfileRecord* record) -> absl::StatusOr<DocumentGroup> {
    replaced.reset();
    ForgetDeclines(&record->profile);
    auto* const cards = record->profile.mutable_cards();
    const auto there = FindCard(cards, entered.token);
    is_primary = there == cards->begin();
    if (there != cards->end()) return DocumentGroup();
    const int place = request.second() && !cards->empty() ? 1 : 0;
    is_primary = place == 0;
    while (cards->size() <= place) cards->Add();
    if (!cards->at(place).token().empty()) replaced = cards->at(place);
    *cards->Mutable(place) = CardOf(entered);
    FAREBOX_CHECK(cards->size() <= kCardsMax);
    FAREBOX_ASSIGN_OR_RETURN(Document reminder,
                             ReminderOf(account, CardOf(entered), parts_.documents));
    return DocumentGroup{std::move(reminder)};
  };
  FAREBOX_RETURN_IF_ERROR(ChangeWith(account, add).status());
  if (replaced.has_value()) Forget(account, *replaced);
  FillCard(CardOf(entered), is_primary, response->mutable_card());
  return absl::OkStatus();
}

absl::Status RechargeDesk::GetCard(const v1::GetCardRequest& request,
                                   v1::GetCardResponse* response) {
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account,
                           parts_.ledger->FindAccount(request.account_id()));
  FAREBOX_ASSIGN_OR_RETURN(const ProfileRecord record, records_.ReadProfile(account));
  for (const PaymentCard& card : record.profile.cards()) {
    const bool is_primary = response->cards().empty();
    FillCard(card, is_primary, response->add_cards());
  }
  return absl::OkStatus();
}

absl::Status RechargeDesk::DeleteCard(const v1::DeleteCardRequest& request,
                                      v1::DeleteCardResponse* response) {
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account,
                           parts_.ledger->FindAccount(request.account_id()));
  PaymentCard deleted;
  const auto remove = [&](ProfileRecord* record) -> absl::StatusOr<DocumentGroup> {
    PaymentProfile* const profile = &record->profile;
    auto* const cards = profile->mutable_cards();
    const auto found = FindCard(cards, request.card_id());
    if (found == cards->end()) return error::NoCard(request.account_id());
    deleted = *found;
    cards->erase(found);
    const bool is_last = cards->empty() && profile->auto_recharge().enabled();
    response->set_auto_recharge_switched_off(is_last);
    if (!is_last) return DocumentGroup();
    profile->mutable_auto_recharge()->set_enabled(false);
    return parts_.mails->WriteCardDeleted(account, *profile, record->document.revision,
                                          parts_.clock->Now());
  };
  const absl::Status removed = ChangeWith(account, remove).status();
  // Asked for again: the first answer was lost.
  if (GetReason(removed) == Reason::kNoCard) return absl::OkStatus();
  FAREBOX_RETURN_IF_ERROR(removed);
  Forget(account, deleted);
  return absl::OkStatus();
}

// Off the file it cannot be charged by us; that the provider forgets it too is tidiness.
void RechargeDesk::Forget(const AccountFacts& account, const PaymentCard& card) {
  parts_.lanes->Post(kForgettingLane, [this, account, card] {
    const absl::StatusOr<ProfileRecord> record = records_.ReadProfile(account);
    if (!record.ok()) return;
    // The end of its setup was asked for once more meanwhile, and put it on file again.
    const auto& cards = record->profile.cards();
    if (FindCard(&cards, card.token()) != cards.end()) return;
    parts_.gateway->DetachCard({.token = card.token(), .customer = card.customer()}).IgnoreError();
  });
}

absl::Status RechargeDesk::ListRecharges(const v1::ListRechargesRequest& request,
                                         v1::ListRechargesResponse* response) {
  FAREBOX_ASSIGN_OR_RETURN(const AccountFacts account,
                           parts_.ledger->FindAccount(request.account_id()));
  FAREBOX_ASSIGN_OR_RETURN(const Page page,
                           ReadPage(request, absl::StrCat("recharges ", request.account_id())));
  FAREBOX_ASSIGN_OR_RETURN(std::vector<AttemptRecord> attempts,
                           records_.ListAttempts(account.number, page.before, page.sought()));
  const auto position_of = [](const AttemptRecord& attempt) { return attempt.document.id; };
  CutPage(page, position_of, &attempts, response);
  for (const AttemptRecord& record : attempts) {
    FillRecharge(record.attempt, response->add_recharges());
  }
  return absl::OkStatus();
}

absl::Status RechargeDesk::ReconcileRecharges(const v1::ReconcileRechargesRequest& request,
                                              v1::ReconcileRechargesResponse* response,
                                              PaymentGateway::ShouldContinue should_continue) {
  const absl::Time now = parts_.clock->Now();
  const absl::Time from =
      request.has_from_time() ? TimeOf(request.from_time()) : now - absl::Hours(48);
  // Of this very moment too.
  const absl::Time to = request.has_to_time() ? TimeOf(request.to_time()) : now + kMoment;
  if (from >= to) return error::FieldInvalid("from_time", "must be before to_time");
  absl::StatusOr<ReconciliationReport> report =
      parts_.reconciliation->Compare(from, to, should_continue);
  if (absl::IsUnavailable(report.status()))
    return error::ProviderUnavailable(report.status().message());
  FAREBOX_RETURN_IF_ERROR(report.status());
  response->set_charges(report->charges);
  response->set_credits(report->credits);
  response->set_under_way(report->under_way);
  for (const RechargeDifference& difference : report->differences) {
    const bool is_missing = difference.kind == RechargeDifference::Kind::kChargedNotCredited;
    const bool is_ours = parts_.ledger->FindAccount(difference.account_id).ok();
    if (request.repair() && is_missing && is_ours) {
      parts_.worker->Ask({.account_id = difference.account_id,
                          .recharge_id = difference.recharge_id,
                          .payment_id = difference.payment_id});
    }
    if (response->differences_size() == limits::kDifferencesMax) continue;
    FillDifference(difference, response->add_differences());
  }
  return absl::OkStatus();
}

}  // namespace farebox::server
